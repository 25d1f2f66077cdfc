package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gorilla/websocket"
)

// wire carries a client's messages.
type wire interface {
	// write sends a message.
	write(text string) error
	// incoming are the hub's messages; the channel is closed at the end.
	incoming() <-chan message
	// closeCode is what the hub closed with; 0: it said none. It is known once incoming is closed.
	closeCode() int
	// lose ends the connection without a word.
	lose()
	// bye closes it with a code.
	bye(code int)
}

// client is one connection of a member, and what it knows.
type client struct {
	wire
	t       *testing.T
	s       *suite
	room    string
	secret  string
	id      string
	token   string
	welcome message
	roster  roster
	counted uint64 // messages of the session that came from the hub
	acked   uint64 // signals of the session that the hub has acknowledged
}

// fields are members of a message that a rule sets.
type fields map[string]any

// newSecret draws a session's secret. id is the member that it proves.
func newSecret() (secret, id string) {
	var b [32]byte
	rand.Read(b[:])
	sum := sha256.Sum256(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:]), base64.RawURLEncoding.EncodeToString(sum[:16])
}

// text encodes a message.
func text(typ string, more fields) string {
	m := fields{"type": typ}
	for name, value := range more {
		m[name] = value
	}
	b, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		panic("conformance: " + err.Error()) // a rule's own mistake
	}
	return string(b)
}

// connect opens a connection of somebody new, who hasn't said hello.
func (s *suite) connect(t *testing.T, room string) *client {
	t.Helper()
	c := &client{t: t, s: s, room: room}
	c.secret, c.id = newSecret()
	c.open()
	return c
}

func (c *client) open() {
	c.t.Helper()
	if c.s.over == overHTTP {
		c.wire = newHTTPWire(c.t, c.s, c.room)
	} else {
		c.wire = c.s.dial(c.t, c.room, websocket.Dialer{Subprotocols: []string{subprotocol}})
	}
	last := c.wire
	c.t.Cleanup(func() {
		last.lose()
		for range last.incoming() { // until it has ended
		}
	})
}

// hello is the client's, with these members in place of the usual ones; nil leaves one out.
func (c *client) hello(more fields) string {
	m := fields{"secret": c.secret, "name": "Ann", "kind": "test"}
	if c.token == "" && c.s.options.Key != nil {
		c.token = c.s.mint(claims{"room": c.room})
	}
	if c.token != "" {
		m["token"] = c.token
	}
	for name, value := range more {
		if m[name] = value; value == nil {
			delete(m, name)
		}
	}
	return text("hello", m)
}

// say sends a message.
func (c *client) say(text string) {
	c.t.Helper()
	if err := c.write(text); err != nil {
		c.t.Fatalf("sending %.80s: %v", text, err)
	}
}

// signal sends one.
func (c *client) signal(to, body string) {
	c.t.Helper()
	c.say(fmt.Sprintf(`{"type":"signal","to":"%s","body":%s}`, to, body))
}

// enter says hello and waits for the welcome.
func (c *client) enter(more fields) message {
	c.t.Helper()
	c.say(c.hello(more))
	w := c.expect("welcome")
	c.welcome, c.roster = w, w.Roster
	c.roster.Members = append([]member(nil), w.Roster.Members...)
	if w.You != c.id {
		c.t.Errorf("the hub calls the member %s; its secret's hash begins with %s", w.You, c.id)
	}
	if !w.recovered() {
		c.counted, c.acked = 0, 0
	}
	return w
}

// join takes somebody new into a room. If the hub takes no more for a moment, it tries again.
func (s *suite) join(t *testing.T, room, name string) *client {
	t.Helper()
	for start := time.Now(); ; {
		c := s.connect(t, room)
		c.say(c.hello(fields{"name": name}))
		m := c.expect("welcome", "error")
		if m.Type == "welcome" {
			c.welcome, c.roster = m, m.Roster
			c.roster.Members = append([]member(nil), m.Roster.Members...)
			return c
		}
		if m.code() != "limit" || time.Since(start) > s.options.Patience {
			t.Fatalf("%s isn't let in: %v", name, m)
		}
		<-time.After(min(max(ms(m.Retry), 100*time.Millisecond), 10*time.Second))
	}
}

// again connects anew with the same secret, and the session if resume is set.
func (c *client) again(resume bool) message {
	c.t.Helper()
	c.open()
	if !resume {
		return c.enter(nil)
	}
	return c.enter(fields{"session": c.welcome.Session, "received": c.counted})
}
