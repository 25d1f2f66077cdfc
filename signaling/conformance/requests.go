package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Section 7, pages of other origins.
var origins = []rule{
	{"a foreign origin is refused with 403", needsHTTP, func(t *testing.T, s *suite) {
		answer, m := s.request(t, http.MethodPost, s.url(newRoom(), "connect"), http.Header{"Origin": {foreignOrigin}}, s.newHello())
		if answer.StatusCode != http.StatusForbidden || m.code() != "origin" {
			t.Errorf("%s %v", answer.Status, m)
		}
		s.sharesWith(t, answer, "")
	}},
	{"an allowed origin is told so, alone and without credentials", needsHTTP, func(t *testing.T, s *suite) {
		own := s.hub.Scheme + "://" + s.hub.Host
		answer, _ := s.request(t, http.MethodPost, s.url(newRoom(), "connect"), http.Header{"Origin": {own}}, s.newHello())
		if answer.StatusCode != http.StatusOK {
			t.Errorf("connect is answered with %s", answer.Status)
		}
		s.sharesWith(t, answer, own)
		preflight := http.Header{"Origin": {own}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"content-type"}}
		for _, part := range []string{"connect", "receive", "send"} {
			answer, _ := s.request(t, http.MethodOptions, s.url(newRoom(), part), preflight, "")
			if answer.StatusCode >= 300 || !strings.Contains(strings.ToLower(answer.Header.Get("Access-Control-Allow-Headers")), "content-type") {
				t.Errorf("a question for leave to %s is answered with %s, %v", part, answer.Status, answer.Header)
			}
			s.sharesWith(t, answer, own)
		}
	}},
}

// connectHTTP is a member by its single requests.
func (s *suite) connectHTTP(t *testing.T, room string) (c *client, answer []message) {
	t.Helper()
	c = &client{t: t, s: s, room: room}
	c.secret, c.id = newSecret()
	status, answer, err := s.post(t.Context(), room, "connect", c.hello(nil))
	if err != nil || status != http.StatusOK || len(answer) < 2 {
		t.Fatalf("connect is answered with %d %v, %v", status, answer, err)
	}
	return c, answer
}

func (s *suite) newHello() string {
	c := &client{s: s, room: newRoom()}
	c.secret, c.id = newSecret()
	return c.hello(nil)
}

func (s *suite) receive(t *testing.T, room, id string, n uint64) (int, []message) {
	t.Helper()
	return s.ask(t, room, "receive", fmt.Sprintf(`{"connection":"%s","n":%d}`, id, n))
}

func (s *suite) send(t *testing.T, room, id string, n uint64, messages ...string) (int, []message) {
	t.Helper()
	return s.ask(t, room, "send", append([]string{fmt.Sprintf(`{"connection":"%s","n":%d}`, id, n)}, messages...)...)
}

func (s *suite) ask(t *testing.T, room, part string, lines ...string) (int, []message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.options.Patience)
	defer cancel()
	status, answer, err := s.post(ctx, room, part, lines...)
	if err != nil {
		t.Errorf("%s: %v", part, err)
	}
	return status, answer
}

// outOfOrder sends the requests up to n, and then one with another number.
func (s *suite) outOfOrder(t *testing.T, n int, then uint64) {
	t.Helper()
	ann := s.join(t, newRoom(), "Ann")
	c, answer := s.connectHTTP(t, ann.room)
	signal := fmt.Sprintf(`{"type":"signal","to":"%s","body":0}`, ann.id)
	for i := range n {
		s.send(t, c.room, answer[0].ID, uint64(i+1), signal)
	}
	status, said := s.send(t, c.room, answer[0].ID, then, signal)
	if status != http.StatusConflict || len(said) != 1 || said[0].code() != "order" {
		t.Errorf("%d %v", status, said)
	}
	heard := 0
	for _, m := range ann.meanwhile() {
		if m.Type == "signal" {
			heard++
		}
	}
	if heard != n {
		t.Errorf("%d signals came; %d were sent in order", heard, n)
	}
	s.isOver(t, c.room, answer[0].ID)
}

// isOver fails unless a connection is unknown.
func (s *suite) isOver(t *testing.T, room, id string) {
	t.Helper()
	for _, part := range []string{"receive", "send"} {
		status, said := s.ask(t, room, part, fmt.Sprintf(`{"connection":"%s","n":1}`, id))
		if status != http.StatusGone || len(said) != 1 || said[0].code() != "connection" {
			t.Errorf("%s on a connection that isn't: %d %v", part, status, said)
		}
	}
}

// isRefusedHTTP fails unless connect is refused with a status and an error, or with an error and a close.
func (s *suite) isRefusedHTTP(t *testing.T, room, hello string, status int, code string) {
	t.Helper()
	got, answer := s.ask(t, room, "connect", hello)
	if len(answer) > 0 && answer[0].Type == "connection" {
		answer = answer[1:]
	}
	asked := got == status && len(answer) == 1
	closed := got == http.StatusOK && len(answer) == 2 && answer[1].Type == "close" && answer[1].closeCode() == closeCodeOf[code]
	if !asked && !closed || answer[0].code() != code {
		t.Errorf("connect with %.60s is answered with %d %v; it should be %d and %q", hello, got, answer, status, code)
	}
}

// sharesWith fails unless an answer may be read by pages of one origin, and by no others.
func (s *suite) sharesWith(t *testing.T, answer *http.Response, origin string) {
	t.Helper()
	got, credentials := answer.Header.Get("Access-Control-Allow-Origin"), answer.Header.Get("Access-Control-Allow-Credentials")
	if origin == "" && got == "*" && answer.StatusCode == http.StatusForbidden {
		got = "" // anybody may read why it was refused
	}
	if got != origin || credentials != "" {
		t.Errorf("Access-Control-Allow-Origin is %q with credentials %q; it should be %q without", got, credentials, origin)
	}
}
