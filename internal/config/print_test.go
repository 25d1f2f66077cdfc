package config

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestPrintedIsReadAgain(t *testing.T) {
	const text = "open: true\norigins: ['https://a.example', 'https://b.example']\ntls: {cert: \"yes\", key: 'a: b #c'}\nlimits: {frame: 65537}\nproxies: ['::1']\nlog: {level: info}\n"
	first, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := first.Print(&out); err != nil {
		t.Fatal(err)
	}
	again, err := load(t, out.String())
	if err != nil || len(Changes(first, again)) > 0 {
		t.Errorf("%v, %v:\n%s", err, Changes(first, again), out.String())
	}
	for _, want := range []string{"open: true # snug.yaml:1\n", "# snug.yaml:2", "    rate: 32\n", "  frame: 65537 # snug.yaml:4\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it doesn't hold %q:\n%s", want, out.String())
		}
	}
}

func TestPrintedDefaultsSetNothing(t *testing.T) {
	var out bytes.Buffer
	if err := PrintDefaults(&out); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, out.String())
	if err != nil || len(Changes(Default(), c)) > 0 || len(c.origins) > 0 {
		t.Errorf("%v, %v", err, c.origins)
	}
	// Without the # before each key, they are the defaults.
	text := regexp.MustCompile(`(?m)^( *)# ([a-z_]+: \S+)$`).ReplaceAllString(out.String(), "$1$2")
	c, err = load(t, text)
	if err != nil || len(Changes(Default(), c)) > 0 || len(c.origins) != len(c.keys()) {
		t.Errorf("%v, %v, %d of %d keys", err, Changes(Default(), c), len(c.origins), len(c.keys()))
	}
	if len(out.String()) > 12<<10 {
		t.Errorf("they have %d bytes", len(out.String()))
	}
}

func TestChanges(t *testing.T) {
	from, err := load(t, "limits: {frame: 32KiB}\norigins: ['https://a.example', 'https://b.example']\nlisten: 127.0.0.1:1\n")
	if err != nil {
		t.Fatal(err)
	}
	to, err := load(t, "origins: ['https://b.example']\nlisten: 127.0.0.1:2\nsession: {grace: 60s}\ntls: {cert: c, key: k}\n")
	if err != nil {
		t.Fatal(err)
	}
	got := Changes(from, to)
	want := []Change{
		{"listen", "127.0.0.1:1", "127.0.0.1:2", true},
		{"origins", "https://a.example, https://b.example", "https://b.example", false},
		{"tls.cert", "", "c", true}, // a listener speaks TLS or doesn't
		{"tls.key", "", "k", true},
		{"limits.frame", "32KiB", "64KiB", false},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %v\nwant %v", got[i], want[i])
		}
	}
	other, err := load(t, "tls: {cert: d, key: k}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Changes(to, other) {
		if c.Key == "tls.cert" && c.Restart {
			t.Error("another certificate needs no restart")
		}
	}
}
