package main

import (
	"context"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

// join joins from this process.
func join(t *testing.T, invite, name string) *chat.Chat {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := chat.Join(ctx, invite, &peer.Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// meet waits until n others are there.
func meet(t *testing.T, c *chat.Chat, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range c.Room().Events(ctx) {
		if len(c.Room().Members()) == n {
			return
		}
	}
	t.Fatalf("%d others never came: %v", n, c.Room().Members())
}

func receive(t *testing.T, c *chat.Chat) chat.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := c.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func send(t *testing.T, c *chat.Chat, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Send(ctx, body); err != nil {
		t.Fatal(err)
	}
}

// pair is two of the program in one room, who see each other.
func pair(t *testing.T) (invite string, ann, bob *process) {
	t.Helper()
	invite, _ = serve(t)
	ann = start(t, "chat", "--name", "Ann", invite)
	bob = start(t, "chat", "--name", "Bob", invite)
	ann.tells("* Bob is here\n")
	bob.tells("* Ann is here\n")
	return invite, ann, bob
}

func (p *process) endsWith(out string) {
	p.t.Helper()
	p.in.Close()
	if status := p.status(); status != 0 || p.out.text() != out {
		p.t.Errorf("%q: status %d, said %q, not %q", p.args, status, p.out.text(), out)
	}
}

func TestLinesAreExchanged(t *testing.T) {
	_, ann, bob := pair(t)
	ann.write("Hello, Bob.\n\n\tsecond\r\n")
	bob.says("Ann: \tsecond\n")
	bob.write("你好 👋🏽\n")
	ann.says("👋🏽\n")
	bob.write("without a line feed")
	bob.endsWith("Ann: Hello, Bob.\nAnn: \tsecond\n")
	ann.tells("* Bob left\n")
	ann.endsWith("Bob: 你好 👋🏽\nBob: without a line feed\n")
}

func TestTextBeforeTheEndOfInputIsDelivered(t *testing.T) {
	invite, ann, bob := pair(t)
	long := strings.Repeat("x", chat.MaxBody)
	script := start(t, "chat", "--name", "script", invite)
	script.write("hi\n" + long + "\nlast\n")
	script.endsWith("")
	for _, p := range []*process{ann, bob} {
		p.says("script: hi\nscript: " + long + "\nscript: last\n")
		p.tells("* script left\n")
	}
}

func TestNothingToSay(t *testing.T) {
	invite, _ := serve(t)
	silent := start(t, "chat", "--name", "silent", invite)
	silent.endsWith("")
	alone := start(t, "chat", "--name", "alone", invite)
	alone.write("anybody?\n")
	alone.tells("* nobody is here to read that\n")
	alone.endsWith("")
}

// A script has to see that it wasn't heard.
func TestLinesThatCannotBeSent(t *testing.T) {
	invite, ann, bob := pair(t)
	bob.write(strings.Repeat("x", chat.MaxBody+1) + "\nnot \xff UTF-8\ngood\n")
	bob.in.Close()
	if status := bob.status(); status != exitError {
		t.Errorf("status %d", status)
	}
	notes := bob.notes.text()
	for _, want := range []string{"snug: A body of 8193 bytes is too long; 8192 are allowed.\n", "snug: A body must be UTF-8.\n", "snug: 2 lines weren't sent; why is said above.\n"} {
		if !strings.Contains(notes, want) {
			t.Errorf("it doesn't say %q: %s", want, notes)
		}
	}
	ann.says("Bob: good\n")
	endless := start(t, "chat", "--name", "Cat", invite)
	endless.tells("* Ann is here\n")
	endless.write("first\n" + strings.Repeat("y", 1<<20))
	if status := endless.status(); status != exitError || !strings.Contains(endless.notes.text(), "snug: A line is longer than 1048576 bytes") {
		t.Errorf("status %d, %s", status, endless.notes.text())
	}
	ann.says("Cat: first\n")
	ann.endsWith("Bob: good\nCat: first\n")
}

func TestTextOfOthersIsMadePlain(t *testing.T) {
	invite, _ := serve(t)
	ann := start(t, "chat", "--name", "Ann", invite)
	mal := join(t, invite, "\u202eMal\u2066\u2028: ")
	meet(t, mal, 1)
	send(t, mal, "a\x1b[2J\x1b]0;title\x07b\u009b31mc\rd\be\u202ef\u2067g\nAnn: no\u2028h\u0085i\x00")
	send(t, mal, "end")
	ann.says("end\n")
	ann.tells("* Mal: is here\n")
	ann.endsWith("Mal:: a[2J]0;titleb31mcdefg\n  Ann: nohi\nMal:: end\n")
	for _, r := range ann.notes.text() {
		if r != '\n' && r < ' ' || 0x7f <= r && r <= 0x9f || 0x2028 <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 {
			t.Errorf("the notes hold %U: %q", r, ann.notes.text())
		}
	}
}

func TestNameIsTheUsersByDefault(t *testing.T) {
	invite, _ := serve(t)
	ann := start(t, "chat", "--name", "Ann", invite)
	nameless := start(t, "chat", invite)
	nameless.tells("* Ann is here\n")
	ann.tells("* " + userName() + " is here\n")
}

func TestSignalsEndAChat(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			_, ann, bob := pair(t)
			bob.write("bye\n")
			ann.says("Bob: bye\n")
			bob.signal(s)
			if status := bob.status(); status != 0 || strings.Contains(bob.notes.text(), "snug:") {
				t.Errorf("status %d, %s", status, bob.notes.text())
			}
			ann.tells("* Bob left\n")
		})
	}
}

// Whoever gives up waiting for a hub wasn't in the room.
func TestSignalsEndJoining(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := start(t, "chat", "http://"+l.Addr().String()+"/r/lobby")
	conn, err := l.Accept() // and say nothing
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.signal(os.Interrupt)
	if status := p.status(); status != exitError {
		t.Errorf("status %d", status)
	}
	oneSentence(t, p.notes.text(), "nterrupt")
}
