package main

import (
	"github.com/snug-chat/snug/peer"
	"os"
	"strings"
	"testing"
)

// inDirectory has the program run where there are these files.
func inDirectory(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	inDirectory(t, map[string]string{
		"fine.yaml":  "limits:\n  members: 8\n",
		"wrong.yaml": "listen: nonsense\nlimits:\n  membrs: 8\nopen: \"\\e[2J\"\n",
		"files.yaml": "auth:\n  keys: nowhere.pem\ntls: {cert: a.pem, key: b.pem}\n",
	})
	for _, c := range []struct {
		file   string
		status int
		lines  []string
	}{
		{"fine.yaml", 0, []string{"fine.yaml is fine."}},
		{"wrong.yaml", exitError, []string{
			`wrong.yaml:1: listen: "nonsense" is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080.`,
			"wrong.yaml:3: limits.membrs: is no key: did you mean members?",
			`wrong.yaml:4: open: is the text "\x1b[2J", and has to be true or false, without quotes.`,
		}},
		{"files.yaml", exitError, []string{"files.yaml:2: auth.keys: ", "files.yaml:3: tls.cert: "}},
		{"nowhere.yaml", exitError, []string{"nowhere.yaml: there is no such file."}},
	} {
		p := start(t, "config", "check", c.file)
		status := p.status()
		lines := strings.Split(strings.TrimSuffix(p.out.text(), "\n"), "\n")
		if status != c.status || p.notes.text() != "" || len(lines) != len(c.lines) {
			t.Errorf("%s: status %d, %s%s", c.file, status, p.out.text(), p.notes.text())
			continue
		}
		for i, line := range c.lines {
			if !strings.HasPrefix(lines[i], line) {
				t.Errorf("%s: got  %s\nwant %s", c.file, lines[i], line)
			}
		}
	}
	t.Setenv("SNUG_LIMITS_MEMBRS", "8")
	p := start(t, "config", "check", "fine.yaml")
	if status := p.status(); status != exitError || p.out.text() != "SNUG_LIMITS_MEMBRS: there is no such setting: did you mean SNUG_LIMITS_MEMBERS?\n" {
		t.Errorf("status %d, %s", status, p.out.text())
	}
}

func TestConfigPrint(t *testing.T) {
	inDirectory(t, map[string]string{"snug.yaml": "limits: {members: 8}\nauth: {keys: keys.pem}\n"})
	t.Setenv("SNUG_CONFIG", "snug.yaml")
	t.Setenv("SNUG_LOG_LEVEL", "info")
	p := start(t, "config", "print")
	if status := p.status(); status != 0 || p.notes.text() != "" {
		t.Fatalf("status %d, %s", status, p.notes.text())
	}
	for _, want := range []string{"  members: 8 # snug.yaml:1\n", "  keys: keys.pem # snug.yaml:2\n", "  level: info # SNUG_LOG_LEVEL\n", "\n  frame: 64KiB\n"} {
		if !strings.Contains(p.out.text(), want) {
			t.Errorf("it doesn't say %q:\n%s", want, p.out.text())
		}
	}
	p = start(t, "config", "print", "--defaults")
	if status := p.status(); status != 0 || !strings.Contains(p.out.text(), "\n  # Members of a room.\n  # members: 64\n") {
		t.Errorf("status %d, %s", status, p.out.text())
	}
}

func TestCertificatesAreKeptWhereTheSystemSays(t *testing.T) {
	inDirectory(t, nil)
	t.Setenv("SNUG_TLS_ACME_DOMAINS", "a.example")
	t.Setenv("XDG_CONFIG_HOME", "/home/ann/.config")
	for state, want := range map[string]string{"": "/home/ann/.config/snug/acme", "/var/lib/snug": "/var/lib/snug/acme", "/var/lib/snug:/b": "/var/lib/snug/acme"} {
		t.Setenv("STATE_DIRECTORY", state)
		p := start(t, "config", "print")
		if status := p.status(); status != 0 || !strings.Contains(p.out.text(), "    storage: "+want+"\n") {
			t.Errorf("%q: status %d, %s%s", state, status, p.out.text(), p.notes.text())
		}
	}
}

