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
	"maps"
	"os"
	"path/filepath"
	"slices"

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

// entries are what is built, each by itself: so each is one file, but for what it loads late.
var entries = map[string]string{
	"sdk":    "web/sdk/src/index.ts",
	"app":    "web/app/src/main.ts",
	"doctor": "web/app/src/doctor.ts",
	// What the others load late and needs values of theirs has its own copies.
	"sdk.trust": "web/sdk/src/trust.ts",
}

// apart has others than itself load an entry late, rather than share with it.
var apart = api.Plugin{Name: "apart", Setup: func(b api.PluginBuild) {
	b.OnResolve(api.OnResolveOptions{Filter: `^\./trust\.ts$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if a.Kind != api.ResolveJSDynamicImport {
			return api.OnResolveResult{}, nil
		}
		return api.OnResolveResult{Path: "./sdk.trust.js", External: true}, nil
	})
}}

func bundle() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		r := api.Build(api.BuildOptions{
			EntryPointsAdvanced: []api.EntryPoint{{InputPath: entries[name], OutputPath: name}},
			Bundle:              true,
			Splitting:           true,
			// Who loads something late gets the same from the SDK and the page: it imports no values.
			ChunkNames:        "sdk.[name]",
			Format:            api.FormatESModule,
			Target:            api.ES2022,
			MinifyIdentifiers: true,
			MinifySyntax:      true,
			MinifyWhitespace:  true,
			Charset:           api.CharsetUTF8,
			LegalComments:     api.LegalCommentsEndOfFile,
			Outdir:            dist,
			Plugins:           []api.Plugin{apart},
			LogLevel:          api.LogLevelInfo,
		})
		if len(r.Errors) > 0 {
			return nil, fmt.Errorf("%d errors", len(r.Errors))
		}
		for _, f := range r.OutputFiles {
			base := filepath.Base(f.Path)
			if known, ok := files[base]; ok && !bytes.Equal(known, f.Contents) {
				return nil, fmt.Errorf("%s differs between the SDK and the page: what is loaded late may import types only", base)
			}
			files[base] = f.Contents
		}
	}
	return files, nil
}

func compare(files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
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
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dist, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
