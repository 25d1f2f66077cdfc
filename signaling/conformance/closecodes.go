package conformance

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// closeCodeOf is the table of section 6.
var closeCodeOf = map[string]int{
	"going-away":  4000,
	"slow":        4001,
	"full":        4002,
	"timeout":     4003,
	"expired":     4004,
	"locked":      4005,
	"limit":       4006,
	"duplicate":   4007,
	"unavailable": 4008,
	"malformed":   4500,
	"version":     4501,
	"room":        4502,
	"superseded":  4503,
	"order":       4504,
	"too-big":     4505,
	"token":       4506,
	"kicked":      4507,
	"forbidden":   4508,
}

// Section 6. Most of its table is checked where the code belongs.
var closeCodes = []rule{
	{"each refusal ends one connection only", needsWebSocket, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		for _, b := range badLater {
			c := s.join(t, ann.room, "Mallory")
			c.say(c.fill(b.text))
			c.isRefused(b.code, answerWait)
		}
		ann.signal(bob.id, `"unharmed"`)
		bob.until("signal")
	}},
	{"a compressed frame ends with 1002", needsWebSocket, func(t *testing.T, s *suite) {
		s.breaks(t, masked(0xc0|websocket.TextMessage, "\x00\x00"))
	}},
	{"an unmasked frame ends with 1002", needsWebSocket, func(t *testing.T, s *suite) {
		s.breaks(t, append([]byte{0x80 | websocket.TextMessage, 15}, `{"type":"ping"}`...))
	}},
	{"a reserved opcode ends with 1002", needsWebSocket, func(t *testing.T, s *suite) {
		s.breaks(t, masked(0x80|0x3, ""))
	}},
	{"a close is answered with a close", needsWebSocket, func(t *testing.T, s *suite) {
		for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseGoingAway, 4000} {
			c := s.join(t, newRoom(), "Ann")
			c.wire.(*webSocket).WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(answerWait))
			if got := c.ends(answerWait); got != code && got != websocket.CloseNormalClosure {
				t.Errorf("a close with %d is answered with %d", code, got)
			}
		}
	}},
	{"other HTTP methods are refused", needsWebSocket, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		answer, _ := s.request(t, http.MethodPut, s.url(ann.room), nil, "x")
		if answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("PUT is answered with %s", answer.Status)
		}
		ann.isFine()
	}},
}

// breaks sends a frame that WebSocket doesn't allow.
func (s *suite) breaks(t *testing.T, frame []byte) {
	t.Helper()
	ann, bob := s.pair(t, newRoom())
	if _, err := bob.wire.(*webSocket).NetConn().Write(frame); err != nil {
		t.Fatal(err)
	}
	if code := bob.ends(answerWait); code != websocket.CloseProtocolError {
		t.Errorf("the hub closed with %d; 1002 is WebSocket's", code)
	}
	ann.isFine()
}
