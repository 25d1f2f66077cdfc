package peer

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// rtcPair is two PeerConnections that have nobody but each other: what one signals, the other gets at once.
type rtcPair struct {
	t    testing.TB
	ends [2]*rtcEnd // the first offers
}

type rtcEnd struct {
	*rtc
	candidates chan *candidate // that were found; nil: the last of a round
	open       chan struct{}
	states     chan carrierState

	mu   sync.Mutex
	told []candidate
}

func newRTCPair(t testing.TB, offerer, answerer *network) *rtcPair {
	t.Helper()
	p := &rtcPair{t: t}
	for i, n := range []*network{offerer, answerer} {
		e := &rtcEnd{candidates: make(chan *candidate, 1024), open: make(chan struct{}), states: make(chan carrierState, 64)}
		r, err := newRTC(n, rtcEvents{
			candidate: func(c *candidate) { e.candidates <- c },
			open:      func() { close(e.open) },
			state:     func(s carrierState) { e.states <- s },
			foreign:   func() {},
		})
		if err != nil {
			t.Fatal(err)
		}
		e.rtc = r
		p.ends[i] = e
		t.Cleanup(r.close)
	}
	return p
}

// negotiate has the two exchange descriptions and candidates until both have told all of theirs.
func (p *rtcPair) negotiate(restart bool) {
	p.t.Helper()
	offerer, answerer := p.ends[0], p.ends[1]
	offer, err := offerer.offer(restart)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := answerer.answer(offer)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := offerer.accept(answer); err != nil {
		p.t.Fatal(err)
	}
	var telling sync.WaitGroup
	defer telling.Wait()
	telling.Go(func() { offerer.tell(p.t, answerer.rtc) })
	telling.Go(func() { answerer.tell(p.t, offerer.rtc) })
}

// tell passes a round of candidates on.
func (e *rtcEnd) tell(t testing.TB, to *rtc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = nil
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case c := <-e.candidates:
			if c == nil {
				return
			}
			e.told = append(e.told, *c)
			if err := to.addCandidate(*c); err != nil {
				t.Errorf("%s: %v", c.Candidate, err)
			}
		case <-deadline.C:
			t.Error("gathering doesn't end")
			return
		}
	}
}

func (e *rtcEnd) all() []candidate {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told
}

// opened tells whether both are open in time.
func (p *rtcPair) opened(within time.Duration) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for _, e := range p.ends {
		select {
		case <-e.open:
		case <-deadline.C:
			return false
		}
	}
	return true
}

func (p *rtcPair) mustOpen() {
	p.t.Helper()
	p.negotiate(false)
	if !p.opened(30 * time.Second) {
		p.t.Fatalf("not open; candidates: %v and %v", p.ends[0].all(), p.ends[1].all())
	}
}

// exchange sends a frame in each direction, and waits for it for as long as need be.
func (p *rtcPair) exchange(what string) {
	p.t.Helper()
	for i := range p.ends {
		from, to := p.ends[i], p.ends[1-i]
		ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
		defer cancel()
		if err := from.write(ctx, nil, dataReliable, []byte(what)); err != nil {
			p.t.Fatal(err)
		}
		buf := make([]byte, 1024)
		n, err := to.read(dataReliable, buf)
		if err != nil || string(buf[:n]) != what {
			p.t.Fatalf("got %q, %v; want %q", buf[:n], err, what)
		}
	}
}

func openNetwork(t testing.TB, o *Options) *network {
	t.Helper()
	o = o.withDefaults()
	o.Logger = slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	n, err := newNetwork(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	return n
}
