package bench

import (
	"context"
	"fmt"
)

// memoryBudget is of resident memory for each idle member, in bytes.
const memoryBudget = 8 << 10

var idleMembers = []int{5000, 9000}

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
			each := func(memory int) float64 { return float64(memory-empty) / float64(members) }
			figures = append(figures,
				figure{fmt.Sprintf("memory per idle member of %d", members), bytesUnit, each(full), &budget{value: memoryBudget}},
				figure{fmt.Sprintf("the same at its peak, of %d", members), bytesUnit, each(peak), nil})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return figures, nil
}
