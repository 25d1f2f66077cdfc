package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const (
	fanoutRoom = 64 // members, with the one that comes and goes
	// fanoutInterval is between two changes: long enough that none is merged with the one before.
	fanoutInterval = 150 * time.Millisecond
)

// fanout measures the time until everybody in a room knows that one has come, or gone.
func fanout(ctx context.Context, r *runner, t target) (figures []figure, err error) {
	size := min(fanoutRoom, r.members(fanoutRoom))
	err = r.with(t, func(s *site, c *crowd) error {
		room := signaling.NewRoomName()
		for range size - 1 {
			m, err := c.enter(ctx, room)
			if err != nil {
				return err
			}
			c.mu.Lock()
			c.members = append(c.members, m)
			c.mu.Unlock()
			c.listen(m)
		}
		if err := c.settle(ctx, size); err != nil {
			return err
		}
		return r.profiled(s, "fanout", func() error {
			joined, left, err := c.comeAndGo(ctx, room, max(int(r.Length/fanoutInterval/2), 1))
			figures = []figure{
				{fmt.Sprintf("all of %d know who joined, p50", size), timeUnit, joined.latency(50), nil},
				{fmt.Sprintf("all of %d know who joined, p99", size), timeUnit, joined.latency(99), nil},
				{fmt.Sprintf("all of %d know who left, p50", size), timeUnit, left.latency(50), nil},
				{fmt.Sprintf("all of %d know who left, p99", size), timeUnit, left.latency(99), nil},
			}
			return err
		})
	})
	return figures, err
}

// comeAndGo has one more member join and leave at a constant rate.
func (c *crowd) comeAndGo(ctx context.Context, room string, times int) (joined, left *timing, err error) {
	joined, left = newTiming(times), newTiming(times)
	s := schedule{time.Now().Add(fanoutInterval), float64(time.Second / fanoutInterval)}
	for i := range times {
		m, err := c.dial(ctx, room) // before it is due: only the hello counts
		if err != nil {
			return joined, left, err
		}
		due := s.due(2 * i)
		sleepUntil(due)
		if err := m.enter(); err != nil {
			m.conn.Close()
			return joined, left, err
		}
		last, err := c.allKnow(ctx, m.known)
		if err != nil {
			m.conn.Close()
			return joined, left, err
		}
		joined.arrived(last.Sub(due))
		due = s.due(2*i + 1)
		sleepUntil(due)
		m.leave()
		if last, err = c.allKnow(ctx, m.known+1); err != nil {
			return joined, left, err
		}
		left.arrived(last.Sub(due))
	}
	return joined, left, nil
}

// allKnow tells when the last member has come to know a roster's version.
func (c *crowd) allKnow(ctx context.Context, n int) (last time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, m := range c.members {
		at, err := m.knows(ctx, n)
		if err != nil {
			return last, err
		}
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}
