package conformance

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// Section 1.
var connecting = []rule{
	{"room names of the alphabet are taken", needsWebSocket, func(t *testing.T, s *suite) {
		long := "ABCXYZ-abcxyz_0189.~" + newRoom()
		for _, room := range []string{"..." + newRoom(), long + strings.Repeat("x", 128-len(long))} {
			s.join(t, room, "Ann")
		}
	}},
	{"other room names are refused after the upgrade", needsWebSocket, func(t *testing.T, s *suite) {
		for _, room := range []string{"", "a%20b", "caf%C3%A9", "a%2Fb", "a:b", strings.Repeat("a", 129)} {
			t.Run(fmt.Sprintf("%.12q", room), func(t *testing.T) { s.connect(t, room).isRefused("room", answerWait) })
		}
	}},
	{"the subprotocol is chosen among several", needsWebSocket, func(t *testing.T, s *suite) {
		w := s.dial(t, newRoom(), websocket.Dialer{Subprotocols: []string{"snug.v999", subprotocol}})
		defer w.lose()
		if got := w.Subprotocol(); got != subprotocol {
			t.Errorf("the hub chose %q", got)
		}
	}},
	{"no version in common is told after the upgrade", needsWebSocket, func(t *testing.T, s *suite) {
		for _, offer := range [][]string{{"snug.v999", "snug.v998"}, nil} {
			c := &client{t: t, s: s}
			w := s.dial(t, newRoom(), websocket.Dialer{Subprotocols: offer})
			c.wire = w
			if got, want := w.Subprotocol(), strings.Join(offer[:min(1, len(offer))], ""); got != want {
				t.Errorf("offered %v, the hub chose %q; %q lets the client be told", offer, got, want)
			}
			c.isRefused("version", answerWait)
		}
	}},
	{"a foreign origin is refused with 403 before the upgrade", needsWebSocket, foreignOriginIsRefused},
	{"the hub's own origin is let in", needsWebSocket, func(t *testing.T, s *suite) {
		s.comesFrom(t, s.hub.Scheme+"://"+s.hub.Host, true)
	}},
	{"a loopback origin is let in on loopback only", needsWebSocket, func(t *testing.T, s *suite) {
		host := s.hub.Hostname()
		ip := net.ParseIP(host)
		onLoopback := host == "localhost" || ip != nil && ip.IsLoopback()
		for _, origin := range []string{"http://localhost:3999", "http://app.localhost:3999", "https://127.0.0.9:3999", "http://[::1]:3999"} {
			s.comesFrom(t, origin, onLoopback)
		}
	}},
	{"an origin that looks like loopback is foreign", needsWebSocket, func(t *testing.T, s *suite) {
		for _, origin := range []string{"http://localhost.conformance.invalid", "http://127.0.0.1.conformance.invalid", "null", "http://"} {
			s.comesFrom(t, origin, false)
		}
	}},
	{"no origin is let in", needsWebSocket, func(t *testing.T, s *suite) { s.join(t, newRoom(), "Ann") }},
	{"a GET tells that this is a hub", needsWebSocket, func(t *testing.T, s *suite) {
		s.diagnosis(t, newRoom(), "", http.StatusUpgradeRequired, "upgrade")
	}},
	{"a GET tells that the room's name is wrong", needsWebSocket, func(t *testing.T, s *suite) {
		s.diagnosis(t, "a%20b", "", http.StatusBadRequest, "room")
		s.diagnosis(t, "", "", http.StatusBadRequest, "room")
	}},
	{"a GET tells that the origin would be refused", needsWebSocket, func(t *testing.T, s *suite) {
		s.diagnosis(t, newRoom(), foreignOrigin, http.StatusForbidden, "origin")
	}},
	{"an upgrade of another version of WebSocket is refused", needsWebSocket, func(t *testing.T, s *suite) {
		answer, _ := s.get(t, s.url(newRoom()), http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"7"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		})
		if answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("the hub answers %s", answer.Status)
		}
	}},
}

const foreignOrigin = "https://foreign.conformance.invalid"

func foreignOriginIsRefused(t *testing.T, s *suite) {
	d := websocket.Dialer{Subprotocols: []string{subprotocol}}
	w, answer, err := s.tryDial(t, newRoom(), d, http.Header{"Origin": {foreignOrigin}})
	if err == nil {
		w.lose()
		t.Fatal("a page of a foreign origin was let in")
	}
	if answer == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("refused with %v, not with 403", err)
	}
}

// comesFrom connects a page of an origin.
func (s *suite) comesFrom(t *testing.T, origin string, letIn bool) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{subprotocol}}
	w, answer, err := s.tryDial(t, newRoom(), d, http.Header{"Origin": {origin}})
	if err == nil {
		w.lose()
	}
	switch {
	case letIn && err != nil:
		t.Errorf("a page of %s is refused: %v", origin, err)
	case !letIn && err == nil:
		t.Errorf("a page of %s is let in", origin)
	case !letIn && (answer == nil || answer.StatusCode != http.StatusForbidden):
		t.Errorf("a page of %s is refused with %v, not with 403", origin, err)
	}
}

// diagnosis asks for the reason why an upgrade would fail.
func (s *suite) diagnosis(t *testing.T, room, origin string, status int, code string) {
	t.Helper()
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	answer, m := s.get(t, s.url(room), header)
	if answer.StatusCode != status || m.Type != "error" || m.code() != code || m.Message == "" {
		t.Errorf("the hub answers %s with %v; it should be %d with the error %q", answer.Status, m, status, code)
	}
	if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin is %q: pages can't read why", got)
	}
}
