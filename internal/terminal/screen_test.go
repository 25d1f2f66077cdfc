package terminal

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
	"github.com/snug-chat/snug/signaling"
)

const patience = 20 * time.Second

// lobby is the invite to a hub in this process.
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

func join(t *testing.T, invite, name string) *chat.Chat {
	t.Helper()
	c, err := chat.Join(t.Context(), invite, &peer.Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// screen is the model, driven as bubbletea drives it.
type screen struct {
	t     *testing.T
	model model
}

func newScreen(t *testing.T, c *chat.Chat) *screen {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &screen{t, newModel(ctx, c)}
}

func (s *screen) update(msg tea.Msg) tea.Cmd {
	s.t.Helper()
	next, cmd := s.model.Update(msg)
	m, ok := next.(model)
	if !ok {
		s.t.Fatalf("the model became %T", next)
	}
	s.model = m
	return cmd
}

// enter types a line.
func (s *screen) enter(text string) tea.Cmd {
	s.t.Helper()
	for _, r := range text {
		s.update(tea.KeyPressMsg{Text: string(r), Code: r})
	}
	return s.update(tea.KeyPressMsg{Code: tea.KeyEnter})
}

// shown is what a command prints, without colours.
func (s *screen) shown(cmd tea.Cmd) string {
	s.t.Helper()
	if cmd == nil {
		s.t.Fatal("nothing is done")
	}
	return ansi.Strip(fmt.Sprintf("%v", cmd()))
}

func (s *screen) view() string { return ansi.Strip(s.model.View().Content) }

func TestCommandsOfTheScreen(t *testing.T) {
	invite := lobby(t)
	ann := join(t, invite, "Ann")
	s := newScreen(t, ann)
	s.update(tea.WindowSizeMsg{Width: 80, Height: 24})
	if view := s.view(); !strings.Contains(view, "› Message") || !strings.Contains(view, "nobody else is here yet") {
		t.Errorf("at first it shows %q", view)
	}
	if cmd := s.enter("  "); cmd != nil {
		t.Error("an empty line does something")
	}
	if got := s.shown(s.enter("/who")); !strings.Contains(got, "Ann  you") {
		t.Errorf("/who shows %q", got)
	}
	if got := s.shown(s.enter("/help")); !strings.Contains(got, "/who") || !strings.Contains(got, "/quit") {
		t.Errorf("/help shows %q", got)
	}
	if cmd := s.enter("/dance"); cmd != nil || !strings.Contains(s.view(), "There is no /dance. /help shows what there is.") {
		t.Errorf("/dance: %q", s.view())
	}
	s.update(sent{})
	if strings.Contains(s.view(), "/dance") {
		t.Error("the problem stays")
	}
	s.update(sent{&peer.GoneError{Name: "Bob", Cause: peer.CauseTimeout}})
	if !strings.Contains(s.view(), `The link to "Bob" is gone: no answer came.`) {
		t.Errorf("what failed isn't said: %q", s.view())
	}
	for _, quit := range []tea.Cmd{
		s.enter("/quit"),
		s.update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}),
		s.update(tea.KeyPressMsg{Code: 'd', Mod: tea.ModCtrl}),
		s.update(tea.KeyPressMsg{Code: tea.KeyEscape}),
		s.update(ended{peer.ErrClosed}),
	} {
		if quit == nil || quit() != (tea.QuitMsg{}) {
			t.Error("it doesn't end")
		}
	}
	if s.model.err != peer.ErrClosed {
		t.Errorf("it ends with %v", s.model.err)
	}
}

func TestScreenShowsWhoIsThere(t *testing.T) {
	invite := lobby(t)
	ann := join(t, invite, "Ann")
	s := newScreen(t, ann)
	join(t, invite, "\u202eBob")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e := range ann.Room().Events(ctx) {
		cmd := s.update(e)
		if e.Type == peer.MemberJoined {
			if got := s.shown(cmd); !strings.Contains(got, "* Bob is here") {
				t.Errorf("it says %q", got)
			}
		}
		if e.Member.State == peer.LinkLive {
			break
		}
	}
	if view := s.view(); !strings.Contains(view, "with Bob") || strings.Contains(view, "connecting") || strings.Contains(view, "\u202e") {
		t.Errorf("it shows %q", view)
	}
	if got := s.shown(s.enter("/who")); !strings.Contains(got, "Bob  connected") {
		t.Errorf("/who shows %q", got)
	}
	s.update(peer.Event{Type: peer.HubLost})
	if view := s.view(); !strings.Contains(view, "the hub is away, conversations go on · with Bob") {
		t.Errorf("without the hub it shows %q", view)
	}
	s.update(peer.Event{Type: peer.HubBack})
	if view := s.view(); strings.Contains(view, "away") {
		t.Errorf("with the hub it shows %q", view)
	}
}

func TestScreenShowsMessagesPlainly(t *testing.T) {
	s := newScreen(t, join(t, lobby(t), "Ann"))
	s.update(tea.WindowSizeMsg{Width: 30, Height: 10})
	raw := fmt.Sprintf("%v", s.update(chat.Message{From: named("Mal\x1b]0;x\x07"), Body: "a\x1b[2Jb\u009b2Jc\u202ed\nAnn  hi"})())
	for _, bad := range []string{"\x1b[2J", "\x1b]", "\u009b", "\u202e", "\a"} {
		if strings.Contains(raw, bad) {
			t.Errorf("the screen gets %q: %q", bad, raw)
		}
	}
	text := ansi.Strip(raw)
	if !strings.Contains(text, "Mal]0;x  a[2Jb2Jcd") || !strings.Contains(text, "\n  Ann  hi") {
		t.Errorf("it shows %q", text)
	}
	long := s.shown(s.update(chat.Message{From: named("Bob"), Body: strings.Repeat("word ", 40)}))
	for line := range strings.Lines(long) {
		if ansi.StringWidth(strings.TrimSpace(line)) > 32 { // printed with braces around it
			t.Errorf("a line is too wide: %q", line)
		}
	}
}
