package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestNewRoom(t *testing.T) {
	const sealed, open = `/r/~[\w-]{22}#[\w-]{43}\n$`, `/r/[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}\n$`
	for args, want := range map[string]string{
		"":                                      `^http://localhost:8080` + sealed,
		"https://hub.example/chat/":             `^https://hub\.example/chat` + sealed,
		"http://localhost:9/r/lobby#whatever":   `^http://localhost:9` + sealed,
		"--open http://192.0.2.1:8080":          `^http://192\.0\.2\.1:8080` + open,
		"--open https://hub.example/r/~x?y=1#z": `^https://hub\.example` + open,
	} {
		p := start(t, append([]string{"room", "new"}, strings.Fields(args)...)...)
		if status := p.status(); status != 0 || p.notes.text() != "" || !regexp.MustCompile(want).MatchString(p.out.text()) {
			t.Errorf("%q: status %d, %s%s", args, status, p.out.text(), p.notes.text())
		}
	}
	refused(t, []string{"room", "new", "hub.example"}, "no address of a hub")
	p := start(t, "room", "new", "http://a", "http://b")
	if status := p.status(); status != exitUsage {
		t.Errorf("status %d", status)
	}
	oneSentence(t, p.notes.text(), "one hub is enough, here are 2")
}

// Members of a sealed room need its key, and are told so in a sentence that doesn't hold it.
func TestSealedRoomInTheTerminal(t *testing.T) {
	invite, _ := serve(t)
	ann := start(t, "chat", "--name", "Ann", invite)
	start(t, "bot", "echo", invite).says("is in the room")
	ann.tells("* echo: connected")
	ann.write("hi\n")
	ann.says("echo: echo: hi\n")
	link, key, _ := strings.Cut(invite, "#")
	other := start(t, "room", "new", link)
	other.status()
	_, wrong, _ := strings.Cut(strings.TrimSpace(other.out.text()), "#")
	for shown, say := range map[string]string{
		link:                      "lacks its key",
		link + "#" + wrong:        "don't belong together",
		invite + "x":              "is damaged",
		link + "#" + key[1:]:      "is damaged",
		link + "-#" + key:         "don't belong together",
		link[:22] + "/lobby#nope": "names no room",
	} {
		p := start(t, "chat", shown)
		if status := p.status(); status != exitError || strings.Contains(p.notes.text(), key[2:20]) || strings.Contains(p.notes.text(), wrong) {
			t.Errorf("%s: status %d, %s", shown, status, p.notes.text())
		}
		oneSentence(t, p.notes.text(), say)
	}
}

// A member without the key is seen for what it is.
func TestStrangerInTheTerminal(t *testing.T) {
	invite, _ := serve(t)
	ann := start(t, "chat", "--name", "Ann", invite)
	ann.write("\n")
	start(t, "bot", "echo", invite).says("is in the room")
	ann.tells("* echo: connected")
	fill(t, invite, 1)
	ann.tells("* somebody is here, but can't prove that it has the room's key, so nothing is said to it")
}
