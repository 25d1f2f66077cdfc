package signaling

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestSessionCannotBeContinuedWithoutEnd(t *testing.T) {
	l := newLab(t, &Options{Limits: HubLimits{Messages: Rate{PerSecond: 1e-6, Burst: 3}}})
	l.enters(goodHello)
	for range 3 {
		l.enters(goodHello)
	}
	ws := l.raw(Subprotocol)
	say(ws, goodHello)
	refusedWith(t, ws, CodeLimit)
	if s := l.hub.Stats(); s.Members != 1 || s.Away != 0 || s.Superseded != 3 || s.Limited[LimitMessages] != 1 {
		t.Errorf("%+v", s)
	}
}

func TestShutdownDoesNotWaitForAuthorize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		asked := make(chan struct{})
		l := newBubbleLab(t, &Options{Logger: slog.New(j), Authorize: func(ctx context.Context, _ AuthRequest) (Grant, error) {
			close(asked)
			<-ctx.Done()
			return Grant{}, ctx.Err()
		}})
		ws := l.raw(Subprotocol)
		go say(ws, goodHello)
		<-asked
		start := time.Now()
		if err := l.hub.Shutdown(t.Context()); err != nil || time.Since(start) > closeWait {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if strings.Contains(j.String(), "ERROR") {
			t.Errorf("the log:\n%s", j)
		}
	})
}

func TestOwnCodesOfAuthorizeGoByTheirRange(t *testing.T) {
	for _, c := range []struct {
		refusal *Error
		close   int
		final   bool
	}{
		{&Error{Code: "vip-only", Message: "Not you.", Final: true}, 4999, true},
		{&Error{Code: "later", Message: "Not now."}, 4499, false},
		{&Error{Code: CodeForbidden, Message: "Not here."}, 4508, true},
	} {
		for _, transport := range []string{TransportWebSocket, TransportHTTP} {
			l := newLab(t, &Options{Authorize: refuses(c.refusal)})
			_, err := Dial(t.Context(), l.invite, Hello{Secret: NewSecret(), Kind: "go"}, &DialOptions{Transport: transport})
			e, ok := err.(*Error)
			if !ok || e.Code != c.refusal.Code || e.Message != c.refusal.Message || e.Final != c.final {
				t.Errorf("over %s, %+v came as %#v", transport, c.refusal, err)
			}
		}
		if got := c.refusal.closeCode(); got != c.close {
			t.Errorf("%s closes with %d", c.refusal.Code, got)
		}
	}
}

// A request of a foreign origin costs whoever sends it nothing: it mustn't fill the log.
func TestForeignOriginsDoNotFloodTheLog(t *testing.T) {
	j := newJournal()
	h := NewHub(&Options{Logger: slog.New(j)})
	defer h.Shutdown(t.Context())
	for range 1000 {
		r := httptest.NewRequest(http.MethodPost, roomsPath+"lobby/connect", nil)
		r.Header.Set("Origin", "https://"+strings.Repeat("x", 10_000))
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusForbidden {
			t.Fatalf("%d", w.Code)
		}
	}
	if s := h.Stats(); s.Refusals[CodeOrigin] != 1000 {
		t.Errorf("%v", s.Refusals)
	}
	if n := len(j.String()); n == 0 || n > 20_000 {
		t.Errorf("%d bytes were logged", n)
	}
}

// A connection that was let in before a drain began, and starts after that, isn't forgotten by it.
func TestDrainSendsLateConnectionsAway(t *testing.T) {
	h := NewHub(nil)
	defer h.Shutdown(t.Context())
	h.Drain(time.Minute)
	p := newPoll(h)
	h.start(p, func() { <-p.ended }, nil)
	p.mu.Lock()
	if p.why == nil || p.why.Code != CodeGoingAway {
		t.Errorf("it was told %v", p.why)
	}
	p.mu.Unlock()
	p.abort()
}

// When nothing is left of what may be kept, members still come in, to a room with a long roster, too.
func TestMembersComeInWhenTheHubIsFull(t *testing.T) {
	l := newLab(t, &Options{Limits: HubLimits{HubBytes: 1}})
	meta := jsontext.Value(`{"about":"` + strings.Repeat("x", 1000) + `"}`)
	for range 2 * freeShare / len(meta) {
		c, err := Dial(t.Context(), l.invite, Hello{Secret: NewSecret(), Kind: "go", Meta: meta}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go drainConn(c)
	}
}
