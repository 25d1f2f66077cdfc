package config

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzConfig: whatever a file holds is read or refused with a place and a sentence, and what was read is
// printed so that it is read as the same again.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"", "listen: 127.0.0.1:80", "open: true\nopen: true", "limits: {frame: 1KiB, joins: {rate: 1e3}}", "origins:\n- https://example.org\n- x",
		"a: &a [*a]", "? {}\n: x", "tls: {cert: \"\\e\"}", "---\n...\n---", "limits.frame: 3", "log: !!str x", "session: {grace: 60}", "proxies: [::/0]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, problems := parse(text)
		for _, p := range problems {
			if !strings.HasPrefix(p.Where, "fuzz.yaml") || len(p.Text) < 10 || !strings.HasSuffix(p.Text, ".") && !strings.HasSuffix(p.Text, "?") {
				t.Errorf("this is no report: %q", p.Error())
			}
		}
		if len(problems) > 0 || !utf8.Valid(text) {
			return
		}
		var out bytes.Buffer
		if err := c.Print(&out); err != nil {
			t.Fatal(err)
		}
		again, problems := parse(out.Bytes())
		if changes := Changes(c, again); len(problems) > 0 || len(changes) > 0 {
			t.Errorf("%v, %v:\n%s", problems, changes, out.String())
		}
	})
}

func parse(text []byte) (*Config, Problems) {
	c := Default()
	l := loader{config: c, keys: c.keys()}
	l.yaml("fuzz.yaml", text)
	return c, l.problems
}
