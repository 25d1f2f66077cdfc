package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Section 2, its table.
var limits = []rule{
	{"the longest hello is taken", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		hello := c.hello(fields{"meta": map[string]string{"a": strings.Repeat("x", 1024-8)}, "name": strings.Repeat("é", 64), "kind": "abcdefghij-01239"})
		c.say(hello[:len(hello)-1] + strings.Repeat(" ", 8192-len(hello)) + "}")
		w := c.expect("welcome")
		if m := w.Roster.Members[0]; *m.Name != strings.Repeat("é", 64) || len(m.Meta) != 1024 || m.Kind != "abcdefghij-01239" {
			t.Errorf("the member's entry is %+v", m)
		}
	}},
	{"the longest message is taken", 0, func(t *testing.T, s *suite) {
		c := s.join(t, newRoom(), "Ann")
		c.say(pad(`{"type":"ping"$PAD}`, "$PAD", c.welcome.Limits.Frame))
		c.expect("pong")
	}},
	{"10,000 levels are taken", 0, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		body := strings.Repeat("[", 9990) + strings.Repeat("]", 9990)
		ann.signal(bob.id, body)
		if m := bob.until("signal"); string(m.Body) != body {
			t.Errorf("got %d bytes of body", len(m.Body))
		}
	}},
	{"a hello that doesn't come is waited for 10 s", needsWebSocket, func(t *testing.T, s *suite) {
		wait := s.patience(t, "waiting for a hello", 10*time.Second)
		s.connect(t, newRoom()).isRefused("timeout", wait)
	}},
	{"messages come in fragments", needsWebSocket, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		c.fragments(c.hello(nil), 16)
		w := c.expect("welcome")
		c.fragments(`{"type":"ping"}`, 4)
		c.expect("pong")
		c.fragments(pad(`{"type":"ping"$PAD}`, "$PAD", 2000), w.Limits.Fragments)
		c.expect("pong")
		c.fragments(pad(`{"type":"ping"$PAD}`, "$PAD", w.Limits.Frame), w.Limits.Fragments)
		c.expect("pong")
	}},
	{"a long message in fragments of a byte is refused", needsWebSocket, func(t *testing.T, s *suite) {
		s.tooFragmented(t, func(c *client) (string, int) {
			frame := c.enter(nil).Limits.Frame
			return pad(`{"type":"ping"$PAD}`, "$PAD", frame), frame
		})
	}},
	{"a hello in fragments of a byte is refused", needsWebSocket, func(t *testing.T, s *suite) {
		s.tooFragmented(t, func(c *client) (string, int) {
			hello := c.hello(nil)
			return pad(hello[:len(hello)-1]+"$PAD}", "$PAD", 8192), 8192
		})
	}},
	{"empty fragments without end are refused", needsWebSocket, func(t *testing.T, s *suite) {
		s.tooFragmented(t, func(c *client) (string, int) {
			c.enter(nil)
			return `{"type":"ping"}`, 50_000
		})
	}},
	{"a full room takes nobody, and says when to come back", 0, fullRoom},
	{"more signals than limits.signals are undeliverable, each one", 0, tooManySignals},
	{"more messages than the hub takes are answered, and no more", 0, tooManyMessages},
}

// fragments sends a text in n fragments, until it is refused.
func (c *client) fragments(text string, n int) {
	c.t.Helper()
	w := c.wire.(*webSocket)
	opcode := byte(websocket.TextMessage)
	var frames []byte
	for i := range n {
		part := text[i*len(text)/n : (i+1)*len(text)/n]
		if i == n-1 {
			opcode |= 0x80 // the last one
		}
		frames = append(frames, masked(opcode, part)...)
		opcode = 0 // it goes on
		if i < n-1 && i%64 != 63 {
			continue
		}
		if _, err := w.NetConn().Write(frames); err != nil || len(w.in) > 0 {
			return
		}
		frames = frames[:0]
		if i%1024 == 1023 {
			<-time.After(time.Millisecond) // so that it can be refused
		}
	}
}

