package signaling

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// storm dials n times at once, each time with another secret, and returns who was let in and how the others were refused.
func (l *lab) storm(n int) (in []*Conn, refusals []error) {
	l.t.Helper()
	gate := make(chan struct{})
	conns, errs := make([]*Conn, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			conns[i], errs[i] = Dial(l.t.Context(), l.invite, Hello{Secret: NewSecret(), Name: fmt.Sprint(i), Kind: "go"}, l.dial)
		})
	}
	close(gate)
	all.Wait()
	for i, c := range conns {
		if errs[i] != nil {
			refusals = append(refusals, errs[i])
			continue
		}
		l.t.Cleanup(func() { c.Close() })
		in = append(in, c)
	}
	return in, refusals
}

// areFull fails unless everybody was refused because the room is full, and told when to try again.
func areFull(t *testing.T, refusals []error) {
	t.Helper()
	for _, err := range refusals {
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeFull || e.Final || e.Retry != fullRetry {
			t.Fatalf("refused with %v", err)
		}
	}
}

// seated fails unless so many are in the room, of whom so many are away.
func (l *lab) seated(members, away int) {
	l.t.Helper()
	info, _ := l.hub.Room(l.invite.Room)
	if info.Members != members || info.Away != away {
		l.t.Errorf("%d members, %d of them away; want %d and %d", info.Members, info.Away, members, away)
	}
}

func TestSimultaneousJoinsFillARoomExactly(t *testing.T) {
	const joins, seats, leave, later = 1000, 50, 17, 100
	for _, transport := range []string{TransportWebSocket, TransportHTTP} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, &Options{Limits: HubLimits{Members: seats}})
				l.dial.Transport = transport
				in, refusals := l.storm(joins)
				if len(in) != seats || len(refusals) != joins-seats {
					t.Fatalf("%d were let in, %d refused", len(in), len(refusals))
				}
				areFull(t, refusals)
				l.seated(seats, 0)
				if s := l.hub.Stats(); s.Joins != seats || s.Refusals[CodeFull] != joins-seats {
					t.Errorf("counted %d joins, refusals %v", s.Joins, s.Refusals)
				}
				// Each seat was given once: the ids and the numbers of joining are all different.
				ids, numbers := map[string]bool{}, map[uint64]bool{}
				members, _ := l.hub.Members(l.invite.Room)
				for _, m := range members {
					ids[m.ID], numbers[m.Joined] = true, true
				}
				if len(ids) != seats || len(numbers) != seats {
					t.Errorf("%d ids, %d numbers", len(ids), len(numbers))
				}

				// Who leaves frees one seat each, and no more.
				for _, c := range in[:leave] {
					c.Close()
				}
				synctest.Wait()
				l.seated(seats-leave, 0)
				more, refusals := l.storm(later)
				if len(more) != leave || len(refusals) != later-leave {
					t.Errorf("%d left and %d were let in", leave, len(more))
				}
				areFull(t, refusals)
				l.seated(seats, 0)
			})
		})
	}
}

// A seat is kept while its member is away, whoever asks for it, and free a grace later.
func TestAwayMembersKeepTheirSeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seats = 50
		l := newBubbleLab(t, &Options{Limits: HubLimits{Members: seats}})
		secrets := make([]Secret, seats)
		conns := make([]*Conn, seats)
		for i := range seats {
			secrets[i] = NewSecret()
			conns[i] = l.joinAs(secrets[i], fmt.Sprint(i))
		}
		for _, c := range conns {
			c.abandon()
		}
		synctest.Wait()
		l.seated(seats, seats)
		in, refusals := l.storm(200)
		if len(in) != 0 {
			t.Errorf("%d took the seats of members that are away", len(in))
		}
		areFull(t, refusals)
		// Half of them come back at once, while others ask for their seats.
		var all sync.WaitGroup
		back := make([]*Conn, seats/2)
		for i := range back {
			all.Go(func() { back[i] = l.resume(secrets[i], conns[i]) })
		}
		in, refusals = l.storm(200)
		all.Wait()
		if len(in) != 0 {
			t.Errorf("%d took the seats of members that come back", len(in))
		}
		areFull(t, refusals)
		for i, c := range back {
			if w := c.Welcome(); !w.Recovered || w.You != conns[i].Welcome().You {
				t.Errorf("welcome %+v", w)
			}
			go drainConn(c)
		}
		l.seated(seats, seats/2)
		time.Sleep(defaultGrace + 2*sweepInterval) // in virtual time
		synctest.Wait()
		l.seated(seats/2, 0)
		if in, _ = l.storm(200); len(in) != seats/2 {
			t.Errorf("%d got the %d seats of those that never came back", len(in), seats/2)
		}
	})
}

// drainConn receives until c ends.
func drainConn(c *Conn) {
	for {
		if _, err := c.Receive(context.Background()); err != nil {
			return
		}
	}
}
