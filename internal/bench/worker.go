package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
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
	newMaker := makers[kind]
	if newMaker == nil {
		return fmt.Errorf("there are no links named %q", kind)
	}
	w := &worker{maker: newMaker(), began: time.Now(), stop: func() {}}
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

var errNoLink = errors.New("there is no link yet")

func (w *worker) obey(o order) (a answer, err error) {
	if w.from == nil && (o.Do == "flow" || o.Do == "count") {
		return a, errNoLink
	}
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