// tooFragmented sends a message in so many fragments that it is refused. What the hub says then
// gets lost if it closes while more comes: TCP resets. So there are several attempts.
func (s *suite) tooFragmented(t *testing.T, prepare func(*client) (text string, n int)) {
	t.Helper()
	var c *client
	for range 5 {
		c = s.connect(t, newRoom())
		text, n := prepare(c)
		c.fragments(text, n)
		m, ok := c.take(time.After(answerWait), "the refusal")
		for ok && m.Type != "error" {
			m, ok = c.take(time.After(answerWait), "the refusal")
		}
		if ok && m.code() == "too-big" && c.ends(answerWait) == closeCodeOf["too-big"] {
			return
		}
		if ok {
			t.Fatalf("the hub said %v", m)
		}
	}
	t.Errorf("the hub closes with %d, without a word", c.closeCode())
}

// masked is a client's frame of less than 65,536 bytes. The mask is zero.
func masked(first byte, payload string) []byte {
	n := len(payload)
	f := []byte{first, 0x80 | byte(n)}
	if n > 125 {
		f = []byte{first, 0x80 | 126, byte(n >> 8), byte(n)}
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}

func fullRoom(t *testing.T, s *suite) {
	if s.known.Limits.Members > 128 {
		t.Skipf("rooms hold %d members here; this rule fills one of up to 128", s.known.Limits.Members)
	}
	room := newRoom()
	first := s.join(t, room, "first")
	by := *s
	by.over = overWebSocket // filling is cheaper so
	var last *client
	for i := 1; i < first.welcome.Limits.Members; i++ {
		last = by.join(t, room, fmt.Sprint(i))
	}
	late := s.connect(t, room)
	late.say(late.hello(nil))
	if e := late.isRefused("full", answerWait); e.Retry <= 0 {
		t.Errorf("the hub doesn't say when to come back: %v", e)
	}
	// Who is away keeps its seat; who has left doesn't.
	last.lose()
	first.sees("the last one being away", answerWait, isAway(last.id))
	late = s.connect(t, room)
	late.say(late.hello(nil))
	late.isRefused("full", answerWait)
	last.again(true)
	last.bye(websocket.CloseNormalClosure)
	first.sees("the last one's leave", answerWait, isGone(last.id))
	s.join(t, room, "late")
}

// tooManySignals sends to nobody, so that each is answered at once.
func tooManySignals(t *testing.T, s *suite) {
	c := s.join(t, newRoom(), "Ann")
	rate := c.welcome.Limits.Signals
	if 2*rate.Burst > maxWaiting || s.over == overHTTP && rate.Burst > 100 {
		t.Skipf("this hub takes %d signals at once", rate.Burst)
	}
	n := rate.Burst + rate.Burst/2 + 10
	start := time.Now()
	for range n {
		c.signal("nobody", "1")
	}
	refused := 0
	for i := range n {
		m := c.expect("undeliverable")
		if m.Signal != uint64(i+1) || m.To != "nobody" {
			t.Fatalf("signal %d is answered with %v", i+1, m)
		}
		switch {
		case m.Reason == "limit" && m.Retry <= 0:
			t.Errorf("the hub doesn't say how long to wait: %v", m)
		case m.Reason == "limit":
			refused++
		case m.Reason != "unknown":
			t.Errorf("got %v", m)
		}
	}
	taken := float64(n - refused)
	if most := float64(rate.Burst) + rate.Rate*time.Since(start).Seconds() + 1; taken < float64(rate.Burst) || taken > most {
		t.Errorf("%.0f of %d signals were taken; %d at once and %v a second are allowed", taken, n, rate.Burst, rate.Rate)
	}
	c.isFine()
}

func tooManyMessages(t *testing.T, s *suite) {
	if s.over == overHTTP {
		t.Skip("over HTTP requests are slower than the limit")
	}
	c := s.join(t, newRoom(), "Ann")
	const n = 400
	for range n {
		c.say(`{"type":"ping"}`)
	}
	refused := 0
	var last message
	for range n {
		m := c.expect("pong", "error")
		if m.Type == "pong" {
			continue
		}
		refused++
		last = m
		if m.code() != "limit" || m.Limit != "messages" || m.Retry <= 0 || m.Message == "" {
			t.Fatalf("got %v", m)
		}
	}
	if refused == 0 {
		t.Skipf("this hub takes %d messages at once", n)
	}
	s.patience(t, "the limit's retry", ms(last.Retry))
	<-time.After(ms(last.Retry))
	c.isFine()
}
