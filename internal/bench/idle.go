package bench

import (
	"context"
	"fmt"
	"time"
)

// memoryBudget is of resident memory for each idle member, in bytes.
const memoryBudget = 8 << 10

var idleMembers = []int{5000, 9000}

const (
	// What members have said, before they are idle again: about as much as it takes to open a link.
	idleSignals = 10
	idleRate    = 20_000 // signals a second
)

// crowds are how many members are idle, one after the other.
func (r *runner) crowds() []int {
	if r.Members > 0 {
		return []int{r.Members}
	}
	return idleMembers
}

// idle measures the memory of members that are in rooms of two and say nothing.
func idle(ctx context.Context, r *runner, t target) (figures []figure, err error) {
	for _, members := range r.crowds() {
		err := r.with(t, func(s *site, c *crowd) error {
			empty, err := s.process.memory(ctx)
			if err != nil {
				return err
			}
			name := fmt.Sprintf("idle-%d", members)
			err = r.profiled(s, name, func() error {
				if err := c.join(ctx, members, 2); err != nil {
					return err
				}
				return c.settle(ctx, 2)
			})
			if err != nil {
				return err
			}
			full, err := s.process.memory(ctx)
			if err != nil {
				return err
			}
			_, peak, err := s.process.resident()
			if err != nil {
				return err
			}
			if err := c.saySomething(ctx); err != nil {
				return err
			}
			after, err := s.process.memory(ctx)
			each := func(memory int) float64 { return float64(memory-empty) / float64(members) }
			figures = append(figures,
				figure{fmt.Sprintf("memory per idle member of %d", members), bytesUnit, each(full), &budget{value: memoryBudget}},
				figure{fmt.Sprintf("  at its peak, while %d join", members), bytesUnit, each(peak), nil},
				figure{fmt.Sprintf("  once each of %d has sent %d signals", members, idleSignals), bytesUnit, each(after), nil})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// saySomething has each member send some signals, which are acknowledged at once.
func (c *crowd) saySomething(ctx context.Context) error {
	c.pair()
	length := time.Duration(idleSignals * len(c.members) * int(time.Second) / idleRate)
	if _, err := c.talk(ctx, c.members, idleRate, length); err != nil {
		return err
	}
	for _, m := range c.members {
		if err := m.sweep(time.Now().Add(ackWait)); err != nil {
			return err
		}
	}
	return nil
}
