package signalingtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// endWait is how long a hub may take to end before that is a failure of the test.
const endWait = 10 * time.Second

// Hub is a hub for a test, and the first line to it: faults of the Hub happen on the
// connections to its own URL. NewLine makes more, where clients need faults of their own.
type Hub struct {
	*Line

	t       testing.TB
	options *signaling.Options

	changing sync.Mutex // held while the hub is replaced

	mu    sync.Mutex
	hub   *signaling.Hub
	lines []*Line
}

// NewHub starts a hub on a loopback port that is free, and ends it with the test, which fails if that
// doesn't succeed. Nil options mean the defaults of [signaling.NewHub].
func NewHub(t testing.TB, o *signaling.Options) *Hub {
	t.Helper()
	return newHub(t, o, "127.0.0.1:0")
}

// NewBubbleHub is NewHub for use inside synctest.Test: its connections are of memory, and only Dial
// and DialOptions lead to it.
func NewBubbleHub(t testing.TB, o *signaling.Options) *Hub {
	t.Helper()
	return newHub(t, o, "")
}

func newHub(t testing.TB, o *signaling.Options, address string) *Hub {
	t.Helper()
	h := &Hub{t: t, options: o, hub: signaling.NewHub(o)}
	t.Cleanup(h.close)
	line, err := newLine(h, address)
	if err != nil {
		t.Fatal(err)
	}
	h.Line = line
	h.lines = append(h.lines, line)
	return h
}

// NewLine opens another way to the hub.
func (h *Hub) NewLine() *Line {
	h.t.Helper()
	address := ""
	if h.address != "" {
		address = "127.0.0.1:0"
	}
	line, err := newLine(h, address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
	return line
}

// Signaling is the hub itself, for Kick, Lock, Drain, Stats and the like. After Forget and
// Deploy it is another.
func (h *Hub) Signaling() *signaling.Hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hub
}

// Restart resets all connections of all lines, and has them refused until down has passed. The hub keeps
// its memory: it is the network, or a proxy in front of it, that restarts.
func (h *Hub) Restart(down time.Duration) {
	h.t.Helper()
	h.whileDown(func() { <-time.After(down) })
}

// Forget replaces the hub by one that knows nothing: it crashed, said nothing, and is up
// again after down. Rosters begin a new epoch, and no session is recovered.
func (h *Hub) Forget(down time.Duration) {
	h.t.Helper()
	h.whileDown(func() {
		h.replace(func(old *signaling.Hub) {
			now, cancel := context.WithCancel(context.Background())
			cancel()
			old.Shutdown(now)
		})
		<-time.After(down)
	})
}

// Deploy replaces the hub by one that knows nothing, as an operator does: the old one tells
// everybody when to come back, and then ends.
func (h *Hub) Deploy() {
	h.t.Helper()
	h.changing.Lock()
	defer h.changing.Unlock()
	h.replace(h.shutdown)
}

func (h *Hub) whileDown(do func()) {
	h.t.Helper()
	h.changing.Lock()
	defer h.changing.Unlock()
	lines := h.allLines()
	for _, l := range lines {
		l.Down()
	}
	do()
	for _, l := range lines {
		if err := l.Up(); err != nil {
			h.t.Error(err)
		}
	}
}

// replace ends the hub and makes another with the same options.
func (h *Hub) replace(end func(*signaling.Hub)) {
	end(h.Signaling())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hub = signaling.NewHub(h.options)
}

func (h *Hub) shutdown(hub *signaling.Hub) {
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	if err := hub.Shutdown(ctx); err != nil {
		h.t.Errorf("signalingtest: the hub doesn't end: %v", err)
	}
}

func (h *Hub) allLines() []*Line {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines[:len(h.lines):len(h.lines)]
}

// close ends everything, at once.
func (h *Hub) close() {
	for _, l := range h.allLines() {
		l.close()
	}
	h.shutdown(h.Signaling())
}
