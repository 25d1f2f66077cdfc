package signaling_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// entrants are clients of a hub with tokens.
type entrants struct {
	t      *testing.T
	tokens signalingtest.Tokens
	hub    *signalingtest.Hub
}

func newEntrants(t *testing.T) *entrants {
	e := &entrants{t: t}
	e.hub = signalingtest.NewBubbleHub(t, &signaling.Options{Authorize: e.tokens.Authorize})
	return e
}

// enter brings somebody in, who may do this, over a transport.
func (e *entrants) enter(line *signalingtest.Line, transport string, may signaling.Permissions) *signaling.Client {
	e.t.Helper()
	o := line.DialOptions()
	o.Transport = transport
	token := e.tokens.Mint(signaling.Grant{Identity: "ann", Permissions: may | signaling.PermitJoin})
	o.Token = func(context.Context) (string, error) { return token, nil }
	c, err := signaling.Connect(e.t.Context(), line.Invite("lobby"), signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, o)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	return c
}

func TestKickAndLockWaitForTheirAnswers(t *testing.T) {
	for _, transport := range []string{signaling.TransportWebSocket, signaling.TransportHTTP} {
		synctest.Test(t, func(t *testing.T) {
			e := newEntrants(t)
			ann := e.enter(e.hub.NewLine(), transport, signaling.PermitKick|signaling.PermitLock)
			bob := e.enter(e.hub.NewLine(), transport, 0)
			id := await[signaling.Welcome](t, bob).You
			await[signaling.Welcome](t, ann)
			go receiveAll(ann)
			go receiveAll(bob)
			if err := ann.Lock(t.Context(), true); err != nil {
				t.Errorf("locking: %v", err)
			}
			if r, _ := e.hub.Signaling().Room("lobby"); !r.Locked {
				t.Error("the room isn't locked when Lock returns")
			}
			var refused *signaling.Error
			if err := bob.Lock(t.Context(), false); !errors.As(err, &refused) || refused.Code != signaling.CodeForbidden {
				t.Errorf("locking without the permission: %v", err)
			}
			if _, err := bob.Kick(t.Context(), id); !errors.As(err, &refused) || refused.Code != signaling.CodeForbidden {
				t.Errorf("kicking without the permission: %v", err)
			}
			if holds, err := ann.Kick(t.Context(), id); holds != signaling.HoldsToken || err != nil {
				t.Errorf("kicking holds %q, %v", holds, err)
			}
			if holds, err := ann.Kick(t.Context(), id); holds != signaling.HoldsNothing || err != nil {
				t.Errorf("kicking nobody holds %q, %v", holds, err)
			}
			ann.Probe() // whose pong is no lock's
			if err := ann.Lock(t.Context(), false); err != nil {
				t.Errorf("unlocking: %v", err)
			}
			if r, _ := e.hub.Signaling().Room("lobby"); r.Locked {
				t.Error("the room is locked when Lock returns")
			}
		})
	}
}

func TestManyQuestionsAtOnceGetTheirOwnAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntrants(t)
		ann := e.enter(e.hub.NewLine(), "", signaling.PermitKick)
		go receiveAll(ann)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if holds, err := ann.Kick(t.Context(), signaling.NewSecret().MemberID()); holds != signaling.HoldsNothing || err != nil {
					t.Errorf("kicking nobody holds %q, %v", holds, err)
				}
			})
			all.Go(func() {
				var refused *signaling.Error
				if err := ann.Lock(t.Context(), true); !errors.As(err, &refused) || refused.Code != signaling.CodeForbidden {
					t.Errorf("locking without the permission: %v", err)
				}
			})
		}
		all.Wait()
	})
}

func TestQuestionsDontOutliveTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntrants(t)
		line := e.hub.NewLine()
		ann := e.enter(line, signaling.TransportWebSocket, signaling.PermitKick|signaling.PermitLock)
		go receiveAll(ann)
		line.HalfOpen(signalingtest.ToClient)
		var all sync.WaitGroup
		all.Go(func() {
			if err := ann.Lock(t.Context(), true); err == nil {
				t.Error("an answer that never came was one")
			}
		})
		all.Go(func() {
			start := time.Now()
			if _, err := ann.Kick(t.Context(), "nobody"); err == nil || time.Since(start) > 11*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := ann.Kick(over, "nobody"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after its own end: %v", err)
		}
		line.Down()
		all.Wait()
		if err := ann.Lock(t.Context(), true); !errors.Is(err, signaling.ErrUnreachable) {
			t.Errorf("while the hub is away: %v", err)
		}
		ann.Close()
		if err := ann.Lock(t.Context(), true); !errors.Is(err, signaling.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}
