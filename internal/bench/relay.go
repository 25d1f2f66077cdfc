package bench

import (
	"context"
	"time"
)

const (
	// relayBudget is of CPU time for each signal, as a multiple of the tuned relay's.
	relayBudget = 1.25
	// latencyBudget is of the 99th percentile, in ns.
	latencyBudget = 500_000
	// relayRate is how many signals a second each member sends where CPU time is measured. A thousand
	// members keep a server busy with that; one that is mostly idle spends its time on waking up.
	relayRate = 30
	// warming is the part of a load's length that it runs before it counts.
	warming = 5
)

// relay measures the CPU time to relay a signal of 1 KiB.
func relay(ctx context.Context, r *runner, t target) (figures []figure, err error) {
	err = r.with(t, func(s *site, c *crowd) error {
		members := r.members(defaultMembers)
		rate := float64(relayRate * members)
		if err := r.talkers(ctx, c, members, rate); err != nil {
			return err
		}
		return r.profiled(s, "relay", func() error {
			_, cpu, err := s.talk(ctx, c, rate, r.Length)
			figures = []figure{{"CPU per signal", timeUnit, cpu, &budget{relayBudget, serverTuned}}}
			return err
		})
	})
	return figures, err
}

// latency measures how long signals take from when they were due, at a rate that a server
// can well keep up with.
func latency(ctx context.Context, r *runner, t target) (figures []figure, err error) {
	err = r.with(t, func(s *site, c *crowd) error {
		if err := r.talkers(ctx, c, r.members(defaultMembers), r.Rate); err != nil {
			return err
		}
		return r.profiled(s, "latency", func() error {
			measured, cpu, err := s.talk(ctx, c, r.Rate, r.Length)
			if err != nil {
				return err
			}
			figures = []figure{
				{"p50", timeUnit, measured.latency(50), nil},
				{"p99", timeUnit, measured.latency(99), &budget{value: latencyBudget}},
				{"p99.9", timeUnit, measured.latency(99.9), nil},
				{"p99 of how late the load itself was", timeUnit, measured.lag(99), nil},
			}
			if s.process != nil && canMeasureProcesses {
				figures = append(figures, figure{"CPU per signal at this rate", timeUnit, cpu, nil})
			}
			return nil
		})
	})
	return figures, err
}

// talk has all send signals, and tells the server's CPU time for each, in ns, if that can be read.
func (s *site) talk(ctx context.Context, c *crowd, rate float64, length time.Duration) (t *timing, cpu float64, err error) {
	if s.process == nil || !canMeasureProcesses {
		t, err = c.talk(ctx, c.members, rate, length)
		return t, 0, err
	}
	before, err := s.process.cpu()
	if err != nil {
		return nil, 0, err
	}
	if t, err = c.talk(ctx, c.members, rate, length); err != nil {
		return nil, 0, err
	}
	after, err := s.process.cpu()
	return t, float64(after-before) / float64(t.want), err
}

// talkers join, in rooms of two, and talk for a while so that the server is warm.
func (r *runner) talkers(ctx context.Context, c *crowd, members int, rate float64) error {
	if err := c.join(ctx, members, 2); err != nil {
		return err
	}
	c.pair()
	if err := c.settle(ctx, 2); err != nil {
		return err
	}
	_, err := c.talk(ctx, c.members, rate, max(r.Length/warming, time.Second/10))
	return err
}
