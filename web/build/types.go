package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// modules are the SDK's, each after those it imports.
var modules = []string{"errors", "invite", "roster", "protocol", "token", "conn", "signals", "frame", "hub", "link", "events", "room", "chat"}

var (
	imports  = regexp.MustCompile(`(?m)^import .*;\n`)
	exported = regexp.MustCompile(`(?m)^export (declare|interface|type) `)
	empty    = regexp.MustCompile(`(?m)^export \{\};\n`)
	source   = regexp.MustCompile(` from '\./[a-z]+\.ts'`)
)

// declarations is the SDK's types as one file: what tsc gives for each module,
// of which only what index.ts exports is visible.
func declarations() ([]byte, error) {
	dir, err := os.MkdirTemp("", "snug-types")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tsc := exec.Command("node_modules/.bin/tsc", "-p", "web/sdk", "--outDir", dir)
	tsc.Stdout, tsc.Stderr = os.Stderr, os.Stderr
	if err := tsc.Run(); err != nil {
		return nil, fmt.Errorf("tsc: %w", err)
	}
	var out bytes.Buffer
	for _, name := range modules {
		text, err := os.ReadFile(filepath.Join(dir, name+".d.ts"))
		if err != nil {
			return nil, err
		}
		text = imports.ReplaceAll(text, nil)
		text = empty.ReplaceAll(text, nil)
		out.Write(exported.ReplaceAll(text, []byte("$1 ")))
	}
	index, err := os.ReadFile("web/sdk/src/index.ts")
	if err != nil {
		return nil, err
	}
	out.Write(source.ReplaceAll(index, nil))
	return out.Bytes(), nil
}
