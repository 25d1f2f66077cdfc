package certs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mholt/acmez/v3/acme"
)

func TestOptionsThatMakeNoSense(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, []byte("hello"))
	acme := func(change func(*ACME)) Options {
		o := ACME{Domains: []string{"hub.example.org"}, Storage: t.TempDir()}
		change(&o)
		return Options{ACME: &o}
	}
	domain := func(name string) Options { return acme(func(o *ACME) { o.Domains = []string{name} }) }
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "the file of the certificate is missing"},
		{Options{KeyFile: file}, "the file of the certificate is missing"},
		{Options{CertFile: file}, "the file of the certificate's key is missing"},
		{Options{CertFile: file, KeyFile: file, ACME: new(ACME)}, "not from both"},
		{acme(func(o *ACME) { o.Domains = nil }), "name at least one domain"},
		{domain(""), "a domain is empty"},
		{domain("https://hub.example.org"), `"https://hub.example.org" is no domain: write the name alone`},
		{domain("hub.example.org:443"), "write the name alone"},
		{domain("*.example.org"), "only DNS can prove"},
		{domain("203.0.113.7"), "is an address"},
		{domain("a;b"), `"a;b" is no domain`},
		{acme(func(o *ACME) { o.Directory = "ca.example.org" }), `"ca.example.org" is no address of an ACME server`},
		{acme(func(o *ACME) { o.Directory = "http://ca.example.org/dir" }), "is no address of an ACME server"},
		{acme(func(o *ACME) { o.Storage = "" }), "need a folder"},
		{acme(func(o *ACME) { o.Storage = filepath.Join(file, "below") }), "can't be made"},
		{acme(func(o *ACME) { o.CAFile = file }), "holds no certificate"},
		{acme(func(o *ACME) { o.CAFile = file + "x" }), "the file of the ACME server's certificate isn't there"},
		{acme(func(o *ACME) { o.Listen = "443" }), "HOST:PORT"},
		{acme(func(o *ACME) { o.Listen = ":https" }), "HOST:PORT"},
	} {
		got, err := New(t.Context(), c.o, nil)
		if err == nil {
			got.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestFolderForKeysIsForItsOwnerAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	if err := prepare(folder); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestReasonIsWhatTheServerSays(t *testing.T) {
	for want, err := range map[string]error{
		"no route": errors.New("no route"),
		"too many": errors.Join(errors.New("outer"), acme.Problem{Type: "x", Detail: "too many"}),
		"not yours": acme.Problem{Detail: "several", Subproblems: []acme.Subproblem{
			{Problem: acme.Problem{Detail: "not yours"}},
		}},
	} {
		if got := reason(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
