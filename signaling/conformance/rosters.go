package conformance

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// mergeWait is how long a roster change waits for others.
const mergeWait = 50 * time.Millisecond

// Section 4, welcome and roster.
var rosters = []rule{
	{"welcome is complete", 0, welcomeIsComplete},
	{"the roster is in the order of joining", 0, func(t *testing.T, s *suite) {
		room := newRoom()
		var all []*client
		for i := range 5 {
			all = append(all, s.join(t, room, fmt.Sprint(i)))
		}
		r := all[4].welcome.Roster
		for i, m := range r.Members {
			if m.ID != all[i].id || m.Joined != all[i].welcome.Roster.N {
				t.Errorf("member %d is %s, who joined at %d", i, *m.Name, m.Joined)
			}
		}
		if r.Epoch != all[0].welcome.Roster.Epoch || r.N != 5 {
			t.Errorf("after five joins the version is {%s, %d}; it was {%s, …}", r.Epoch, r.N, all[0].welcome.Roster.Epoch)
		}
	}},
	{"rooms are apart", 0, func(t *testing.T, s *suite) {
		ann, bob := s.join(t, newRoom(), "Ann"), s.join(t, newRoom(), "Bob")
		if len(bob.welcome.Roster.Members) != 1 || len(ann.meanwhile()) != 0 {
			t.Errorf("Bob sees %v", bob.welcome.Roster.Members)
		}
		bob.signal(ann.id, "1")
		if u := bob.expect("undeliverable"); u.Reason != "gone" {
			t.Errorf("got %v", u)
		}
	}},
	{"a change is told at once, with the next version", 0, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		<-time.After(2 * mergeWait)
		bob := s.join(t, ann.room, "Bob")
		c := ann.expect("roster")
		if c.Epoch != ann.welcome.Roster.Epoch || c.N != ann.welcome.Roster.N+1 || len(c.Joined) != 1 || c.Joined[0].ID != bob.id || c.Joined[0].Joined != c.N {
			t.Errorf("Bob's joining is told as %v", c)
		}
		bob.bye(websocket.CloseNormalClosure)
		c = ann.expect("roster")
		if len(c.Left) != 1 || c.Left[0].ID != bob.id || c.Left[0].N != c.N || len(c.Joined) != 0 {
			t.Errorf("Bob's leave is told as %v", c)
		}
	}},
	{"joining is one step: nobody is missed, nobody comes twice", needsWebSocket, joiningIsOneStep},
	{"changes within 50 ms are merged", needsWebSocket, changesAreMerged},
	{"the empty room is forgotten, or goes on with its epoch", 0, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		ann.bye(websocket.CloseNormalClosure)
		bob := s.join(t, ann.room, "Bob")
		r := bob.welcome.Roster
		if r.index(ann.id) >= 0 || r.Epoch == ann.welcome.Roster.Epoch && r.N < 3 {
			t.Errorf("Bob is welcomed with %v", bob.welcome)
		}
	}},
	{"a newcomer is introduced before its signal comes", 0, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		for i := range 5 { // the later ones' changes wait for 50 ms
			c := s.join(t, ann.room, fmt.Sprint(i))
			c.signal(ann.id, "1")
			m := ann.until("signal")
			if m.From != c.id || ann.roster.index(c.id) < 0 {
				t.Errorf("a signal of %s comes before the roster that holds it", m.From)
			}
		}
	}},
	{"away is told, and coming back", needsWebSocket, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		at := ann.roster.N
		bob.drop()
		ann.sees("Bob being away", answerWait, isAway(bob.id))
		cem := s.join(t, ann.room, "Cem")
		if i := cem.welcome.Roster.index(bob.id); i < 0 || !cem.welcome.Roster.Members[i].Away {
			t.Errorf("Cem is welcomed with %v", cem.welcome)
		}
		bob.again(true)
		ann.sees("Bob being back", answerWait, isHere(bob.id))
		cem.sees("Bob being back", answerWait, isHere(bob.id))
		if ann.roster.N != at+3 { // away, Cem, back
			t.Errorf("three changes took the roster from %d to %d", at, ann.roster.N)
		}
		if i := bob.welcome.Roster.index(bob.id); bob.welcome.Roster.Members[i].Away {
			t.Error("Bob is told that he is away")
		}
	}},
	{"who stays away leaves after the grace, once, with timeout", needsWebSocket, func(t *testing.T, s *suite) {
		wait := s.patience(t, "a member's grace", ms(s.known.Heartbeat.Grace))
		ann, bob := s.pair(t, newRoom())
		start := time.Now()
		bob.drop()
		d := ann.leaves(bob.id, wait)
		if took := time.Since(start); d.Reason != "timeout" || took < ms(s.known.Heartbeat.Grace) {
			t.Errorf("Bob left with %q after %v", d.Reason, took)
		}
		bob.again(true)
		if bob.welcome.recovered() {
			t.Error("a session is recovered that has ended")
		}
		ann.sees("Bob, joined anew", answerWait, isHere(bob.id))
	}},
	{"who says nothing is given up after the timeout", needsWebSocket, func(t *testing.T, s *suite) {
		wait := s.patience(t, "a silent member's timeout", ms(s.known.Heartbeat.Ping+s.known.Heartbeat.Timeout))
		ann := s.join(t, newRoom(), "Ann")
		bob := s.connect(t, ann.room)
		bob.wire.(*webSocket).SetPingHandler(func(string) error { return nil })
		bob.enter(nil)
		ann.await("Bob being given up", wait, func(message) bool { return !isHere(bob.id)(ann.roster) && ann.roster.N > 2 })
		bob.isRefused("timeout", answerWait)
		ann.isFine()
	}},
}

