package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Section 5.
var sessions = []rule{
	{"a session that comes back is recovered, and goes on", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		session := bob.welcome.Session
		bob.drop()
		w := bob.again(true)
		if !w.recovered() || w.Session != session || w.received() != 0 || w.Roster.index(bob.id) < 0 {
			t.Errorf("welcomed back with %v", w)
		}
		ann.signal(bob.id, `"and on"`)
		bob.until("signal")
		bob.signal("nobody", "1")
		if u := bob.until("undeliverable"); u.Signal != 1 {
			t.Errorf("the session's first signal is counted as %d", u.Signal)
		}
	}},
	{"what came while it was away follows the welcome, in order", needsWebSocket, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		bob.drop()
		ann.sees("Bob being away", answerWait, isAway(bob.id))
		ann.sends(bob.id, 0, 50)
		bob.again(true)
		bob.hears(ann.id, 0, 50)
		if !bob.welcome.recovered() {
			t.Errorf("welcomed back with %v", bob.welcome)
		}
		for _, m := range ann.meanwhile() {
			if m.Type != "roster" {
				t.Errorf("the sender is told %v", m)
			}
		}
	}},
	{"what was sent and not received comes again", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		ann.sends(bob.id, 0, 20)
		bob.hears(ann.id, 0, 20)
		bob.signal("nobody", "1")
		bob.until("undeliverable")
		bob.drop()
		bob.counted = 12 // of 20 signals and one undeliverable
		if w := bob.again(true); !w.recovered() || w.received() != 1 {
			t.Fatalf("welcomed back with %v", w)
		}
		bob.hears(ann.id, 12, 20)
		if u := bob.until("undeliverable"); u.Signal != 1 {
			t.Errorf("then came %v", u)
		}
		if again := bob.meanwhile(); slices.ContainsFunc(again, isCounted) {
			t.Errorf("then came %v", again)
		}
	}},
	{"received tells which signals the hub has taken", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		bob.sends(ann.id, 0, 7)
		ann.hears(bob.id, 0, 7)
		bob.drop()
		w := bob.again(true)
		if !w.recovered() || w.received() != 7 {
			t.Errorf("of 7 signals that came the hub has %d: %v", w.received(), w)
		}
		bob.sends(ann.id, 7, 9) // as a client does that sent nine
		ann.hears(bob.id, 7, 9)
	}},
	{"what the hub acknowledges it doesn't take twice", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		for i := range 5 {
			bob.sends(ann.id, i*4, i*4+4)
			bob.drop()
			w := bob.again(true)
			if !w.recovered() || w.received() < bob.acked || w.received() > uint64(i*4+4) {
				t.Fatalf("of %d signals the hub acknowledged %d, and has %d", i*4+4, bob.acked, w.received())
			}
			bob.sends(ann.id, int(w.received()), i*4+4) // and the rest again
		}
		ann.hears(bob.id, 0, 20)
	}},
	{"a hello without the session isn't recovered, and changes nothing for others", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		session := bob.welcome.Session
		bob.signal("nobody", "1")
		bob.until("undeliverable")
		w := bob.again(false)
		if w.recovered() || w.Session == session || w.received() != 0 {
			t.Errorf("welcomed with %v", w)
		}
		bob.signal("nobody", "1")
		if u := bob.until("undeliverable"); u.Signal != 1 {
			t.Errorf("in a new session the first signal is counted as %d", u.Signal)
		}
		for _, m := range ann.meanwhile() {
			t.Errorf("others are told %v", m)
		}
	}},
	{"a session that the hub doesn't know isn't recovered", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		if w := c.enter(fields{"session": "unknown-to-you", "received": 7}); w.recovered() || w.received() != 0 || w.Session == "unknown-to-you" {
			t.Errorf("welcomed with %v", w)
		}
		d := s.connect(t, newRoom()) // another room, another session
		d.secret, d.id = c.secret, c.id
		if w := d.enter(fields{"session": c.welcome.Session, "received": 0}); w.recovered() {
			t.Errorf("welcomed into another room with %v", w)
		}
	}},
	{"a session of somebody else isn't recovered", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		eve := s.connect(t, ann.room)
		if w := eve.enter(fields{"session": bob.welcome.Session, "received": 0}); w.recovered() || w.Session == bob.welcome.Session {
			t.Errorf("who has the session's name, not its secret, is welcomed with %v", w)
		}
		ann.signal(bob.id, `"for Bob"`)
		bob.until("signal")
	}},
	{"who has received more than was sent isn't recovered", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		ann.sends(bob.id, 0, 3)
		bob.hears(ann.id, 0, 3)
		bob.drop()
		bob.counted = 4
		if w := bob.again(true); w.recovered() {
			t.Errorf("three were sent; who had received four is recovered: %v", w)
		}
	}},
	{"who lost what it had acknowledged isn't recovered, or gets it again", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		ann.sends(bob.id, 0, 5)
		bob.hears(ann.id, 0, 5)
		bob.say(`{"type":"ack","received":5}`)
		bob.isFine()
		bob.drop()
		bob.counted = 2
		if bob.again(true).recovered() {
			bob.hears(ann.id, 2, 5)
		}
	}},
	{"acks that can't be are ignored", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		ann.sends(bob.id, 0, 5)
		bob.hears(ann.id, 0, 5)
		for _, n := range []uint64{1 << 60, 3, 6, 1, 0} { // only 3 is news that can be
			bob.say(fmt.Sprintf(`{"type":"ack","received":%d}`, n))
		}
		bob.isFine()
		bob.drop()
		bob.counted = 3
		if w := bob.again(true); !w.recovered() {
			t.Fatalf("welcomed back with %v", w)
		}
		bob.hears(ann.id, 3, 5)
	}},
	{"what is more than the hub keeps for who is away is told as slow", needsWebSocket, tooMuchForWhoIsAway},
	{"who lost more than the hub keeps isn't recovered", needsWebSocket, lostMoreThanIsKept},
	{"rosters that changed meanwhile come with the welcome", needsWebSocket, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		cem := s.join(t, ann.room, "Cem")
		bob.sees("Cem", answerWait, isHere(cem.id))
		bob.drop()
		ann.sees("Bob being away", answerWait, isAway(bob.id))
		cem.bye(1000)
		dan := s.join(t, ann.room, "Dan")
		w := bob.again(true)
		if got, want := ids(w.Roster), []string{ann.id, bob.id, dan.id}; !slices.Equal(got, want) {
			t.Errorf("the roster is %v; it should be %v", got, want)
		}
		if w.Roster.Epoch != ann.roster.Epoch {
			t.Error("the room began a new epoch")
		}
	}},
}

