package doctor

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const docs = "../../docs/doctor.md"

var update = flag.Bool("update", false, "write what docs/doctor.md should say of each check")

// TestDocs compares what docs/doctor.md says of each check with what is said at a terminal.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "## What it finds\n"
	before, after, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no part %q", docs, mark)
	}
	want := "\n" + described()
	if *update {
		if err := os.WriteFile(docs, []byte(before+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if after != want {
		t.Errorf("%s doesn't say what is said: go test ./internal/doctor -run Docs -update", docs)
	}
}

// described is what docs/doctor.md says of each check.
func described() string {
	var b strings.Builder
	told := make(map[string]bool)
	for _, id := range append(Checks(), "path") { // which the page at /doctor tries, too
		name := id
		if strings.HasPrefix(id, "turn-") {
			name, id = "relay", "turn-udp`, `turn-tcp`, `turn-tls"
		}
		if told[name] {
			continue
		}
		told[name] = true
		c := texts()[name]
		fmt.Fprintf(&b, "### %s: `%s`\n\n", fill(c.Title, values{"way": "UDP, TCP and TLS"}), id)
		fmt.Fprintf(&b, "| kind | says | what it means, what mends it |\n| --- | --- | --- |\n")
		for _, kind := range sortedKinds(c) {
			text := c.Kinds[kind]
			more := strings.TrimSpace(text.Means + " " + text.Mend)
			fmt.Fprintf(&b, "| `%s` (%s) | %s | %s |\n", kind, text.Status, placed(text.What), placed(more))
		}
		fmt.Fprintln(&b)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// sortedKinds are the cases, what is fine first.
func sortedKinds(c cases) (all []string) {
	order := []Status{Fine, Failed, Warning, Skipped}
	for kind := range c.Kinds {
		all = append(all, kind)
	}
	slices.SortFunc(all, func(a, b string) int {
		if d := slices.Index(order, c.Kinds[a].Status) - slices.Index(order, c.Kinds[b].Status); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return all
}

// placed is a text with what is filled in, in italics.
func placed(s string) string {
	s = strings.NewReplacer("{without}", "", "|", "\\|", "{", "*", "}", "*").Replace(s)
	return strings.TrimSpace(s)
}
