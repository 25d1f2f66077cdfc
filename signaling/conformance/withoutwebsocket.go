package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Section 7. What holds over both transports is checked over both elsewhere.
var withoutWebSocket = []rule{
	{"connect is answered with the connection and the welcome", needsHTTP, func(t *testing.T, s *suite) {
		c, answer := s.connectHTTP(t, newRoom())
		if len(answer) < 2 || answer[0].Type != "connection" || len(answer[0].ID) != 22 || answer[0].Wait <= 0 || answer[1].Type != "welcome" {
			t.Errorf("got %v", answer)
		}
		if answer[1].You != c.id {
			t.Errorf("the member is called %s", answer[1].You)
		}
	}},
	{"receive waits for messages, and answers with what there is", needsHTTP, func(t *testing.T, s *suite) {
		c, answer := s.connectHTTP(t, newRoom())
		start := time.Now()
		var sending sync.WaitGroup
		defer sending.Wait()
		sending.Go(func() {
			<-time.After(500 * time.Millisecond)
			s.send(t, c.room, answer[0].ID, 1, `{"type":"ping"}`, `{"type":"signal","to":"nobody","body":1}`)
		})
		var types []string
		for n := uint64(1); len(types) < 2; n++ {
			status, got := s.receive(t, c.room, answer[0].ID, n)
			if status != http.StatusOK || len(got) == 0 {
				t.Fatalf("%d %v after %v", status, got, time.Since(start))
			}
			for _, m := range got {
				if !slices.Contains(mayComeAnyTime, m.Type) {
					types = append(types, m.Type)
				}
			}
		}
		if got := strings.Join(types, " "); got != "pong undeliverable" || time.Since(start) < 400*time.Millisecond {
			t.Errorf("got %s after %v", got, time.Since(start))
		}
	}},
	{"receive is answered with nothing after its wait", needsHTTP, func(t *testing.T, s *suite) {
		c, answer := s.connectHTTP(t, newRoom())
		wait := ms(answer[0].Wait)
		s.patience(t, "a receive without messages", wait)
		for n := uint64(1); ; n++ {
			start := time.Now()
			status, got := s.receive(t, c.room, answer[0].ID, n)
			took := time.Since(start)
			switch {
			case status != http.StatusOK || took > wait+5*time.Second:
				t.Fatalf("%d %v after %v", status, got, took)
			case len(got) == 0:
				if took < wait-time.Second {
					t.Errorf("an empty answer after %v", took)
				}
				return
			case n == 3:
				t.Skipf("this hub has something to say every %v", took)
			}
		}
	}},
	{"answers are lines of JSON, and aren't stored", needsHTTP, func(t *testing.T, s *suite) {
		c := &client{t: t, s: s, room: newRoom()}
		c.secret, c.id = newSecret()
		answer, _ := s.request(t, http.MethodPost, s.url(c.room, "connect"), http.Header{"Content-Type": {"application/x-ndjson"}}, c.hello(nil)+"\n")
		if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/x-ndjson") {
			t.Errorf("Content-Type is %q", got)
		}
		if got := answer.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
			t.Errorf("Cache-Control is %q", got)
		}
	}},
	{"send takes several messages", needsHTTP, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		c, answer := s.connectHTTP(t, ann.room)
		var lines []string
		for i := range 20 {
			lines = append(lines, fmt.Sprintf(`{"type":"signal","to":"%s","body":%d}`, ann.id, i))
		}
		if status, said := s.send(t, c.room, answer[0].ID, 1, lines...); status != http.StatusNoContent {
			t.Errorf("%d %v", status, said)
		}
		ann.hears(c.id, 0, 20)
	}},
	{"a send that was repeated is refused, and ends the connection", needsHTTP, func(t *testing.T, s *suite) {
		s.outOfOrder(t, 1, 1)
	}},
	{"a send that overtook another is refused, and ends the connection", needsHTTP, func(t *testing.T, s *suite) {
		s.outOfOrder(t, 1, 3)
	}},
	{"a send that isn't the first is refused, and ends the connection", needsHTTP, func(t *testing.T, s *suite) {
		s.outOfOrder(t, 0, 2)
	}},
	{"a receive out of order is refused, and ends the connection", needsHTTP, func(t *testing.T, s *suite) {
		c, answer := s.connectHTTP(t, newRoom())
		if status, said := s.receive(t, c.room, answer[0].ID, 2); status != http.StatusConflict || len(said) != 1 || said[0].code() != "order" {
			t.Errorf("%d %v", status, said)
		}
		s.isOver(t, c.room, answer[0].ID)
	}},
	{"a request that names no connection is refused with 400", needsHTTP, func(t *testing.T, s *suite) {
		c, _ := s.connectHTTP(t, newRoom())
		for _, part := range []string{"receive", "send"} {
			if status, said := s.ask(t, c.room, part, `{"connection":`); status != http.StatusBadRequest || len(said) != 1 || said[0].code() != "malformed" {
				t.Errorf("%s: %d %v", part, status, said)
			}
		}
	}},
	{"an unknown connection is answered with 410", needsHTTP, func(t *testing.T, s *suite) {
		c, answer := s.connectHTTP(t, newRoom())
		s.isOver(t, c.room, strings.Repeat("A", 22))
		s.isOver(t, c.room, "")
		s.isOver(t, newRoom(), answer[0].ID) // of another room
		if status, _ := s.send(t, c.room, answer[0].ID, 1, `{"type":"ping"}`); status != http.StatusNoContent {
			t.Errorf("the connection itself ended, too: %d", status)
		}
	}},
	{"a bad room is refused with 400", needsHTTP, func(t *testing.T, s *suite) {
		s.isRefusedHTTP(t, "a%20b", s.newHello(), http.StatusBadRequest, "room")
	}},
	{"a bad hello is refused with 400, or closes", needsHTTP, func(t *testing.T, s *suite) {
		s.isRefusedHTTP(t, newRoom(), `{"type":"hello"}`, http.StatusBadRequest, "malformed")
		s.isRefusedHTTP(t, newRoom(), `{"type":"ping"}`, http.StatusConflict, "order")
		s.isRefusedHTTP(t, newRoom(), strings.Repeat(" ", 9000)+s.newHello(), http.StatusRequestEntityTooLarge, "too-big")
	}},
	{"sends of more than 262,144 bytes are refused", needsHTTP, func(t *testing.T, s *suite) {
		c, answer := s.connectHTTP(t, newRoom())
		line := pad(`{"type":"ping"$PAD}`, "$PAD", 60_000)
		status, said := s.send(t, c.room, answer[0].ID, 1, line, line, line, line, line)
		if status != http.StatusRequestEntityTooLarge || len(said) != 1 || said[0].code() != "too-big" {
			t.Errorf("%d %v", status, said)
		}
	}},
	{"a close line is a bye", needsHTTP, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		c, answer := s.connectHTTP(t, ann.room)
		signal := fmt.Sprintf(`{"type":"signal","to":"%s","body":0}`, ann.id)
		s.send(t, c.room, answer[0].ID, 1, signal, `{"type":"close","code":1000}`)
		ann.hears(c.id, 0, 1)
		if d := ann.leaves(c.id, answerWait); d.Reason != "bye" {
			t.Errorf("who closed left with %q", d.Reason)
		}
		s.isOver(t, c.room, answer[0].ID)
	}},
	{"a close line is a bye, whatever its number", needsHTTP, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		for _, n := range []uint64{2, 17} {
			c, answer := s.connectHTTP(t, ann.room)
			ann.sees("the newcomer", answerWait, isHere(c.id))
			if status, said := s.send(t, c.room, answer[0].ID, n, `{"type":"close","code":1000}`); status != http.StatusNoContent {
				t.Errorf("%d %v", status, said)
			}
			if d := ann.leaves(c.id, answerWait); d.Reason != "bye" {
				t.Errorf("who closed left with %q", d.Reason)
			}
			s.isOver(t, c.room, answer[0].ID)
		}
	}},
	{"who asks for nothing is away after the timeout", needsHTTP, func(t *testing.T, s *suite) {
		wait := s.patience(t, "silence", ms(s.known.Heartbeat.Timeout+s.known.Heartbeat.Ping))
		ann := s.join(t, newRoom(), "Ann")
		c, _ := s.connectHTTP(t, ann.room)
		ann.sees("the silent one", answerWait, isHere(c.id))
		ann.sees("the silent one being away", wait, isAway(c.id))
	}},
	{"a session moves from WebSocket to HTTP and back", needsHTTP, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		by := *s
		for i, over := range []string{overHTTP, overWebSocket, overHTTP} {
			bob.drop()
			ann.sends(bob.id, 2*i, 2*i+2)
			by.over = over
			bob.s = &by
			if !bob.again(true).recovered() {
				t.Fatalf("by %s welcomed with %v", over, bob.welcome)
			}
			bob.hears(ann.id, 2*i, 2*i+2)
			bob.sends(ann.id, i, i+1)
			ann.hears(bob.id, i, i+1)
		}
	}},
	{"a WebSocket takes over from HTTP, which is told", needsHTTP, func(t *testing.T, s *suite) {
		by := *s
		by.over = overHTTP
		old := by.join(t, newRoom(), "Ann")
		now := *old
		now.s = s
		if !now.again(true).recovered() {
			t.Errorf("welcomed with %v", now.welcome)
		}
		old.isRefused("superseded", answerWait)
	}},
	{"a GET of these paths is refused", needsHTTP, func(t *testing.T, s *suite) {
		for _, part := range []string{"connect", "receive", "send"} {
			if answer, _ := s.get(t, s.url(newRoom(), part), nil); answer.StatusCode < 400 || answer.StatusCode >= 500 {
				t.Errorf("GET %s is answered with %s", part, answer.Status)
			}
		}
	}},
}
