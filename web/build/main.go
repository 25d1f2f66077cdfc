// Build bundles the SDK and the page into web/dist, which is committed, so that
// nobody needs Node to build snug.
//
//	go run ./web/build           writes web/dist
//	go run ./web/build --check   fails if web/dist isn't what would be written
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/evanw/esbuild/pkg/api"
)

const dist = "web/dist"

func main() {
	check := flag.Bool("check", false, "compare instead of write")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	if _, err := os.Stat("node_modules/lit"); err != nil {
		return errors.New("node_modules is missing; run: npm ci")
	}
	files, err := bundle()
	if err != nil {
		return err
	}
	if files["sdk.d.ts"], err = declarations(); err != nil {
		return err
	}
	for _, name := range []string{"index.html", "doctor.html", "icon.svg"} {
		if files[name], err = os.ReadFile(filepath.Join("web/app", name)); err != nil {
			return err
		}
	}
	if check {
		return compare(files)
	}
	return write(files)
}

// bundle makes one file of each entry point, and one more of each part that it loads later by import(), such as
// sdk-seal.js. Such a part imports nothing itself, or what it shares would be a third file that is loaded first.
func bundle() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, e := range []api.EntryPoint{
		{InputPath: "web/sdk/src/index.ts", OutputPath: "sdk"},
		{InputPath: "web/app/src/main.ts", OutputPath: "app"},
		{InputPath: "web/app/src/doctor.ts", OutputPath: "doctor"},
	} {
		if err := bundleOne(e, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func bundleOne(e api.EntryPoint, files map[string][]byte) error {
	r := api.Build(api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{e},
		Bundle:              true,
		Splitting:           true,
		ChunkNames:          e.OutputPath + "-[name]",
		Format:              api.FormatESModule,
		Target:              api.ES2022,
		MinifyIdentifiers:   true,
		MinifySyntax:        true,
		MinifyWhitespace:    true,
		Charset:             api.CharsetUTF8,
		LegalComments:       api.LegalCommentsEndOfFile,
		Outdir:              dist,
		LogLevel:            api.LogLevelInfo,
	})
	if len(r.Errors) > 0 {
		return fmt.Errorf("%d errors", len(r.Errors))
	}
	for _, f := range r.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	return nil
}

func compare(files map[string][]byte) error {
	for _, name := range sorted(files) {
		committed, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil || !bytes.Equal(committed, files[name]) {
			return fmt.Errorf("%s/%s isn't what its sources give; run: make generate", dist, name)
		}
	}
	entries, err := os.ReadDir(dist)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if files[e.Name()] == nil {
			return fmt.Errorf("%s/%s has no source any more; run: make generate", dist, e.Name())
		}
	}
	return nil
}

func write(files map[string][]byte) error {
	if err := os.RemoveAll(dist); err != nil {
		return err
	}
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	for _, name := range sorted(files) {
		if err := os.WriteFile(filepath.Join(dist, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func sorted(files map[string][]byte) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
