package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/snug-chat/snug/peer/chat"
)

func TestEchoAnswers(t *testing.T) {
	invite, _ := serve(t)
	bot := start(t, "bot", "echo", invite)
	room := parse(t, invite).Room
	bot.says("echo is in the room " + room + ". Ctrl-C ends it.\n")
	ann := join(t, invite, "Ann")
	meet(t, ann, 1)
	for _, text := range []string{"hi", "two\nlines", "echo: hi"} {
		send(t, ann, text)
		m := receive(t, ann)
		if m.From.Name != "echo" || m.Body != "echo: "+text || len(m.Refs) != 1 || m.Refs[0].Rel != chat.RelReply || m.Refs[0].Author != ann.Room().Self().ID {
			t.Errorf("to %q it answers %+v", text, m)
		}
	}
	send(t, ann, strings.Repeat("x", chat.MaxBody))
	if m := receive(t, ann); m.Body != "echo: (that was too long)" {
		t.Errorf("to a long text it answers %q", m.Body)
	}
	bob := start(t, "chat", "--name", "Bob", invite)
	bob.tells("* echo is here\n")
	bob.write("from a terminal\n")
	bob.says("echo: echo: from a terminal\n")
}

func TestEchoesDoNotAnswerEachOther(t *testing.T) {
	invite, _ := serve(t)
	for range 2 {
		start(t, "bot", "echo", invite).says("is in the room")
	}
	ann := join(t, invite, "Ann")
	meet(t, ann, 2)
	for round := range 20 {
		text := fmt.Sprint("round ", round)
		send(t, ann, text)
		first, second := receive(t, ann), receive(t, ann)
		if first.Body != "echo: "+text || second.Body != first.Body || first.From.ID == second.From.ID {
			t.Fatalf("to %q come %q and %q", text, first.Body, second.Body)
		}
	}
}

func TestSignalsEndABot(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			invite, _ := serve(t)
			bot := start(t, "bot", "echo", invite)
			bot.says("is in the room")
			ann := start(t, "chat", "--name", "Ann", invite)
			ann.tells("* echo is here\n")
			bot.signal(s)
			if status := bot.status(); status != 0 || bot.notes.text() != "" {
				t.Errorf("status %d, %s", status, bot.notes.text())
			}
			ann.tells("* echo left\n")
		})
	}
}
