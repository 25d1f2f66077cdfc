package signaling

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// whileReceiving has a client's messages taken, and tells of those that aren't signals.
func whileReceiving(c *Client, signal func(Signal), other func(Message)) {
	for {
		m, err := c.Receive(context.Background())
		if err != nil {
			return
		}
		if s, ok := m.(Signal); ok {
			signal(s)
		} else {
			other(m)
		}
	}
}

// A hub that was slow once is reached over WebSocket when it is fast again, and nothing is lost on the way.
func TestClientMovesToWebSocketWhenItGetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		bob := connect(t, l, "Bob")
		bobID := next[Welcome](t, bob).You
		got := make(chan string, 1000)
		go whileReceiving(bob, func(s Signal) { got <- string(s.Body) }, func(Message) {})
		l.block.Store(int32(blockSwallow))
		ann := connect(t, l, "Ann")
		if ann.Transport() != TransportHTTP {
			t.Fatalf("over %q", ann.Transport())
		}
		lost := make(chan Message, 100)
		welcomes := make(chan Welcome, 100)
		go whileReceiving(ann, func(Signal) {}, func(m Message) {
			switch m := m.(type) {
			case Lost:
				lost <- m
			case Welcome:
				welcomes <- m
			}
		})
		time.Sleep(moveFirst + 5*time.Second) // in virtual time
		if ann.Transport() != TransportHTTP {
			t.Fatalf("WebSockets don't get through, and Ann is connected over %q", ann.Transport())
		}
		l.block.Store(0)
		sent := 0
		for start := time.Now(); ann.Transport() != TransportWebSocket; sent++ {
			if time.Since(start) > 2*moveFirst+10*time.Second {
				t.Fatalf("over %q after %v", ann.Transport(), time.Since(start))
			}
			ann.Signal(t.Context(), bobID, jsontext.Value(fmt.Sprint(sent)))
			time.Sleep(100 * time.Millisecond)
		}
		for i := range sent {
			if body := <-got; body != fmt.Sprint(i) {
				t.Fatalf("got signal %s, want %d", body, i)
			}
		}
		if <-welcomes; len(lost) > 0 || !(<-welcomes).Recovered {
			t.Errorf("%d losses were told, or the session didn't go on", len(lost))
		}
		if s := l.hub.Stats(); s.Leaves[ReasonTimeout] != 0 || s.NotRecovered != 0 {
			t.Errorf("leaves %v, %d not recovered", s.Leaves, s.NotRecovered)
		}
	})
}

func TestClientStaysWithHTTPWhereWebSocketsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		block     blocking
		transport string
	}{"by the network": {blockRefuse, TransportAny}, "by the application": {0, TransportHTTP}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, nil)
				l.block.Store(int32(c.block))
				l.dial.Transport = c.transport
				ann := connect(t, l, "Ann")
				go whileReceiving(ann, func(Signal) {}, func(Message) {})
				l.block.Store(0)
				time.Sleep(time.Hour) // in virtual time
				if ann.Transport() != TransportHTTP {
					t.Errorf("over %q", ann.Transport())
				}
			})
		})
	}
}

func TestPausesBetweenAttemptsToMoveGrow(t *testing.T) {
	var c Client
	conn := newConn()
	conn.wire, conn.slow = &httpWire{}, true
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
		if c.planMove(conn); c.pause != want*time.Minute || c.moveAt.IsZero() {
			t.Errorf("a pause of %v, want %d min", c.pause, want)
		}
	}
	conn.slow = false
	if c.planMove(conn); !c.moveAt.IsZero() {
		t.Error("it moves where WebSockets are refused")
	}
	conn.wire = &webSocket{}
	if c.planMove(conn); c.pause != 0 || !c.moveAt.IsZero() {
		t.Error("it moves away from a WebSocket")
	}
}

// The first attempt after a network has changed may come too early: there is an address, and no route yet.
func TestPausesBeginAnewWhenTheNetworkHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		var down atomic.Bool
		l.dial.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if down.Load() {
				return nil, syscall.ENETUNREACH
			}
			return l.listener.dial(ctx, network, address)
		}
		ann := connect(t, l, "Ann")
		welcomes := make(chan Welcome, 100)
		go whileReceiving(ann, func(Signal) {}, func(m Message) {
			if w, ok := m.(Welcome); ok {
				welcomes <- w
			}
		})
		<-welcomes
		for range 5 {
			down.Store(true)
			ann.Redial()
			time.Sleep(5 * time.Minute) // in virtual time, until the pauses are long
			ann.Redial()
			time.Sleep(300 * time.Millisecond)
			down.Store(false)
			start := time.Now()
			<-welcomes
			if took := time.Since(start); took > 5*time.Second { // of 30 at most, otherwise
				t.Errorf("the hub was back after %v", took)
			}
		}
	})
}
