package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const blocks = "█▀▄" // what a QR code is drawn with

func TestServePrintsAnInvite(t *testing.T) {
	invite, p := serve(t)
	if !regexp.MustCompile(`^http://localhost:\d+/r/~[\w-]{22}#[\w-]{43}$`).MatchString(invite) {
		t.Errorf("the invite is %s", invite)
	}
	if out := p.out.text(); strings.ContainsAny(out, blocks) || strings.Count(out, "http") != 1 || strings.Contains(out, "Anyone") || strings.Contains(out, "The room is open") {
		t.Errorf("it says %s", out)
	}
	fetch(t, invite)
	fill(t, invite, 1)
	if p.notes.text() != "" {
		t.Errorf("it complains: %s", p.notes.text())
	}
}

func fetch(t *testing.T, page string) {
	t.Helper()
	answer, err := (&http.Client{Timeout: patience}).Get(page)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s: %s, %s", page, answer.Status, answer.Header.Get("Content-Type"))
	}
}

func TestServeInTheLocalNetwork(t *testing.T) {
	if !hasNetwork(t) {
		p := start(t, "serve", "--lan", "--listen", "127.0.0.1:0")
		if status := p.status(); status != 1 || p.out.text() != "" || !strings.Contains(p.notes.text(), "is in no network: connect it to one, or leave --lan out") {
			t.Errorf("status %d, %s%s", status, p.out.text(), p.notes.text())
		}
		return
	}
	invite, p := serve(t, "--lan")
	u, err := url.Parse(invite)
	if err != nil || net.ParseIP(u.Hostname()) == nil || net.ParseIP(u.Hostname()).IsLoopback() {
		t.Errorf("the invite is %s, %v", invite, err)
	}
	code := 0
	for line := range strings.Lines(p.out.text()) {
		if line = strings.TrimSpace(line); line != "" && strings.Trim(line, blocks+" ") == "" {
			code++
		}
	}
	if code < 15 || !strings.Contains(p.out.text(), "Anyone in your network can come in.") || !strings.Contains(p.out.text(), "The room is open, without a key: ") || strings.Contains(invite, "#") {
		t.Errorf("it says:\n%s", p.out.text())
	}
	fetch(t, invite)
}

// hasNetwork tells whether there is an address that others could reach.
func hasNetwork(t *testing.T) bool {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			n, ok := a.(*net.IPNet)
			if ok && n.IP.IsGlobalUnicast() && i.Flags&net.FlagUp != 0 && i.Flags&(net.FlagLoopback|net.FlagPointToPoint) == 0 {
				return true
			}
		}
	}
	return false
}

func TestServeEndsWell(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			invite, p := serve(t)
			guest := start(t, "chat", "--name", "Ann", invite)
			other := start(t, "chat", "--name", "Bob", invite)
			other.tells("Ann is here")
			other.write("are you there?\n")
			guest.says("Bob: are you there?\n")
			p.signal(s)
			if status := p.status(); status != 0 || p.notes.text() != "" {
				t.Errorf("status %d, %s", status, p.notes.text())
			}
			guest.tells("* the hub is away; conversations go on\n")
			other.write("still here\n")
			guest.says("Bob: still here\n")
		})
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := start(t, "serve", "--listen", l.Addr().String())
	if status := p.status(); status != exitError || p.out.text() != "" {
		t.Errorf("status %d, %s", status, p.out.text())
	}
	oneSentence(t, p.notes.text(), "Port "+port+" is in use by another program", "--listen 127.0.0.1:80")
}
