package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	stormMembers = 2000
	stormRoom    = 500
	foreignRoom  = 50 // members, of somebody else's hub, which takes 64
	stormWarming = 10 // the part of the members that join and leave before it counts

	stormBudget = 1.5    // what joins to large rooms may cost, as a multiple of those to rooms of two
	joinBudget  = 75_000 // ns of CPU time for each join to a room of two
)

// storm measures what it takes when members join as fast as they can, in rooms of two and in large ones.
func storm(ctx context.Context, r *runner, t target) ([]figure, error) {
	members := r.members(stormMembers)
	large := min(stormRoom, members)
	if r.URL != "" {
		large = min(foreignRoom, members)
	}
	smallTook, smallCPU, err := r.rush(ctx, t, members, 2)
	if err != nil {
		return nil, err
	}
	took, cpu, err := r.rush(ctx, t, members, large)
	if err != nil {
		return nil, err
	}
	figures := []figure{
		{fmt.Sprintf("%d join rooms of 2, until all know", members), timeUnit, float64(smallTook), nil},
		{fmt.Sprintf("%d join rooms of %d, until all know", members, large), timeUnit, float64(took), nil},
	}
	if r.URL != "" {
		return figures, nil
	}
	return append(figures,
		figure{"CPU per join, rooms of 2", timeUnit, smallCPU, &budget{value: joinBudget}},
		figure{fmt.Sprintf("CPU per join, rooms of %d", large), timeUnit, cpu, nil},
		figure{fmt.Sprintf("CPU per join, rooms of %d over rooms of 2", large), ratioUnit, cpu / smallCPU, &budget{value: stormBudget}}), nil
}

// rush has members join and tells the time until each knows who is in its room, and the server's
// CPU time for each, in ns.
func (r *runner) rush(ctx context.Context, t target, members, size int) (took time.Duration, cpu float64, err error) {
	err = r.with(t, func(s *site, c *crowd) error {
		if s.process == nil {
			start := time.Now()
			err := r.gather(ctx, c, members, size)
			took = time.Since(start)
			return err
		}
		if err := warm(ctx, s, members/stormWarming&^1); err != nil {
			return err
		}
		return r.profiled(s, fmt.Sprintf("storm-%d", size), func() error {
			before, err := s.process.cpu()
			if err != nil {
				return err
			}
			start := time.Now()
			if err := r.gather(ctx, c, members, size); err != nil {
				return err
			}
			took = time.Since(start)
			after, err := s.process.cpu()
			cpu = float64(after-before) / float64(members)
			return err
		})
	})
	return took, cpu, err
}

func (r *runner) gather(ctx context.Context, c *crowd, members, size int) error {
	if err := c.join(ctx, members, size); err != nil {
		return err
	}
	return c.settle(ctx, size)
}

// warm has some join and leave.
func warm(ctx context.Context, s *site, members int) error {
	c := newCrowd(s)
	defer c.close()
	return c.join(ctx, members, 2)
}
