package terminal

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
	"github.com/snug-chat/snug/signaling"
)

// sealedLobby is the invite to a sealed room of a hub in this process.
func sealedLobby(t *testing.T) string {
	t.Helper()
	hub := signaling.NewHub(nil)
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		hub.Shutdown(context.Background())
		server.Close()
	})
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return peer.NewInvite(u).String()
}

// awaits waits for a member to be so.
func awaits(t *testing.T, c *chat.Chat, what func(peer.Member) bool) peer.Member {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range c.Room().Events(ctx) {
		for _, m := range c.Room().Members() {
			if what(m) {
				return m
			}
		}
	}
	t.Fatalf("only %+v", c.Room().Members())
	return peer.Member{}
}

// notes are what is told, line by line.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
	return n.text.Write(b)
}

// await waits for what matches, and returns it.
func (n *notes) await(t *testing.T, pattern string) string {
	t.Helper()
	is, late := regexp.MustCompile(pattern), time.After(patience)
	for {
		n.mu.Lock()
		all := n.text.String()
		n.mu.Unlock()
		if found := is.FindString(all); found != "" {
			return found
		}
		select {
		case <-n.more:
		case <-late:
			t.Fatalf("no %s in %s", pattern, all)
		}
	}
}

const sevenEmoji = `(?m)(^  \S+ [a-z ]+ \p{Han}+\n){7}`

func TestScreenAndLinesVerifyEachOther(t *testing.T) {
	invite := sealedLobby(t)
	ann, bob := join(t, invite, "Ann"), join(t, invite, "Bob")
	s := newScreen(t, ann)
	in, typed := io.Pipe()
	told := &notes{more: make(chan struct{}, 1)}
	var lines sync.WaitGroup
	lines.Go(func() {
		if err := Lines(t.Context(), bob, in, io.Discard, told); err != nil {
			t.Error(err)
		}
	})
	awaits(t, bob, func(m peer.Member) bool { return m.Standing == peer.StandingUnverified })
	bobThere := awaits(t, ann, func(m peer.Member) bool { return m.Standing == peer.StandingUnverified })
	s.update(peer.Event{Type: peer.MemberChanged, Member: bobThere})
	if got := s.shown(s.enter("/who")); !strings.Contains(got, "not verified") {
		t.Errorf("/who shows %q", got)
	}

	if got := s.enter("/verify Nobody")(); got.(did).err == nil {
		t.Error("nobody was verified")
	}
	showing := make(chan string, 1)
	verify := s.enter("/verify Bob")
	lines.Go(func() {
		got := verify().(did)
		if got.err != nil {
			t.Error(got.err)
		}
		showing <- got.text
	})
	told.await(t, `\* Ann wants to compare emoji with you: /verify Ann, or /no Ann`)
	io.WriteString(typed, "/verify Ann\n")
	there := told.await(t, sevenEmoji)
	if here := regexp.MustCompile(sevenEmoji).FindString(<-showing); here == "" || here != there {
		t.Errorf("one sees %q, the other %q", here, there)
	}
	io.WriteString(typed, "/match\n")
	told.await(t, "Ann is verified")
	if got := s.enter("/match")().(did); got.err != nil || !strings.Contains(got.text, "Bob is verified") {
		t.Errorf("/match: %+v", got)
	}
	awaits(t, ann, func(m peer.Member) bool { return m.Standing == peer.StandingVerified })
	if got := s.enter("/match")().(did); got.err == nil {
		t.Error("nothing was compared")
	}
	typed.Close()
	lines.Wait()
}
