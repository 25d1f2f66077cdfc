package bench

import (
	"context"
	"time"
)

const (
	idleMesh = 12 // members, each of which has links to all others

	// What each end of an idle link may hold, by itself or as a multiple of plain Pion's.
	heapBudget        = 0.5
	goroutineBudget   = 14
	descriptorBudget  = 1
	idleCPUBudget     = 0.25
	idleSettleAtLeast = time.Second
)

// quietness is what a process holds and uses while its members say nothing.
type quietness struct {
	holds
	cpu float64 // ns a second
}

// idleLinks measures what one end of an idle link costs: what members hold and use who are linked to each other, less
// what they do without links.
func idleLinks(ctx context.Context, r *linkRunner, kind string) ([]figure, error) {
	apart, err := r.quiet(ctx, kind, "idle-apart", true)
	if err != nil {
		return nil, err
	}
	linked, err := r.quiet(ctx, kind, "idle", false)
	if err != nil {
		return nil, err
	}
	each := func(linked, apart float64) float64 { return (linked - apart) / (idleMesh * (idleMesh - 1)) }
	count := func(linked, apart int) float64 { return each(float64(linked), float64(apart)) }
	return []figure{
		{"heap", bytesUnit, count(linked.Heap, apart.Heap), &budget{heapBudget, makerPion}},
		{"stacks", bytesUnit, count(linked.Stacks, apart.Stacks), nil},
		{"goroutines", ratioUnit, count(linked.Goroutines, apart.Goroutines), &budget{value: goroutineBudget}},
		{"descriptors", ratioUnit, count(linked.Descriptors, apart.Descriptors), &budget{value: descriptorBudget}},
		{"CPU in a second", timeUnit, each(linked.cpu, apart.cpu), &budget{idleCPUBudget, makerPion}},
	}, nil
}

func (r *linkRunner) quiet(ctx context.Context, kind, name string, apart bool) (q quietness, err error) {
	err = r.with(ctx, kind, 1, func(c crew) error {
		if _, err := c.workers[0].ask(order{Do: "mesh", Members: idleMesh, Apart: apart}); err != nil {
			return err
		}
		if err := pause(ctx, max(r.length/2, idleSettleAtLeast)); err != nil {
			return err
		}
		a, err := c.workers[0].ask(order{Do: "holds"})
		if err != nil {
			return err
		}
		q.holds = a.Holds
		return r.profiled(c, name, func() error {
			before, err := c.cpu()
			if err != nil {
				return err
			}
			start := time.Now()
			if err := pause(ctx, r.length); err != nil {
				return err
			}
			after, err := c.cpu()
			q.cpu = float64(after-before) / time.Since(start).Seconds()
			return err
		})
	})
	return q, err
}