// Every layer, by what a hub with it does.
func TestServeIsConfigured(t *testing.T) {
	inDirectory(t, map[string]string{"snug.yaml": "listen: 127.0.0.1:1\nlimits: {members: 1, rooms: 1}\n"})
	t.Setenv("SNUG_LIMITS_MEMBERS", "2")
	invite, _ := serve(t, "--config", "snug.yaml", "--set", "limits.members=3")
	fill(t, invite, 3)
	refused(t, []string{"chat", invite}, "This room has all its 3 members")
	refused(t, []string{"chat", peer.NewInvite(parse(t, invite).Hub).String()}, "This hub has all its 1 rooms")
}

func TestServeIsConfiguredWrong(t *testing.T) {
	inDirectory(t, map[string]string{"snug.yaml": "limts: {}\ndrain: 5\n", "fine.yaml": ""})
	p := start(t, "serve", "--config", "snug.yaml")
	if status := p.status(); status != exitError || p.out.text() != "" || p.notes.text() != "snug: snug.yaml:1: limts: is no key: did you mean limits?\nsnug: snug.yaml:2: drain: 5 has no unit: write 5s for seconds, or one of ms, m and h.\n" {
		t.Errorf("status %d, %s", status, p.notes.text())
	}
	for args, say := range map[string]string{
		"--set limits.members":         `--set "limits.members" sets nothing: write KEY=VALUE, such as limits.members=16`,
		"--set limit.members=1":        "--set limit.members: there is no such setting: did you mean limits.members?",
		"--set limits.members=none":    `--set limits.members: "none" is no whole number: write one such as 64.`,
		"--config nowhere.yaml":        "nowhere.yaml: there is no such file.",
		"--token-keys nowhere.pem":     "--token-keys: ",
		"--tls-cert nowhere.pem":       "--tls-cert: a certificate needs its key",
		"--log-level loud":             `--log-level: "loud" is no level: write debug, info, warn or error.`,
		"--acme-domain 192.0.2.1":      `--acme-domain: "192.0.2.1" is no host name`,
		"--ice-server turn:a.example":  "--ice-server: ",
		"--proxy everybody":            "--proxy: ",
		"--origin a.example":           "--origin: ",
		"--admin 127.0.0.1":            "--admin: ",
		"--listen 0.0.0.0:0":           "others can reach 0.0.0.0:0, and everybody among them could come in: ask for tokens (--token-keys FILE, auth.keys), or open the hub to all of them (--open, open: true).",
		"--open --token-keys keys.pem": "--open: the hub can't ask for tokens (auth.keys) and be open to everybody",
	} {
		refused(t, append([]string{"serve"}, strings.Fields(args)...), say)
	}
	t.Setenv("SNUG_LISTN", "x")
	refused(t, []string{"serve"}, "SNUG_LISTN: there is no such setting: did you mean SNUG_LISTEN?")
}

func TestOpenSaysWhatItMeans(t *testing.T) {
	for _, args := range [][]string{{"--open", "--listen", "0.0.0.0:0"}, {"--proxy", "127.0.0.1"}} {
		_, p := serve(t, args...)
		if !strings.Contains(p.out.text(), "anyone who can reach it can come in, into any room whose name they know") {
			t.Errorf("%s: it says %s", args, p.out.text())
		}
	}
}

func TestTokensAreAskedFor(t *testing.T) {
	inDirectory(t, nil)
	if p := start(t, "token", "keygen", "--out", "backend"); p.status() != 0 {
		t.Fatal(p.notes.text())
	}
	invite, p := serve(t, "--listen", "0.0.0.0:0", "--token-keys", "backend.pub.pem")
	if out := p.out.text(); !strings.Contains(out, "needs a token") || strings.Contains(out, "anyone") {
		t.Errorf("it says %s", out)
	}
	p.says("snug token --key PRIVATE.pem --room '" + parse(t, invite).Room + "' --sub NAME > NAME.token\n")
	p.says("snug chat --token-file NAME.token '" + invite + "'\n")
	refused(t, []string{"chat", invite}, "token")
}
