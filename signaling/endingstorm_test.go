package signaling

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Members come, signal, vanish, take themselves over and leave in every way, while an operator kicks, locks, drains and
// looks; then all have left and nothing is left of them, and the same goes on while the hub ends.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, &Options{Limits: HubLimits{
			Replay: 20_000, Queue: 60_000, RoomBytes: 100_000, HubBytes: 150_000, Members: 8, Messages: Rate{1e6, 1e6},
		}})
		var storm sync.WaitGroup
		blow := func(ctx context.Context) {
			for range 12 {
				storm.Go(func() {
					secret := NewSecret()
					for range 8 {
						l.visit(ctx, &secret)
					}
				})
			}
		}
		blow(t.Context())
		calm, stop := context.WithCancel(t.Context())
		var operating sync.WaitGroup
		operating.Go(func() { l.operate(calm) })
		storm.Wait()
		stop()
		operating.Wait()
		l.hub.Undrain()
		holdsNothing(t, l.hub)

		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		blow(over)
		time.Sleep(50 * time.Millisecond)
		if err := l.hub.Shutdown(over); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
		storm.Wait()
		if n := l.hub.Stats().Connections; n != 0 {
			t.Errorf("%d connections outlived the hub", n)
		}
	})
}

// visit joins, does something, and goes in some way.
func (l *lab) visit(ctx context.Context, secret *Secret) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	transport := []string{TransportWebSocket, TransportHTTP}[rand.N(2)]
	to := Invite{Hub: l.invite.Hub, Room: fmt.Sprint("room", rand.N(3))}
	c, err := Dial(ctx, to, Hello{Secret: *secret, Kind: "go"}, &DialOptions{NetDialContext: l.listener.dial, Transport: transport})
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Code == CodeKicked {
			*secret = NewSecret()
		}
		return
	}
	for range rand.N(10) {
		members := c.Welcome().Roster.Members
		body := `"` + strings.Repeat("x", rand.N(8000)) + `"`
		c.Signal(ctx, members[rand.N(len(members))].ID, jsontext.Value(body))
	}
	if rand.N(2) == 0 {
		short, done := context.WithTimeout(ctx, time.Duration(rand.N(int64(20*time.Millisecond))))
		defer done()
		c.Receive(short)
	}
	switch rand.N(4) {
	case 0:
		c.wire.write([]byte("{"), time.Now().Add(time.Second))
		c.Close()
	case 1:
		c.abandon()
	case 2:
		again, err := Dial(ctx, to, Hello{Secret: *secret, Kind: "go", Session: c.Welcome().Session, Received: c.Received()}, &DialOptions{NetDialContext: l.listener.dial, Transport: transport})
		if err == nil {
			again.Close()
		}
		c.Close()
	default:
		c.Close()
	}
}

// operate does what operators do.
func (l *lab) operate(ctx context.Context) {
	for ctx.Err() == nil {
		name := fmt.Sprint("room", rand.N(3))
		members, _ := l.hub.Members(name)
		switch rand.N(5) {
		case 0:
			if len(members) > 0 {
				l.hub.Kick(name, members[0].ID)
			}
		case 1:
			l.hub.Lock(name, true)
			l.hub.Lock(name, false)
		case 2:
			l.hub.Drain(20 * time.Millisecond)
			l.hub.Undrain()
		default:
			l.hub.Stats()
			l.hub.Rooms("", 10)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
