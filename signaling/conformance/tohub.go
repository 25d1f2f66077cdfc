package conformance

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// pair are Ann and Bob in a room; each knows of the other.
func (s *suite) pair(t *testing.T, room string) (ann, bob *client) {
	t.Helper()
	ann = s.join(t, room, "Ann")
	bob = s.join(t, room, "Bob")
	ann.sees("Bob", answerWait, isHere(bob.id))
	return ann, bob
}

// Section 3.
var toHub = []rule{
	{"hello is answered by welcome, once", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		c.enter(nil)
		for _, m := range c.meanwhile() {
			t.Errorf("then the hub said %v", m)
		}
	}},
	{"the member id is of the secret", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		b := make([]byte, 32)
		for i := range b {
			b[i] = byte(i)
		}
		c.secret, c.id = base64.RawURLEncoding.EncodeToString(b), "Yw3NKWbEM2aRElRIu7JbTw"
		if w := c.enter(nil); w.Roster.index(c.id) < 0 {
			t.Errorf("the roster doesn't hold %s: %v", c.id, w)
		}
	}},
	{"name and meta may be missing", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		m := c.enter(fields{"name": nil}).Roster.Members[0]
		if m.Name == nil || *m.Name != "" || string(m.Meta) != "{}" || m.Kind != "test" {
			t.Errorf("the member's entry is %+v", m)
		}
	}},
	{"name, kind and meta are told as they were said", 0, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		bob := s.connect(t, ann.room)
		bob.enter(fields{"name": "小明 \u202e<b>", "kind": "x-9", "meta": fields{"deep": []any{1, nil, true, "é"}}})
		ann.sees("Bob", answerWait, isHere(bob.id))
		for _, r := range []roster{ann.roster, bob.roster} {
			m := r.Members[r.index(bob.id)]
			if m.Meta.Canonicalize(); *m.Name != "小明 \u202e<b>" || m.Kind != "x-9" || string(m.Meta) != `{"deep":[1,null,true,"é"]}` {
				t.Errorf("the member's entry is %+v, %s", m, m.Meta)
			}
		}
	}},
	{"they stay what the first hello said", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		bob.open()
		w := bob.enter(fields{"name": "Mallory", "kind": "other", "meta": fields{"a": 1}})
		if m := w.Roster.Members[w.Roster.index(bob.id)]; *m.Name != "Bob" || m.Kind != "test" || string(m.Meta) != "{}" {
			t.Errorf("the second hello changed the entry to %+v", m)
		}
		for _, m := range ann.meanwhile() {
			t.Errorf("others are told %v", m)
		}
	}},
	{"ping is answered in turn with everything else", 0, func(t *testing.T, s *suite) {
		c := s.join(t, newRoom(), "Ann")
		c.signal("nobody", "1")
		c.say(`{"type":"ping"}`)
		c.signal("nobody", "2")
		for _, want := range []string{"undeliverable", "pong", "undeliverable"} {
			c.expect(want)
		}
	}},
	{"pong and ack are taken in silence", 0, func(t *testing.T, s *suite) {
		c := s.join(t, newRoom(), "Ann")
		for _, m := range []string{`{"type":"pong"}`, `{"type":"ack","received":0}`} {
			c.say(m)
		}
		for _, m := range c.meanwhile() {
			t.Errorf("the hub answers %v", m)
		}
	}},
	{"reports are taken in silence, whatever their words", needsReport, func(t *testing.T, s *suite) {
		c := s.join(t, newRoom(), "Ann")
		for _, m := range []string{
			`{"type":"report","outcome":"opened","path":"relay-udp","time":184,"family":"chromium"}`,
			`{"type":"report","outcome":"left"}`,
			`{"type":"report","outcome":"bored","path":"pigeon","time":18446744073709551615,"family":"lynx","later":[1]}`,
		} {
			c.say(m)
		}
		for _, m := range c.meanwhile() {
			t.Errorf("the hub answers %v", m)
		}
	}},
	{"bad reports are refused", needsReport, func(t *testing.T, s *suite) {
		for _, report := range []string{
			`{"type":"report","path":"lan"}`,
			`{"type":"report","outcome":null}`,
			`{"type":"report","outcome":"opened","time":"184"}`,
			`{"type":"report","outcome":"opened","time":-1}`,
		} {
			c := s.join(t, newRoom(), "Ann")
			c.say(report)
			c.isRefused("malformed", answerWait)
		}
	}},
	{"more reports than the hub takes are dropped in silence, and cost nothing else", needsReport, func(t *testing.T, s *suite) {
		if s.over == overHTTP {
			t.Skip("over HTTP requests are slower than the limit")
		}
		c := s.join(t, newRoom(), "Ann")
		for range 400 {
			c.say(`{"type":"report","outcome":"ice","family":"go"}`)
		}
		for _, m := range c.meanwhile() {
			t.Errorf("the hub answers %v", m)
		}
	}},
	{"the hub's pings are WebSocket pings, as often as it says", needsWebSocket, func(t *testing.T, s *suite) {
		wait := s.patience(t, "the hub's ping", ms(s.known.Heartbeat.Ping))
		c := s.connect(t, newRoom())
		pinged := make(chan struct{}, 1)
		w := c.wire.(*webSocket)
		answer := w.PingHandler()
		w.SetPingHandler(func(data string) error {
			select {
			case pinged <- struct{}{}:
			default:
			}
			return answer(data)
		})
		c.enter(nil)
		select {
		case <-pinged:
		case <-time.After(wait):
			t.Errorf("no ping in %v; one is announced every %d ms", wait, c.welcome.Heartbeat.Ping)
		}
	}},
	{"a client's WebSocket pings are answered", needsWebSocket, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		ponged := make(chan string, 1)
		c.wire.(*webSocket).SetPongHandler(func(data string) error {
			ponged <- data
			return nil
		})
		c.enter(nil)
		c.wire.(*webSocket).WriteControl(websocket.PingMessage, []byte("are you there?"), time.Now().Add(answerWait))
		select {
		case data := <-ponged:
			if data != "are you there?" {
				t.Errorf("the pong says %q", data)
			}
		case <-time.After(answerWait):
			t.Error("no pong")
		}
	}},
	{"a close with 1000 or 1001 is a bye", needsWebSocket, func(t *testing.T, s *suite) {
		for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseGoingAway} {
			ann, bob := s.pair(t, newRoom())
			bob.bye(code)
			if d := ann.leaves(bob.id, answerWait); d.Reason != "bye" {
				t.Errorf("who closed with %d left with %q", code, d.Reason)
			}
		}
	}},
	{"any other end makes a member away", needsWebSocket, func(t *testing.T, s *suite) {
		for _, end := range []func(*client){
			(*client).drop,
			func(c *client) { c.bye(4321) },
			func(c *client) { c.bye(websocket.CloseProtocolError) },
		} {
			ann, bob := s.pair(t, newRoom())
			end(bob)
			ann.sees("Bob being away", answerWait, isAway(bob.id))
		}
	}},
	{"who was refused with a final code leaves at once", needsWebSocket, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		bob.say(`{`)
		bob.isRefused("malformed", answerWait)
		if d := ann.leaves(bob.id, min(answerWait, ms(s.known.Heartbeat.Grace)/2)); d.Reason != "timeout" {
			t.Errorf("who was refused left with %q", d.Reason)
		}
	}},
	{"kick and lock need permissions", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		for _, m := range []string{text("kick", fields{"id": bob.id}), text("lock", fields{"locked": true})} {
			ann.say(m)
			if e := ann.expect("error"); e.code() != "forbidden" || e.Message == "" {
				t.Errorf("%s is answered with %v", m, e)
			}
		}
		ann.isFine()
		bob.isFine()
		s.join(t, ann.room, "Cem")
	}},
}

// drop loses the connection, without a close.
func (c *client) drop() {
	c.lose()
	for range c.incoming() {
	}
}
