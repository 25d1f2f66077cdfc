package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// testHub is a real hub on TCP that can be stopped and started again.
type testHub struct {
	t      testing.TB
	addr   string
	invite string
	server *http.Server
	hub    *signaling.Hub
}

func newTestHub(t testing.TB) *testHub {
	t.Helper()
	h := &testHub{t: t, addr: "127.0.0.1:0"}
	h.start()
	h.invite = "http://" + h.addr + "/r/lobby"
	t.Cleanup(h.kill)
	return h
}

func (h *testHub) start() {
	h.t.Helper()
	l, err := net.Listen("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = l.Addr().String()
	h.hub = signaling.NewHub(nil)
	h.server = &http.Server{Handler: h.hub}
	go h.server.Serve(l)
}

// kill cuts every connection without a word, as SIGKILL does.
func (h *testHub) kill() {
	h.server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.hub.Shutdown(ctx)
}

func (h *testHub) join(name string) *Room {
	h.t.Helper()
	r, err := Join(h.t.Context(), h.invite, &Options{Name: name, Logger: slog.New(slog.NewTextHandler(failing{h.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// failing fails the test for each warning.
type failing struct{ t testing.TB }

func (f failing) Write(b []byte) (int, error) {
	f.t.Errorf("warned: %s", b)
	return len(b), nil
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// until waits for what(members) to hold.
func until(t testing.TB, r *Room, what func([]Member) bool) {
	t.Helper()
	untilWithin(t, r, 20*time.Second, what)
}

func untilWithin(t testing.TB, r *Room, patience time.Duration, what func([]Member) bool) {
	t.Helper()
	ctx := within(t, patience)
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if what(r.Members()) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%s still sees %s", r.Self().Name, describe(r.Members()))
		}
	}
}

func describe(members []Member) string {
	var all []string
	for _, m := range members {
		all = append(all, fmt.Sprintf("%s:%s%s away=%v", m.Name, m.State, m.Cause, m.Away))
	}
	return strings.Join(all, ", ")
}

func live(n int) func([]Member) bool {
	return func(members []Member) bool {
		for _, m := range members {
			if m.State != LinkLive || m.Away {
				return false
			}
		}
		return len(members) == n
	}
}

func hears(t testing.TB, r *Room, from, text string) {
	t.Helper()
	m, err := r.Receive(within(t, 20*time.Second))
	if err != nil || m.From.Name != from || string(m.Data) != text || !m.Text {
		t.Fatalf("%s heard %q from %q, %v; want %q from %q", r.Self().Name, m.Data, m.From.Name, err, text, from)
	}
}

func says(t testing.TB, r *Room, text string) {
	t.Helper()
	if err := r.Broadcast(within(t, 20*time.Second), Text(text)); err != nil {
		t.Fatal(err)
	}
}

func TestTwoTalk(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	says(t, bob, "hello") // waits for the link
	hears(t, ann, "Bob", "hello")
	says(t, ann, "你好")
	hears(t, bob, "Ann", "你好")
	if err := bob.Link(ann.Self().ID).Send(t.Context(), Bytes(bytes.Repeat([]byte{7}, MaxMessage))); err != nil {
		t.Fatal(err)
	}
	if m, err := ann.Receive(within(t, 20*time.Second)); err != nil || m.Text || len(m.Data) != MaxMessage {
		t.Errorf("got %d bytes, %v", len(m.Data), err)
	}
	if err := ann.Broadcast(t.Context(), Bytes(make([]byte, MaxMessage+1))); err == nil {
		t.Error("a message that is too long was sent")
	}
	if err := ann.Broadcast(t.Context(), Text("\xff")); err == nil {
		t.Error("text that isn't UTF-8 was sent")
	}
}

func TestStatisticsTellOfThePath(t *testing.T) {
	h := newTestHub(t)
	ann := h.join("Ann")
	bob := h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	until(t, ann, func(m []Member) bool { return m[0].Path != "" })
	link := ann.Link(bob.Self().ID)
	before, ok := link.Statistics()
	if !ok || before.Path != ann.Members()[0].Path || before.Path != PathLAN && before.Path != PathDirect {
		t.Fatalf("%+v, %v", before, ok)
	}
	const size = 10_000
	if err := link.Send(t.Context(), Bytes(make([]byte, size))); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Receive(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if after, ok := link.Statistics(); !ok || after.Sent < before.Sent+size {
		t.Errorf("%+v, then %+v", before, after)
	}
	bob.Close(t.Context())
	until(t, ann, func(m []Member) bool { return len(m) == 0 })
}

func TestUnreliableMessagesArrive(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	m := Text("now")
	m.Unreliable = true
	got := make(chan Message, 1)
	go func() {
		if m, err := bob.Receive(t.Context()); err == nil {
			got <- m
		}
	}()
	for {
		if err := ann.Broadcast(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-got:
			if !m.Unreliable || string(m.Data) != "now" {
				t.Errorf("got %+v", m)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestCloseDeliversWhatWasSentBefore(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, bob, live(1))
	const count = 500
	got := make(chan int)
	go func() {
		n := 0
		for n < count {
			m, err := ann.Receive(t.Context())
			if err != nil || string(m.Data[:4]) != fmt.Sprintf("%04d", n) {
				t.Errorf("message %d: %.4s, %v", n, m.Data, err)
				break
			}
			n++
		}
		got <- n
	}()
	for i := range count {
		says(t, bob, fmt.Sprintf("%04d", i)+strings.Repeat("x", 1000))
	}
	bob.Close(t.Context())
	if n := <-got; n != count {
		t.Errorf("%d of %d messages came", n, count)
	}
	until(t, ann, func(m []Member) bool { return len(m) == 0 })
	if _, err := bob.Receive(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Receive after Close: %v", err)
	}
	if err := bob.Broadcast(t.Context(), Text("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Broadcast after Close: %v", err)
	}
}

func TestSendWaits(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	link := ann.Link(bob.Self().ID)
	sent := 0
	for ; ; sent++ { // Bob doesn't receive
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := link.Send(ctx, Bytes(make([]byte, maxPayload)))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sent > 2000 {
			t.Fatal("32 MB were taken for somebody who doesn't receive")
		}
	}
	for range sent {
		if _, err := bob.Receive(within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	says(t, ann, "and on")
	hears(t, bob, "Ann", "and on")
}

func TestHubMayDieAndComeBack(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	h.kill()
	for i := range 3 {
		says(t, ann, fmt.Sprint("without a hub ", i))
		hears(t, bob, "Ann", fmt.Sprint("without a hub ", i))
		says(t, bob, fmt.Sprint("me too ", i))
		hears(t, ann, "Bob", fmt.Sprint("me too ", i))
	}
	h.start()
	cem := h.join("Cem")
	for _, r := range []*Room{ann, bob, cem} {
		until(t, r, live(2))
	}
	says(t, cem, "good morning")
	hears(t, ann, "Cem", "good morning")
	hears(t, bob, "Cem", "good morning")
	says(t, ann, "still once")
	hears(t, bob, "Ann", "still once")
	hears(t, cem, "Ann", "still once")
}

func TestRefusedForGoodEndsTheRoom(t *testing.T) {
	h := newTestHub(t)
	ann := h.join("Ann")
	to, _ := signaling.ParseInvite(h.invite)
	other, err := signaling.Dial(t.Context(), to, signaling.Hello{Secret: ann.secret, Kind: "go"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var refused *signaling.Error
	if _, err := ann.Receive(within(t, 20*time.Second)); !errors.As(err, &refused) || refused.Code != signaling.CodeSuperseded {
		t.Errorf("got %v", err)
	}
}

func TestJoinTellsWhatIsWrong(t *testing.T) {
	h := newTestHub(t)
	if _, err := Join(t.Context(), "http://"+h.addr+"/", nil); err == nil {
		t.Error("no room was joined")
	}
	h.kill()
	if _, err := Join(t.Context(), h.invite, nil); !errors.Is(err, signaling.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestFiveHearEachOther(t *testing.T) {
	h := newTestHub(t)
	rooms := make([]*Room, 5)
	var joining sync.WaitGroup
	for i := range rooms {
		joining.Go(func() { rooms[i] = h.join(fmt.Sprint(i)) })
	}
	joining.Wait()
	for i, r := range rooms {
		until(t, r, live(4))
		says(t, r, fmt.Sprint("from ", i))
		for j, other := range rooms {
			if i != j {
				hears(t, other, fmt.Sprint(i), fmt.Sprint("from ", i))
			}
		}
	}
}
