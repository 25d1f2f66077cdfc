package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const joiners = 64 // members that join at the same time

// crowd are the members of one server under load. What happens to one of them that should not
// ends the load: the first failure is kept.
type crowd struct {
	site    *site
	members []*member

	mu      sync.Mutex // guards members while joining, and what follows
	failure error
	timing  *timing // what signals that arrive are counted in; nil: in nothing

	failed chan struct{} // closed with failure
	stop   chan struct{}
	work   sync.WaitGroup
}

func newCrowd(s *site) *crowd {
	c := &crowd{site: s, failed: make(chan struct{}), stop: make(chan struct{})}
	if s.dialect.acknowledges() {
		c.work.Go(c.sweep)
	}
	return c
}

// join has members join, in rooms of a size, many at a time. Member i is in room i / size. Each of them reads from then on.
func (c *crowd) join(ctx context.Context, members, size int) error {
	name := signaling.NewRoomName()
	c.mu.Lock()
	base := len(c.members)
	c.members = append(c.members, make([]*member, members)...)
	c.mu.Unlock()
	var joining sync.WaitGroup
	next := make(chan int)
	for range min(joiners, members) {
		joining.Go(func() {
			for i := range next {
				m, err := c.enter(ctx, fmt.Sprintf("%s-%d", name, i/size))
				if err != nil {
					c.fail(err)
					return
				}
				c.mu.Lock()
				c.members[base+i] = m
				c.mu.Unlock()
				c.listen(m)
			}
		})
	}
	for i := range members {
		select {
		case next <- i:
			continue
		case <-c.failed:
		case <-ctx.Done():
			c.fail(ctx.Err())
		}
		break
	}
	close(next)
	joining.Wait()
	return c.err()
}

// enter joins a room. A hub of somebody else's may have it wait: its limits are what they are.
func (c *crowd) enter(ctx context.Context, room string) (*member, error) {
	until := time.Now().Add(patience)
	for {
		m, err := c.dial(ctx, room)
		if err != nil {
			return nil, err
		}
		if err = m.enter(); err == nil {
			return m, nil
		}
		m.conn.Close()
		var refused *refusedError
		if !errors.As(err, &refused) || refused.Code != "limit" || refused.Retry == 0 || c.site.process != nil {
			return nil, err
		}
		wait := time.Duration(refused.Retry) * time.Millisecond
		if time.Now().Add(wait).After(until) {
			return nil, fmt.Errorf("%w Use fewer --members", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// listen has a member read.
func (c *crowd) listen(m *member) { c.work.Go(m.read) }

// pair addresses the signals of each member to the other in its room of two.
func (c *crowd) pair() {
	for i, m := range c.members {
		m.address(c.members[i^1].id)
	}
}

// settle waits until all members know who is in their room, which has a size.
func (c *crowd) settle(ctx context.Context, size int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for first := 0; first < len(c.members); first += size {
		room := c.members[first:min(first+size, len(c.members))]
		last := 0
		for _, m := range room {
			m.mu.Lock()
			last = max(last, m.known)
			m.mu.Unlock()
		}
		for _, m := range room {
			if _, err := m.knows(ctx, last); err != nil {
				return err
			}
		}
	}
	return nil
}

// delivered takes the latency of a signal that came.
func (c *crowd) delivered(latency time.Duration) {
	c.mu.Lock()
	t := c.timing
	c.mu.Unlock()
	if t != nil {
		t.arrived(latency)
	}
}

func (c *crowd) measure(t *timing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timing = t
}

// sweep sends the acknowledgements that are due.
func (c *crowd) sweep() {
	tick := time.NewTicker(ackSweep)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, m := range c.present() {
				m.sweep(now)
			}
		case <-c.stop:
			return
		}
	}
}

// present are the members that have joined so far.
func (c *crowd) present() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return m == nil })
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
		close(c.failed)
	}
}

func (c *crowd) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// close has all leave. It returns when nothing of the crowd runs any more.
func (c *crowd) close() {
	close(c.stop)
	var leaving sync.WaitGroup
	for _, m := range c.present() {
		leaving.Go(m.leave)
	}
	leaving.Wait()
	c.work.Wait()
}
