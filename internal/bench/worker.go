package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// order is what a worker is told, as a line of JSON. It answers each with another.
type order struct {
	Do   string `json:"do"`
	Lane lane   `json:"lane,omitzero"` // open, pair
	Said string `json:"said,omitzero"` // meet

	Members int    `json:"members,omitzero"` // mesh
	Apart   bool   `json:"apart,omitzero"`   // mesh
	Size    int    `json:"size,omitzero"`    // flow: of a message, in bytes
	File    string `json:"file,omitzero"`    // profile, heap
}

type answer struct {
	Error string `json:"error,omitzero"`

	Opened opened        `json:"opened,omitzero"` // open, pair
	Took   time.Duration `json:"took,omitzero"`   // mesh
	Said   string        `json:"said,omitzero"`   // meet
	Count  count         `json:"count,omitzero"`  // count
	At     time.Duration `json:"at,omitzero"`     // count: since the worker began
	Holds  holds         `json:"holds,omitzero"`  // holds
}

// holds is what a process has.
type holds struct {
	Heap        int `json:"heap"`        // bytes
	Stacks      int `json:"stacks"`      // bytes
	Goroutines  int `json:"goroutines"`  //
	Descriptors int `json:"descriptors"` // open files and sockets; on Linux
}

const (
	workerReady    = "ready"
	workerPatience = patience * 9 / 10 // so that it can say what doesn't happen before it is killed
)

// worker makes links of one kind and does what it is told, in the process that [Work] runs in.
type worker struct {
	maker   maker
	began   time.Time
	road    *road // of a pair
	pair    *pair
	from    end // what flows
	to      end // what is counted
	stop    context.CancelFunc
	flowing sync.WaitGroup
	failed  error // of what flows
	profile cpuProfile
}

// Work is what [RunLink] and [RunMesh] start in other processes: it makes links of a kind and obeys what it
// reads from in, until that ends. So it never outlives who started it.
func Work(kind string, in io.Reader, out io.Writer) error {
	make := makers[kind]
	if make == nil {
		return fmt.Errorf("there are no links named %q", kind)
	}
	w := &worker{maker: make(), began: time.Now(), stop: func() {}}
	defer w.close()
	fmt.Fprintln(out, workerReady)
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := w.obey(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func (w *worker) close() {
	w.halt()
	w.drop()
	w.maker.close()
	w.profile.stop()
}

func (w *worker) obey(o order) (a answer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), workerPatience)
	defer cancel()
	switch o.Do {
	case "open":
		err = w.open(ctx, o.Lane)
		if err == nil {
			a.Opened = w.pair.opened
			w.drop()
		}
	case "pair":
		err = w.open(ctx, o.Lane)
	case "meet":
		a.Said, err = w.maker.meet(ctx, o.Said)
	case "met":
		w.from, err = w.maker.met(ctx)
		w.to = w.from
	case "mesh":
		a.Took, err = w.maker.mesh(ctx, o.Members, o.Apart)
	case "flow":
		w.flow(o.Size)
	case "count":
		a.Count, a.At = w.to.took(), time.Since(w.began)
	case "halt":
		err = w.halt()
	case "holds":
		a.Holds = whatIsHeld()
	case "profile":
		err = w.profile.start(o.File)
	case "profiled":
		err = w.profile.stop()
	case "heap":
		err = writeHeap(o.File)
	default:
		err = fmt.Errorf("unknown order %q", o.Do)
	}
	return a, err
}

func (w *worker) open(ctx context.Context, l lane) (err error) {
	if w.road, err = l.open(); err != nil {
		return err
	}
	if w.pair, err = w.maker.pair(ctx, w.road); err != nil {
		return err
	}
	w.from, w.to = w.pair.newcomer, w.pair.resident
	return nil
}

// drop closes the pair that there is.
func (w *worker) drop() {
	if w.pair != nil {
		w.pair.close()
	}
	if w.road != nil {
		w.road.close()
	}
	w.pair, w.road = nil, nil
}

// flow sends as fast as it can, until halt.
func (w *worker) flow(size int) {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.flowing.Go(func() {
		data := make([]byte, size)
		for ctx.Err() == nil {
			if err := w.from.send(ctx, data); err != nil && ctx.Err() == nil {
				w.failed = err
				return
			}
		}
	})
}

func (w *worker) halt() error {
	w.stop()
	w.flowing.Wait()
	return w.failed
}

func whatIsHeld() holds {
	// A sync.Pool keeps what it holds through one collection.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	return holds{Heap: int(m.HeapAlloc), Stacks: int(m.StackInuse), Goroutines: runtime.NumGoroutine(), Descriptors: len(files)}
}

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
