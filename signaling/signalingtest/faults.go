package signalingtest

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Way is a direction between a client and its hub.
type Way uint8

// Directions.
const (
	ToHub Way = 1 << iota
	ToClient

	BothWays = ToHub | ToClient
)

// faults are what goes wrong on a line now.
type faults struct {
	paused  atomic.Bool
	oneByte atomic.Bool
	noPong  atomic.Bool
	noPing  atomic.Bool
	twice   atomic.Bool
	delay   atomic.Int64 // ns
	rate    atomic.Int64 // bytes a second; 0: no bound

	mu      sync.Mutex
	refuse  refusal
	refuses int // how many more
	repeats int // requests to be sent twice
}

// refusal is what a connection is answered in place of the hub.
type refusal struct {
	status int // 0: nothing is refused
	retry  time.Duration
}

// Cut resets all connections of the line, as a process that is killed does. New ones are let in.
func (l *Line) Cut() {
	for _, p := range l.all() {
		p.cut()
	}
}

// HalfOpen makes the present connections fall silent, one way or both, without an end: what is
// written is taken, and doesn't come. Neither side hears when the other one closes, as when a NAT forgot
// the connection or a phone left its network. New ones work.
func (l *Line) HalfOpen(ways Way) {
	for _, p := range l.all() {
		if ways&ToHub != 0 {
			p.hub.in.hold()
		}
		if ways&ToClient != 0 {
			p.hub.out.hold()
		}
	}
}

// Pause stops everything on the line, new connections too, until Resume, which lets it
// all go on where it was: a network that was away for a moment.
func (l *Line) Pause() { l.faults.paused.Store(true) }

// Resume ends Pause and HalfOpen: what waited comes now.
func (l *Line) Resume() {
	l.faults.paused.Store(false)
	for _, p := range l.all() {
		p.hub.in.heal()
		p.hub.out.heal()
	}
}

// Delay has everything take d longer, each way.
func (l *Line) Delay(d time.Duration) { l.faults.delay.Store(int64(d)) }

// Slow lets this many bytes a second through on each connection, each way; 0 means no bound.
func (l *Line) Slow(bytesPerSecond int) { l.faults.rate.Store(int64(bytesPerSecond)) }

// OneByteWrites has bytes come one at a time.
func (l *Line) OneByteWrites(on bool) { l.faults.oneByte.Store(on) }

// NoPong loses the client's WebSocket pongs, so that the hub gives up a client
// that says nothing else.
func (l *Line) NoPong(on bool) { l.faults.noPong.Store(on) }

// NoPing loses the hub's WebSocket pings, so that a client that hears nothing else gives up its hub.
func (l *Line) NoPing(on bool) { l.faults.noPing.Store(on) }

// Duplicate has messages of the hub's come twice on WebSockets: those that a
// client must be able to hear again, which are roster, ack, ice and pong. Counted messages never do; TCP
// doesn't repeat, and counting relies on it.
func (l *Line) Duplicate(on bool) { l.faults.twice.Store(on) }

// RepeatRequests has the next n requests to send and to receive over HTTP come to the hub
// twice, as proxies do that try again. The client gets the answer to the second. PROTOCOL.md, section 7: the hub
// ends the connection, and nothing is delivered twice.
func (l *Line) RepeatRequests(n int) {
	l.faults.mu.Lock()
	defer l.faults.mu.Unlock()
	l.faults.repeats = n
}

// Refuse answers the next n connections, over WebSocket or HTTP, with an HTTP status in place of the
// hub, and questions why until one is let in. 503 (going-away), 429 (limit) and 403 (origin) come with the hub's error
// message and retry, others with a page that is none of the hub's, as from a proxy.
func (l *Line) Refuse(status int, retry time.Duration, n int) {
	l.faults.mu.Lock()
	defer l.faults.mu.Unlock()
	l.faults.refuse, l.faults.refuses = refusal{status, retry}, n
}

// Heal ends all faults but those that Down began.
func (l *Line) Heal() {
	l.Resume()
	l.Delay(0)
	l.Slow(0)
	l.OneByteWrites(false)
	l.NoPong(false)
	l.NoPing(false)
	l.Duplicate(false)
	l.RepeatRequests(0)
	l.Refuse(http.StatusOK, 0, 0)
}

// refused takes one of the refusals that are left, for a connection, or shows the one in force.
func (f *faults) refused(connects bool) (r refusal, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case connects && f.refuses == 0:
		f.refuse.status = 0 // somebody was let in
	case connects:
		f.refuses--
	}
	return f.refuse, f.refuse.status != 0
}

func (f *faults) repeated() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repeats == 0 {
		return false
	}
	f.repeats--
	return true
}
