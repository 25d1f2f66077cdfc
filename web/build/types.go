package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// modules are the SDK's, what people use first.
var modules = []string{"room", "channel", "member", "standing", "path", "events", "chat", "errors", "token", "invite", "roster", "hub", "channels", "stream", "links", "link", "step", "carrier", "traffic", "inbound", "inlet", "lossy", "outlets", "outlet", "names", "queue", "outbox", "frame", "control", "protocol", "ice", "report", "conn", "signals", "seal", "sealed"}

// preface stands above the types: where to begin to read.
const preface = `// The types of /sdk.js. Begin with join(), Room and Chat; what is exported stands first, the rest is what these are made of.
//
//   const room = await join('https://hub.example.org/r/lobby', { name: 'Ann', token: () => fetchToken() })
//   room.addEventListener('message', ({ member, data }) => console.log(member.name, data))
//   await room.broadcast('Hello')

`

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
	index, err := os.ReadFile("web/sdk/src/index.ts")
	if err != nil {
		return nil, err
	}
	out := bytes.NewBufferString(preface)
	out.Write(append(source.ReplaceAll(index, nil), '\n'))
	for _, name := range modules {
		text, err := os.ReadFile(filepath.Join(dir, name+".d.ts"))
		if err != nil {
			return nil, err
		}
		text = imports.ReplaceAll(text, nil)
		text = empty.ReplaceAll(text, nil)
		out.Write(exported.ReplaceAll(text, []byte("$1 ")))
	}
	return out.Bytes(), nil
}
