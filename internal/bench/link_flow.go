package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// bulkSize is of a message, in bytes: a link of ours takes it in one frame, and Pion in one message.
	bulkSize  = 16_000
	smallSize = 100

	// What a link of ours carries in a second, and what that may cost, as a multiple of plain Pion's.
	bulkBudget  = 1.3
	costBudget  = 0.85
	smallBudget = 1.2
)

// flowing is what a link has carried.
type flowing struct {
	count
	took, cpu time.Duration // cpu is that of both ends
}

func (f flowing) bytes() float64    { return float64(f.Bytes) / f.took.Seconds() }
func (f flowing) messages() float64 { return float64(f.Messages) / f.took.Seconds() }

// bulkFlow measures how many bytes a second go reliably from one process to another.
func bulkFlow(ctx context.Context, r *linkRunner, kind string) ([]figure, error) {
	f, err := r.between(ctx, kind, "bytes", bulkSize)
	if err != nil {
		return nil, err
	}
	perMiB := float64(f.cpu) / (float64(f.Bytes) / (1 << 20))
	return []figure{
		{"reliable bytes", speedUnit, f.bytes(), &budget{bulkBudget, makerPion}},
		{"  CPU of both for each MiB", timeUnit, perMiB, &budget{costBudget, makerPion}},
	}, nil
}

// smallFlow measures how many messages of 100 bytes do.
func smallFlow(ctx context.Context, r *linkRunner, kind string) ([]figure, error) {
	f, err := r.between(ctx, kind, "messages", smallSize)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"messages of 100 bytes", rateUnit, f.messages(), &budget{smallBudget, makerPion}},
		{"  CPU of both for each", timeUnit, float64(f.cpu) / float64(f.Messages), nil},
	}, nil
}

var errNothingCame = errors.New("nothing came")

// between measures a flow of messages between two processes.
func (r *linkRunner) between(ctx context.Context, kind, name string, size int) (f flowing, err error) {
	err = r.with(ctx, kind, 2, func(c crew) error {
		said := ""
		for i := range 3 {
			a, err := c.workers[i%2].ask(order{Do: "meet", Said: said})
			if err != nil {
				return err
			}
			said = a.Said
		}
		for _, w := range c.workers {
			if _, err := w.ask(order{Do: "met"}); err != nil {
				return err
			}
		}
		return r.profiled(c, name, func() error {
			f, err = r.flow(ctx, c, size)
			return err
		})
	})
	return f, err
}

// goodputs are the ways that goodput is measured over.
var goodputs = []lane{
	{RTT: 50 * time.Millisecond},
	{RTT: 50 * time.Millisecond, Loss: 0.01},
	{RTT: 150 * time.Millisecond},
	{RTT: 150 * time.Millisecond, Loss: 0.01},
}

// goodput measures how many bytes a second get through where it is far, and packets are lost.
func goodput(ctx context.Context, r *linkRunner, kind string) (figures []figure, err error) {
	for _, l := range goodputs {
		var f flowing
		err := r.with(ctx, kind, 1, func(c crew) error {
			if _, err := c.workers[0].ask(order{Do: "pair", Lane: l}); err != nil {
				return err
			}
			name := fmt.Sprintf("goodput-%d-%.0f", l.RTT.Milliseconds(), l.Loss*100)
			return r.profiled(c, name, func() (err error) {
				f, err = r.flow(ctx, c, bulkSize)
				return err
			})
		})
		if err != nil {
			return nil, err
		}
		what := fmt.Sprintf("%d ms round trip, %.0f %% lost", l.RTT.Milliseconds(), l.Loss*100)
		figures = append(figures, figure{what, speedUnit, f.bytes(), nil})
	}
	return figures, nil
}

// flow has the first worker send as fast as it can, and tells what the last one gets once that has found its pace. Where losses
// stop a flow for longer than a load lasts, that lasts until something has come.
func (r *linkRunner) flow(ctx context.Context, c crew, size int) (f flowing, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.length+patience, errNothingCame)
	defer cancel()
	first, last := c.workers[0], c.workers[len(c.workers)-1]
	if _, err := first.ask(order{Do: "flow", Size: size}); err != nil {
		return f, err
	}
	if err := pause(ctx, r.length/2); err != nil {
		return f, err
	}
	cpuBefore, before, err := c.reading(last)
	if err != nil {
		return f, err
	}
	for f.Messages == 0 {
		if err := pause(ctx, r.length); err != nil {
			return f, err
		}
		cpuAfter, after, err := c.reading(last)
		if err != nil {
			return f, err
		}
		f = flowing{count{after.Count.Messages - before.Count.Messages, after.Count.Bytes - before.Count.Bytes}, after.At - before.At, cpuAfter - cpuBefore}
	}
	_, err = first.ask(order{Do: "halt"})
	return f, err
}

// reading is what has come to a worker so far, and the CPU time of all; 0 where that can't be read.
func (c crew) reading(w *process) (cpu time.Duration, a answer, err error) {
	if canMeasureProcesses {
		if cpu, err = c.cpu(); err != nil {
			return 0, a, err
		}
	}
	a, err = w.ask(order{Do: "count"})
	return cpu, a, err
}
