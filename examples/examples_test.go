// Package examples has no code of its own: each folder is a program that README.md
// quotes. The page is run in browsers by test/browser/examples.test.js.
package examples

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
	"github.com/snug-chat/snug/signaling"
)

const patience = 20 * time.Second // for one thing to happen

// TestReadmeQuotesTheExamples: the lines that the READMEs show are lines of the examples,
// as many as the READMEs say.
func TestReadmeQuotesTheExamples(t *testing.T) {
	for _, readme := range []string{"../README.md", "../README.zh.md"} {
		for _, c := range []struct {
			language, example string
			lines             int
		}{{"html", "page/index.html", 8}, {"go", "bot/main.go", 12}} {
			quoted := blocks(read(t, readme), c.language)
			if len(quoted) != 1 {
				t.Errorf("%s has %d blocks of %s, want 1", readme, len(quoted), c.language)
				continue
			}
			if n := strings.Count(quoted[0], "\n"); n != c.lines {
				t.Errorf("%s shows %d lines of %s, and says %d", readme, n, c.language, c.lines)
			}
			code := read(t, c.example)
			if !strings.Contains(code, quoted[0]) && !strings.Contains(code, indent(quoted[0])) {
				t.Errorf("%s doesn't quote %s:\n%s", readme, c.example, quoted[0])
			}
		}
	}
}

// blocks are the fenced code blocks of a language.
func blocks(text, language string) (all []string) {
	for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return all
}

// indent is code as it stands in a function.
func indent(code string) string {
	return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(code, "\t$1")
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBotAnswers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	invite := lobby(t)
	bot, notes := start(t, invite)
	ann, err := chat.Join(ctx, invite, &peer.Options{Name: "Ann"})
	if err != nil {
		t.Fatal(err)
	}
	defer ann.Close(context.Background())
	until(t, ctx, ann, peer.MemberJoined)
	for _, body := range []string{"hello", "time?"} { // the first gets no answer
		if _, err := ann.Send(ctx, body); err != nil {
			t.Fatal(err)
		}
	}
	m, err := ann.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.TimeOnly, m.Body); err != nil || m.From.Name != "clock" || string(m.From.Meta) != `{"bot":true}` {
		t.Errorf("%s (%s) answers %q", m.From.Name, m.From.Meta, m.Body)
	}
	if err := bot.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, ann, peer.MemberLeft)
	if err := bot.Wait(); err != nil || notes.Len() > 0 {
		t.Errorf("it ends with %v and says %q", err, notes)
	}
}

// lobby is the invite to a hub of this process.
func lobby(t *testing.T) string {
	t.Helper()
	hub := signaling.NewHub(nil)
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		hub.Shutdown(context.Background())
		server.Close()
	})
	return server.URL + "/r/lobby"
}

// start builds the bot and runs it until the test ends.
func start(t *testing.T, args ...string) (bot *exec.Cmd, notes *bytes.Buffer) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bot")
	if out, err := exec.Command("go", "build", "-o", binary, "./bot").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ctx, kill := context.WithCancel(context.Background())
	bot, notes = exec.CommandContext(ctx, binary, args...), new(bytes.Buffer)
	bot.Stderr = notes
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill()
		bot.Wait()
	})
	return bot, notes
}

// until waits for an event of a member.
func until(t *testing.T, ctx context.Context, c *chat.Chat, what peer.EventType) {
	t.Helper()
	for e := range c.Room().Events(ctx) {
		if e.Type == what {
			return
		}
	}
	t.Fatalf("waited in vain for: %s", what)
}