func welcomeIsComplete(t *testing.T, s *suite) {
	c := s.join(t, newRoom(), "Ann")
	w := c.welcome
	name := len(w.Session)
	switch {
	case name < 1 || name > 32 || !isName(w.Session):
		t.Errorf("session is %q", w.Session)
	case w.Recovered == nil || *w.Recovered || w.Received == nil || *w.Received != 0:
		t.Error("recovered must be false, and received 0")
	case w.Roster.Epoch == "" || w.Roster.N != 1 || len(w.Roster.Members) != 1 || w.Roster.Members[0].Joined != 1 || w.Roster.Locked:
		t.Errorf("the first one's roster is %+v", w.Roster)
	case w.ICE == nil || w.ICE.Servers == nil:
		t.Error("ice.servers is missing")
	case w.Heartbeat.Ping <= 0 || w.Heartbeat.Timeout <= w.Heartbeat.Ping || w.Heartbeat.Grace <= 0:
		t.Errorf("heartbeat is %+v", w.Heartbeat)
	case w.Limits.Hello != 8192 || w.Limits.Name != 128 || w.Limits.Meta != 1024:
		t.Errorf("limits are %+v", w.Limits)
	case w.Limits.Frame <= 0 || w.Limits.Members <= 0 || w.Limits.Replay <= 0 || w.Limits.Fragments <= 0 || w.Limits.Signals.Rate <= 0 || w.Limits.Signals.Burst <= 0:
		t.Errorf("limits are %+v", w.Limits)
	case !slices.Contains(w.Permissions, "join"):
		t.Errorf("permissions are %v", w.Permissions)
	case w.Features == nil:
		t.Error("features is missing")
	}
}

func isName(s string) bool {
	for _, r := range s {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return true
}

// joiningIsOneStep has many say hello at the same moment, and some leave again.
func joiningIsOneStep(t *testing.T, s *suite) {
	room := newRoom()
	n := min(24, s.known.Limits.Members)
	var all []*client
	for range n {
		all = append(all, s.connect(t, room))
	}
	for _, c := range all {
		c.say(c.hello(nil))
	}
	for i, c := range all {
		c.welcome = c.expect("welcome")
		c.roster = c.welcome.Roster
		if i%3 == 0 {
			c.bye(websocket.CloseNormalClosure)
		}
	}
	var want []string
	for i, c := range all {
		if i%3 != 0 {
			want = append(want, c.id)
		}
	}
	slices.Sort(want)
	var order []string
	for i, c := range all {
		if i%3 == 0 {
			continue
		}
		c.sees("all who stay, and no others", answerWait, func(r roster) bool {
			ids := ids(r)
			slices.Sort(ids)
			return slices.Equal(ids, want)
		})
		if order == nil {
			order = ids(c.roster)
		}
		if !slices.Equal(order, ids(c.roster)) {
			t.Errorf("one sees the order %v, another %v", order, ids(c.roster))
		}
	}
}

func ids(r roster) (ids []string) {
	for _, m := range r.Members {
		ids = append(ids, m.ID)
	}
	return ids
}

// changesAreMerged counts what one member is told while many join.
func changesAreMerged(t *testing.T, s *suite) {
	ann := s.join(t, newRoom(), "Ann")
	var others []*client
	for range min(20, s.known.Limits.Members-1) {
		others = append(others, s.connect(t, ann.room))
	}
	start := time.Now()
	for _, c := range others {
		c.say(c.hello(nil))
	}
	told := 0
	ann.await("all others", answerWait, func(m message) bool {
		if m.Type == "roster" {
			told++
		}
		return len(ann.roster.Members) == len(others)+1
	})
	if most := 2 + int(time.Since(start)/mergeWait); told > most {
		t.Errorf("%d joins were told in %d messages within %v; %d would do", len(others), told, time.Since(start), most)
	}
}
