package bench

import (
	"context"
	"time"
)

const (
	// openBudget is the time to open a link on one machine, as a multiple of plain Pion's.
	openBudget = 1.5
	// farBudget is the same in round trips of farRTT, at the newcomer.
	farBudget = 4.3
	farRTT    = 50 * time.Millisecond
)

// openHere measures how long links take to open on this machine.
func openHere(ctx context.Context, r *linkRunner, kind string) ([]figure, error) {
	all, err := r.openings(ctx, kind, "open", lane{})
	if err != nil {
		return nil, err
	}
	newcomer := func(o opened) time.Duration { return o.Newcomer }
	figures := []figure{
		{"from welcome, or offer, p50", timeUnit, quantile(all, 0.5, newcomer), &budget{openBudget, makerPion}},
		{"  p95", timeUnit, quantile(all, 0.95, newcomer), nil},
		{"  at both, p50", timeUnit, quantile(all, 0.5, func(o opened) time.Duration { return o.Both }), nil},
	}
	if kind == serverSnug {
		figures = append(figures, figure{"  from the start of joining, p50", timeUnit, quantile(all, 0.5, func(o opened) time.Duration { return o.Joined }), nil})
	}
	return figures, nil
}

// openFar measures the same where the two are 50 ms apart, directly and through the hub.
func openFar(ctx context.Context, r *linkRunner, kind string) ([]figure, error) {
	all, err := r.openings(ctx, kind, "far", lane{RTT: farRTT})
	if err != nil {
		return nil, err
	}
	trips := func(q float64, of func(opened) time.Duration) float64 { return quantile(all, q, of) / float64(farRTT) }
	newcomer := func(o opened) time.Duration { return o.Newcomer }
	return []figure{
		{"round trips of 50 ms from welcome, p50", ratioUnit, trips(0.5, newcomer), &budget{value: farBudget}},
		{"  the fastest", ratioUnit, trips(0, newcomer), nil},
		{"  p95", ratioUnit, trips(0.95, newcomer), nil},
		{"  at both, p50", ratioUnit, trips(0.5, func(o opened) time.Duration { return o.Both }), nil},
	}, nil
}

// openings opens links, one after the other. The first in a process, which finds everything cold, doesn't count.
func (r *linkRunner) openings(ctx context.Context, kind, name string, l lane) (all []opened, err error) {
	err = r.with(ctx, kind, 1, func(c crew) error {
		if _, err := c.workers[0].ask(order{Do: "open", Lane: l}); err != nil {
			return err
		}
		return r.profiled(c, name, func() error {
			for range r.opens {
				a, err := c.workers[0].ask(order{Do: "open", Lane: l})
				if err != nil {
					return err
				}
				all = append(all, a.Opened)
			}
			return nil
		})
	})
	return all, err
}
