package signaling

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// holdsNothing fails unless everybody has left without a trace. It is for use inside synctest.Test.
func holdsNothing(t *testing.T, h *Hub) {
	t.Helper()
	time.Sleep(2 * (defaultGrace + defaultPongTimeout)) // in virtual time: whatever has to end has ended
	if s := h.Stats(); s.Bytes != 0 || s.Rooms != 0 || s.Members != 0 || s.Connections != 0 {
		t.Errorf("%d bytes, %d rooms, %d members, %d connections are left", s.Bytes, s.Rooms, s.Members, s.Connections)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rooms)+len(h.polls)+len(h.allTransportsLocked())+len(h.addresses.known) != 0 {
		t.Errorf("the hub keeps %v, %v, %v, %v", h.rooms, h.polls, h.allTransportsLocked(), h.addresses.known)
	}
}

func TestNothingIsLeftOfWhoHasLeft(t *testing.T) {
	large := `"` + strings.Repeat("x", 10_000) + `"`
	endings := map[string]func(l *lab, c *Conn){
		"a bye":              func(_ *lab, c *Conn) { c.Close() },
		"a lost connection":  func(_ *lab, c *Conn) { c.wire.abort() },
		"silence":            func(*lab, *Conn) {},
		"a bad message":      func(l *lab, c *Conn) { c.wire.write([]byte("{"), time.Now().Add(time.Second)); drainConn(c) },
		"a kick":             func(l *lab, c *Conn) { l.hub.Kick("lobby", c.Welcome().You) },
		"too much to read":   func(l *lab, c *Conn) { l.hub.Configure(&Options{Limits: HubLimits{Queue: 1}}) },
		"a long time online": func(_ *lab, c *Conn) { receiveFor(c, 10*time.Minute) },
	}
	for name, end := range endings {
		for _, transport := range []string{TransportWebSocket, TransportHTTP} {
			t.Run(name+" over "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newBubbleLab(t, nil)
					ann := l.join("Ann")
					l.dial = &DialOptions{NetDialContext: l.listener.dial, Transport: transport}
					bob := l.join("Bob")
					for range 3 {
						send(t, ann, bob, large) // which isn't acknowledged
					}
					end(l, bob)
					ann.Signal(t.Context(), bob.Welcome().You, []byte(large))
					ann.wire.abort()
					holdsNothing(t, l.hub)
				})
			})
		}
	}
}

func receiveFor(c *Conn, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	for {
		if _, err := c.Receive(ctx); err != nil {
			return
		}
	}
}

// Who says bye, or half closes, and doesn't read, must not hold what waits for it, nor the hub's end.
func TestWhoStopsReadingCannotHoldTheHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ws := l.enters(goodHello)
		ann := l.join("Ann") // the change is what can't be written: a pipe holds nothing
		ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		if c := receive[RosterChange](t, ann); len(c.Left) != 1 || c.Left[0].Reason != ReasonBye {
			t.Errorf("Ann is told %+v", c)
		}
		ann.Close()
		holdsNothing(t, l.hub)
	})
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ws := l.enters(goodHello)
		ann := l.join("Ann")
		ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		receive[RosterChange](t, ann)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if err := l.hub.Shutdown(over); !errors.Is(err, context.Canceled) || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TLS waits for seconds before it closes to somebody who doesn't read. Nobody else may wait with it.
func TestSlowCloseHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		l.listener.slowClose.Store(true)
		for range 10 {
			l.raw(Subprotocol) // and says nothing
		}
		l.listener.slowClose.Store(false)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if err := l.hub.Shutdown(over); !errors.Is(err, context.Canceled) || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
