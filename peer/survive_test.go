package peer

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v5/vnet"
)

// stream has each of two send the other numbered messages until stop is called, which returns when all have come, once and
// in order.
func stream(t *testing.T, ann, bob *Room) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	var stopped atomic.Bool
	var running sync.WaitGroup
	var all atomic.Int64
	one := func(from, to *Room) {
		link := from.Link(to.Self().ID)
		say := func(text string) {
			if err := link.Send(ctx, Text(text)); err != nil {
				t.Errorf("%s of %s: %v", text, from.Self().Name, err)
			}
		}
		running.Go(func() {
			for n := 0; !stopped.Load(); n++ {
				say(fmt.Sprint(n))
				time.Sleep(20 * time.Millisecond)
			}
			say("end")
		})
		running.Go(func() {
			for n := 0; ; n++ {
				m, err := to.Receive(ctx)
				if err == nil && string(m.Data) == "end" {
					all.Add(int64(n))
					return
				}
				if err != nil || string(m.Data) != fmt.Sprint(n) {
					t.Errorf("%s heard %q, not %d: %v", to.Self().Name, m.Data, n, err)
					return
				}
			}
		})
	}
	one(ann, bob)
	one(bob, ann)
	return func() int {
		stopped.Store(true)
		running.Wait()
		return int(all.Load())
	}
}

// cut has nothing get through for a while.
func cut(l *virtualLab, d time.Duration) {
	var open atomic.Bool
	l.network.AddChunkFilter(func(vnet.Chunk) bool { return open.Load() })
	time.Sleep(d)
	open.Store(true)
}

// states collects the states of the link that r has to its only other member.
func states(t *testing.T, r *Room) (seen func() map[LinkState]bool) {
	var mu sync.Mutex
	all := map[LinkState]bool{}
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		for e := range r.Events(ctx) {
			mu.Lock()
			all[e.Member.State] = true
			mu.Unlock()
		}
	})
	return func() map[LinkState]bool {
		cancel()
		watching.Wait()
		return all
	}
}

func TestLinksSurviveWithoutLoss(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(l *virtualLab, ann, bob *Room)
		state LinkState // that the link must have gone through
	}{
		{"a network that is gone for 10 s", func(l *virtualLab, _, _ *Room) { cut(l, 10*time.Second) }, LinkRestarting},
		{"a network that is gone for 40 s", func(l *virtualLab, _, _ *Room) { cut(l, 40*time.Second) }, LinkRestarting},
		{"a change of the offerer's network", func(_ *virtualLab, ann, bob *Room) { offererOf(ann, bob).networkChanged() }, LinkLive},
		{"a change of the answerer's network", func(_ *virtualLab, ann, bob *Room) { answererOf(ann, bob).networkChanged() }, LinkLive},
		{"a change of both networks", func(_ *virtualLab, ann, bob *Room) { ann.networkChanged(); bob.networkChanged() }, LinkLive},
		{"a carrier that the offerer lost", func(_ *virtualLab, ann, bob *Room) {
			loseCarrier(offererOf(ann, bob), other(ann, bob, offererOf(ann, bob)))
		}, LinkRebuilding},
		{"a carrier that the answerer lost", func(_ *virtualLab, ann, bob *Room) {
			loseCarrier(answererOf(ann, bob), other(ann, bob, answererOf(ann, bob)))
		}, LinkRebuilding},
		{"a lost carrier while the hub is away", func(l *virtualLab, ann, bob *Room) {
			l.stopHub()
			loseCarrier(offererOf(ann, bob), other(ann, bob, offererOf(ann, bob)))
			time.Sleep(3 * time.Second)
			l.startHub()
		}, LinkRebuilding},
	} {
		for _, sealed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sealed %v", c.name, sealed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newVirtualLab(t, 0.01)
					if sealed {
						l.invite = NewInvite(&url.URL{Scheme: "http", Host: "hub.test"}).String()
					}
					ann, bob := l.join("Ann"), l.join("Bob")
					l.talk(ann, bob)
					links := [2]*Link{ann.Link(bob.Self().ID), bob.Link(ann.Self().ID)}
					seen := states(t, ann)
					stop := stream(t, ann, bob)
					time.Sleep(time.Second)
					began := time.Now()
					c.do(l, ann, bob)
					untilWithin(t, ann, time.Minute, live(1))
					untilWithin(t, bob, time.Minute, live(1))
					time.Sleep(time.Second)
					n := stop()
					t.Logf("%d messages, live again %v after", n, time.Since(began)-time.Second)
					if links != [2]*Link{ann.Link(bob.Self().ID), bob.Link(ann.Self().ID)} {
						t.Error("it is another link")
					}
					if all := seen(); !all[c.state] || all[LinkGone] {
						t.Errorf("it went through %v", all)
					}
				})
			})
		}
	}
}

func offererOf(ann, bob *Room) *Room {
	if offers(ann.self, bob.self) {
		return ann
	}
	return bob
}

func answererOf(ann, bob *Room) *Room { return other(ann, bob, offererOf(ann, bob)) }

func other(ann, bob, r *Room) *Room {
	if r == ann {
		return bob
	}
	return ann
}

// loseCarrier ends the PeerConnection of r's link without a word to the link.
func loseCarrier(r, to *Room) { r.Link(to.Self().ID).carrier.Load().pc.Close() }

// Whoever waits for room mustn't keep what is kept from being sent again, and a reader that waits for its application
// mustn't keep the end of a carrier from being seen.
func TestFullOutboxIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0)
		ann, bob := l.join("Ann"), l.join("Bob")
		l.talk(ann, bob)
		link := ann.Link(bob.Self().ID)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		var sending sync.WaitGroup
		defer sending.Wait()
		sending.Go(func() {
			for range 400 {
				if err := link.Send(ctx, Bytes(make([]byte, maxPayload))); err != nil {
					t.Error(err)
					return
				}
			}
		})
		got := 0
		receive := func(until int) {
			for got < until {
				if _, err := bob.Receive(ctx); err != nil {
					t.Fatalf("after %d: %v; %s", got, err, link.State())
				}
				got++
			}
		}
		receive(20)
		time.Sleep(5 * time.Second) // Ann's outbox is full
		loseCarrier(offererOf(ann, bob), other(ann, bob, offererOf(ann, bob)))
		receive(400)
	})
}
