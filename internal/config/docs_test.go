package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is what docs/operating.md says about a key.
func row(k key) string {
	text := strings.Join(k.texts(), ", ")
	if text != "" {
		text = "`" + text + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s%s |\n", k.name, text, k.doc, restarts(&k))
}

func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Default().keys() {
		if !strings.Contains(string(text), row(k)) {
			t.Errorf("docs/operating.md has no line\n%s", row(k))
		}
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			if find(Default().keys(), name) == nil {
				t.Errorf("docs/operating.md has %s, which is no key", name)
			}
		}
	}
}

// The hub refuses a variable that it doesn't know, so nobody should be told to set one.
func TestVariablesOfTheDocumentsAreKeys(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	l := loader{keys: Default().keys()}
	for _, file := range append(files, "../../README.md", "../../README.zh.md", "../../Dockerfile", "../../compose.yaml", "../../packaging/snug.service") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bSNUG_[A-Z_]*[A-Z]`).FindAllString(string(text), -1) {
			if !slices.Contains(l.variables(), name) {
				t.Errorf("%s has %s, which is no key", file, name)
			}
		}
	}
}
