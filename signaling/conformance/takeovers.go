package conformance

import (
	"fmt"
	"testing"
	"time"
)

// Section 5, takeover.
var takeovers = []rule{
	{"another connection takes a session over", 0, takeover},
	{"a connection that was taken over counts no more", needsWebSocket, supersededIsSilent},
	{"the same hello may come from many connections at once", needsWebSocket, manyTakeovers},
}

func takeover(t *testing.T, s *suite) {
	ann, old := s.pair(t, newRoom())
	ann.sends(old.id, 0, 3)
	old.hears(ann.id, 0, 3)
	now := *old
	now.counted = 1
	if w := now.again(true); !w.recovered() {
		t.Fatalf("welcomed with %v", w)
	}
	now.hears(ann.id, 1, 3)
	old.isRefused("superseded", answerWait)
	ann.signal(now.id, "3")
	now.hears(ann.id, 3, 4)
	for _, m := range ann.meanwhile() {
		t.Errorf("others are told %v", m)
	}
}

// supersededIsSilent has the older connection go on speaking.
func supersededIsSilent(t *testing.T, s *suite) {
	ann, old := s.pair(t, newRoom())
	now := *old
	now.again(true)
	for range 20 {
		if old.write(fmt.Sprintf(`{"type":"signal","to":"%s","body":"old"}`, ann.id)) != nil {
			break
		}
	}
	old.write(`{`)
	old.lose()
	now.signal(ann.id, `"new"`)
	if m := ann.expect("signal"); string(m.Body) != `"new"` {
		t.Errorf("the older connection's frames count: %v", m)
	}
	now.signal("nobody", "1")
	if u := now.until("undeliverable"); u.Signal != 2 {
		t.Errorf("the session's second signal is counted as %d", u.Signal)
	}
	<-time.After(2 * mergeWait)
	for _, m := range ann.meanwhile() {
		t.Errorf("others are told %v", m)
	}
}

// manyTakeovers has connections say the same hello at the same moment: one is left.
func manyTakeovers(t *testing.T, s *suite) {
	ann := s.join(t, newRoom(), "Ann")
	first := s.connect(t, ann.room)
	all := []*client{first}
	for range 7 {
		c := s.connect(t, ann.room)
		c.secret, c.id, c.token = first.secret, first.id, first.token
		all = append(all, c)
	}
	hello := first.hello(nil)
	for _, c := range all {
		c.say(hello)
	}
	ann.sees("the member", answerWait, isHere(first.id))
	for _, c := range all { // every one, before any is asked: until then it may be superseded by the next
		if c.expect("welcome").You != first.id {
			t.Error("one has another id")
		}
	}
	open := 0
	for _, c := range all {
		if c.write(`{"type":"ping"}`) == nil && c.answers() {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d connections of one session are left", open)
	}
	for _, m := range ann.meanwhile() {
		t.Errorf("others are told %v", m)
	}
}

// answers waits for a pong, or the end.
func (c *client) answers() bool {
	late := time.NewTimer(answerWait)
	defer late.Stop()
	for {
		m, ok := c.take(late.C, "a pong or the end")
		if !ok {
			return false
		}
		if m.Type == "pong" {
			return true
		}
	}
}