func isCounted(m message) bool { return m.Type == "signal" || m.Type == "undeliverable" }

// sends sends signals with the numbers from first to before last.
func (c *client) sends(to string, first, last int) {
	c.t.Helper()
	for i := first; i < last; i++ {
		c.signal(to, strconv.Itoa(i))
	}
}

// hears waits for signals with the numbers from first to before last.
func (c *client) hears(from string, first, last int) {
	c.t.Helper()
	for i := first; i < last; i++ {
		m := c.await(fmt.Sprintf("signal %d", i), answerWait, isCounted)
		if m.Type != "signal" || m.From != from || string(m.Body) != strconv.Itoa(i) {
			c.t.Fatalf("got %v; signal %d should have come", m, i)
		}
	}
}

// big is a body of nearly 8 KiB that begins with a number.
func big(i int) string { return fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 8<<10-200)) }

func tooMuchForWhoIsAway(t *testing.T, s *suite) {
	ann, bob := s.pair(t, newRoom())
	keeps := s.known.Limits.Replay
	n := keeps/(8<<10) + 8
	if n > s.known.Limits.Signals.Burst {
		t.Skipf("this hub keeps %d bytes for who is away", keeps)
	}
	bob.drop()
	ann.sees("Bob being away", answerWait, isAway(bob.id))
	for i := range n {
		ann.signal(bob.id, big(i))
	}
	refused := map[uint64]bool{}
	for _, m := range ann.meanwhile() {
		if m.Type != "undeliverable" {
			continue
		}
		if refused[m.Signal] = true; m.Reason != "slow" || m.To != bob.id {
			t.Errorf("got %v", m)
		}
	}
	kept := n - len(refused)
	if kept < keeps/(8<<10)/2 || kept*(8<<10-200) > keeps {
		t.Errorf("%d of %d signals were kept, in limits.replay of %d bytes", kept, n, keeps)
	}
	if !bob.again(true).recovered() {
		t.Fatalf("welcomed back with %v", bob.welcome)
	}
	for i := range n {
		if refused[uint64(i+1)] {
			continue
		}
		if m := bob.await("a signal", answerWait, isCounted); string(m.Body) != big(i) {
			t.Fatalf("got %.80s; signal %d should have come", m.text, i+1)
		}
	}
}

// lostMoreThanIsKept has Bob acknowledge nothing and lose the first of what was sent to him.
func lostMoreThanIsKept(t *testing.T, s *suite) {
	ann, bob := s.pair(t, newRoom())
	n := s.known.Limits.Replay/(8<<10) + 16
	if n > s.known.Limits.Signals.Burst {
		t.Skipf("this hub keeps %d bytes of signals", s.known.Limits.Replay)
	}
	for i := range n {
		ann.signal(bob.id, big(i))
		bob.until("signal")
	}
	session := bob.welcome.Session
	bob.drop()
	bob.counted = 1
	if w := bob.again(true); w.recovered() || w.Session == session || w.received() != 0 {
		t.Errorf("who had received 1 of %d signals is welcomed back with %v", n, w)
	}
	ann.signal(bob.id, `"and on"`)
	if m := bob.until("signal"); string(m.Body) != `"and on"` {
		t.Errorf("then came %v", m)
	}
}
