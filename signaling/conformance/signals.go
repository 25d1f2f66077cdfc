package conformance

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Section 4, signals and what becomes of them.
var signals = []rule{
	{"bodies are any JSON value, and come as they were sent", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		for _, body := range []string{
			`null`, `true`, `""`, `[]`, `{}`, `-0.0`, `1E400`, `12345678901234567890.5`, `"\u2028\/\u0000é"`,
			`{"type":"welcome","from":"x","b":[{"":{"":[]}}],"a":1}`,
		} {
			ann.signal(bob.id, body)
			if m := bob.until("signal"); string(m.Body) != body || m.From != ann.id {
				t.Errorf("%s comes as %s from %s", body, m.Body, m.From)
			}
		}
	}},
	{"signals come in the order sent, once", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		cem := s.join(t, ann.room, "Cem")
		const n = 100
		for i := range n {
			ann.signal(bob.id, strconv.Itoa(i))
			cem.signal(bob.id, strconv.Itoa(i))
		}
		got := map[string]int{}
		for range 2 * n {
			m := bob.until("signal")
			if string(m.Body) != strconv.Itoa(got[m.From]) {
				t.Fatalf("from %s came %s; %d was next", m.From, m.Body, got[m.From])
			}
			got[m.From]++
		}
		for _, m := range bob.meanwhile() {
			if m.Type == "signal" {
				t.Errorf("one came twice: %v", m)
			}
		}
	}},
	{"signals go to one member only", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		cem := s.join(t, ann.room, "Cem")
		ann.signal(bob.id, "1")
		bob.until("signal")
		for _, c := range []*client{ann, cem} {
			for _, m := range c.meanwhile() {
				if m.Type != "roster" {
					t.Errorf("another one hears %v", m)
				}
			}
		}
	}},
	{"what can't be delivered is told, by its number", 0, undeliverable},
	{"undeliverable says gone of who has left", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		bob.bye(websocket.CloseNormalClosure)
		ann.sees("Bob's leave", answerWait, isGone(bob.id))
		ann.signal(bob.id, "1")
		if u := ann.expect("undeliverable"); u.Reason != "gone" || u.To != bob.id || u.Signal != 1 {
			t.Errorf("got %v", u)
		}
	}},
	{"acks come within two seconds", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		ann.signal(bob.id, "1")
		ann.isAcked(1, 2*time.Second)
	}},
	{"acks come after 32 signals", 0, func(t *testing.T, s *suite) { s.isAckedSoon(t, 32, `1`) }},
	{"acks come after 32 KiB of signals", 0, func(t *testing.T, s *suite) {
		s.isAckedSoon(t, 5, `"`+strings.Repeat("x", 8<<10)+`"`)
	}},
	{"undeliverable signals are acknowledged too", 0, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		ann.signal("nobody", "1")
		ann.signal("nobody", "2")
		ann.isAcked(2, 2*time.Second)
	}},
	{"who doesn't read is closed as slow, and others go on", needsWebSocket, slowMember},
}

func undeliverable(t *testing.T, s *suite) {
	ann, bob := s.pair(t, newRoom())
	_, nobody := newSecret()
	for i, c := range []struct{ to, reason string }{
		{nobody, "gone"},
		{ann.id, "unknown"},
		{bob.id, ""},
		{"nobody", "unknown"},
		{"", "unknown"},
		{bob.id + "A", "unknown"},
		{strings.Repeat("!", 22), "unknown"},
	} {
		ann.signal(c.to, "1")
		if c.reason == "" {
			bob.until("signal") // it counts, and comes
			continue
		}
		if u := ann.expect("undeliverable"); u.Signal != uint64(i+1) || u.To != c.to || u.Reason != c.reason {
			t.Errorf("signal %d, to %q, is answered with %v; the reason should be %s", i+1, c.to, u, c.reason)
		}
	}
	for _, m := range bob.meanwhile() {
		t.Errorf("Bob hears %v", m)
	}
}

// isAckedSoon sends n signals, which are as many as ask for an ack at once.
func (s *suite) isAckedSoon(t *testing.T, n int, body string) {
	ann, bob := s.pair(t, newRoom())
	start := time.Now()
	for range n {
		ann.signal(bob.id, body)
	}
	if took := time.Since(start); took > time.Second {
		t.Skipf("it took %v to send %d signals, after which an ack is due anyway", took, n)
	}
	ann.await("an ack", answerWait, func(m message) bool { return m.Type == "ack" || ann.acked > 0 })
	if took := time.Since(start); took > 1900*time.Millisecond {
		t.Errorf("an ack came after %v", took)
	}
}

// isAcked waits until the hub has acknowledged n signals at least.
func (c *client) isAcked(n uint64, d time.Duration) {
	c.t.Helper()
	if c.acked < n {
		c.await(fmt.Sprintf("an ack of %d", n), d+time.Second, func(m message) bool { return m.Type == "ack" && c.acked >= n })
	}
}

// slowMember sends to one who doesn't read, as fast as the hub takes it.
func slowMember(t *testing.T, s *suite) {
	ann, bob := s.pair(t, newRoom())
	cem := s.join(t, ann.room, "Cem")
	readOn := bob.stopReading()
	start := time.Now()
	if !ann.floods(bob) {
		t.Skip("the network takes all that this hub takes at once")
	}
	readOn()
	cem.signal(ann.id, `"still here"`)
	ann.await("a signal of Cem's", s.options.Patience, func(m message) bool { return m.Type == "signal" && m.From == cem.id })
	if time.Since(start) > ms(s.known.Heartbeat.Timeout)/2 {
		t.Skipf("it took %v until the hub closed; it may have been for another reason", time.Since(start))
	}
	bob.isRefused("slow", answerWait)
}

// floods sends as much to a member as the hub takes at once, or until that is given up.
func (c *client) floods(to *client) (givenUp bool) {
	c.t.Helper()
	body := `"` + strings.Repeat("x", c.welcome.Limits.Frame-200) + `"`
	sent, burst := 0, min(c.welcome.Limits.Signals.Burst, 200<<20/len(body))
	late := time.NewTimer(answerWait)
	defer late.Stop()
	for {
		var more <-chan struct{} // never, once all is sent
		if sent < burst {
			more = always
		}
		select {
		case m, ok := <-c.incoming():
			if !ok {
				c.t.Fatalf("the sender was closed (%d)", c.closeCode())
			}
			if m.Type == "roster" {
				c.roster.apply(c.t, m)
			}
			if m.Reason == "slow" || isAway(to.id)(c.roster) {
				return true
			}
		case <-more:
			c.signal(to.id, body)
			sent++
		case <-late.C:
			return false
		}
	}
}

// always can be received from.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// stopReading leaves what comes to the network, and it little room, until readOn is called.
func (c *client) stopReading() (readOn func()) {
	w := c.wire.(*webSocket)
	w.reading.Lock()
	if tcp, ok := w.NetConn().(*net.TCPConn); ok {
		tcp.SetReadBuffer(16 << 10)
	}
	readOn = sync.OnceFunc(w.reading.Unlock)
	c.t.Cleanup(readOn)
	return readOn
}
