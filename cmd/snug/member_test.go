package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A hub that asks for tokens lets in who has one, by either transport, and says why nobody else.
func TestTokensLetMembersIn(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "backend")
	if status := start(t, "token", "keygen", "--out", name).status(); status != 0 {
		t.Fatalf("keygen ends with %d", status)
	}
	invite, _ := serve(t, "--token-keys", name+".pub.pem")
	room := parse(t, invite).Room
	token := func(file, room, who string) string {
		p := start(t, "token", "--key", name+".pem", "--room", room, "--sub", who)
		if p.status() != 0 {
			t.Fatal(p.notes.text())
		}
		file = filepath.Join(dir, file)
		if err := os.WriteFile(file, []byte(p.out.text()), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	start(t, "bot", "echo", "--token-file", token("echo", room, "echo"), invite).says("is in the room")
	for _, transport := range []string{"websocket", "http"} {
		ann := start(t, "chat", "--name", "Ann", "--transport", transport, "--token-file", token("ann", room, "ann"), invite)
		ann.tells("* echo: connected")
		ann.write("hi\n")
		ann.says("echo: echo: hi\n")
	}
	other := token("other", "elsewhere", "ann")
	empty := filepath.Join(dir, "empty")
	os.WriteFile(empty, nil, 0o600)
	for want, args := range map[string][]string{
		"token":                         {"chat", invite},
		"for another room":              {"chat", "--token-file", other, invite},
		"holds no token":                {"chat", "--token-file", empty, invite},
		"can't be read":                 {"bot", "echo", "--token-file", filepath.Join(dir, "none"), invite},
		"no transport named \"pigeon\"": {"chat", "--transport", "pigeon", invite},
	} {
		p := start(t, args...)
		if status := p.status(); status != exitError || !strings.Contains(p.notes.text(), want) || strings.Count(p.notes.text(), "\n") != 1 {
			t.Errorf("%v: status %d, %s", args, status, p.notes.text())
		}
	}
}
