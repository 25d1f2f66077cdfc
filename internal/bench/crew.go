package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// crew are workers that measure one thing together, as processes.
type crew struct {
	workers []*process
}

// with starts so many workers of a kind, has them measure and ends them.
func (r *linkRunner) with(ctx context.Context, kind string, workers int, measure func(crew) error) (err error) {
	var c crew
	defer func() {
		for _, w := range c.workers {
			err = errors.Join(err, w.stop())
		}
		if ctx.Err() != nil {
			err = ctx.Err() // whatever else came of it
		}
	}()
	for range workers {
		p, err := startProcess(append(slices.Clone(r.command), kind))
		if err != nil {
			return err
		}
		c.workers = append(c.workers, p)
	}
	// Who waits for an answer waits no longer than ctx.
	defer context.AfterFunc(ctx, func() {
		for _, w := range c.workers {
			w.command.Process.Kill()
		}
	})()
	return measure(c)
}

// ask has a worker do something.
func (p *process) ask(o order) (a answer, err error) {
	if err := json.NewEncoder(p.stdin).Encode(o); err != nil {
		return a, fmt.Errorf("the worker is gone: %w", err)
	}
	line, err := p.line()
	if err != nil {
		return a, fmt.Errorf("the worker is gone: %w", err)
	}
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return a, fmt.Errorf("the worker said: %s", line)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// cpu is the time that all of them have run so far.
func (c crew) cpu() (sum time.Duration, err error) {
	for _, w := range c.workers {
		t, err := w.cpu()
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// profiled writes profiles of what the workers do in work, if this is the round for it.
func (r *linkRunner) profiled(c crew, name string, work func() error) error {
	if !r.profiling {
		return work()
	}
	folder, err := filepath.Abs(r.folder)
	if err != nil {
		return err
	}
	each := func(do, kind string) error {
		for i, w := range c.workers {
			file := name
			if len(c.workers) > 1 {
				file += []string{"-sender", "-receiver"}[i]
			}
			if _, err := w.ask(order{Do: do, File: filepath.Join(folder, file+kind)}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each("profile", ".cpu.pprof"); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	if err := each("profiled", ""); err != nil {
		return err
	}
	return each("heap", ".heap.pprof")
}
