package signaling_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

const (
	witnessEvery = 10 * time.Millisecond // as often as the hub's limit allows
	witnessLeast = 50                    // signals each way, however short the attack
	witnessWait  = 20 * time.Second      // for the last of them
)

// witnesses are two members who send each other numbered signals, one every 10 ms each way, and take note of
// how long those are under way and of everything that goes wrong.
type witnesses struct {
	target *target
	sides  [2]*witness
	stop   chan struct{}
	ctx    context.Context
	work   sync.WaitGroup
}

// witness is one of them.
type witness struct {
	conn  *signaling.Conn
	total chan int // how many signals the other one sent, once it is done

	// Owned by who receives.
	next int // number expected
	took []time.Duration
}

func (l *target) witnesses() *witnesses {
	l.Helper()
	w := &witnesses{target: l, stop: make(chan struct{})}
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithCancel(context.Background())
	l.Cleanup(cancel)
	for i := range w.sides {
		w.sides[i] = &witness{conn: l.member(signaling.NewSecret(), fmt.Sprint("witness ", i)), total: make(chan int, 1)}
	}
	l.open = nil // they stay
	for i, from := range w.sides {
		to := w.sides[1-i]
		w.work.Go(func() { w.sends(from, to) })
		w.work.Go(func() { w.receives(to, from) })
	}
	return w
}

func (w *witnesses) sends(from, to *witness) {
	tick := time.NewTicker(witnessEvery)
	defer tick.Stop()
	stop := w.stop
	n := 0
	for stop != nil || n < witnessLeast {
		select {
		case at := <-tick.C: // when it was due, so that a hub that stands still is seen
			body := fmt.Sprintf(`[%d,%d]`, n, at.UnixNano())
			if _, err := from.conn.Signal(w.ctx, to.conn.Welcome().You, jsontext.Value(body)); err != nil {
				w.target.Errorf("a witness can't send: %v", err)
				return
			}
			n++
		case <-stop:
			stop = nil
		}
	}
	to.total <- n
	to.conn.Ping(w.ctx) // its answer wakes who receives
}

func (w *witnesses) receives(to, from *witness) {
	total := -1
	for total < 0 || to.next < total {
		m, err := to.conn.Receive(w.ctx)
		if err != nil {
			w.target.Errorf("a witness was lost at signal %d: %v", to.next, err)
			return
		}
		switch m := m.(type) {
		case signaling.Signal:
			w.takes(to, from, m)
		case signaling.Undeliverable, *signaling.Error:
			w.target.Errorf("a witness is told %+v", m)
		case signaling.RosterChange:
			for _, a := range m.Away {
				if a.ID == from.conn.Welcome().You {
					w.target.Errorf("a witness is away: %+v", a)
				}
			}
		}
		select {
		case total = <-to.total:
		default:
		}
	}
}

func (w *witnesses) takes(to, from *witness, s signaling.Signal) {
	if s.From != from.conn.Welcome().You {
		w.target.Errorf("a witness got %s from somebody else", s.Body)
		return
	}
	var n int
	var at int64
	if _, err := fmt.Sscanf(string(s.Body), "[%d,%d]", &n, &at); err != nil || n != to.next {
		w.target.Errorf("signal %s came when %d was due", s.Body, to.next)
	}
	to.next = n + 1
	to.took = append(to.took, time.Since(time.Unix(0, at)))
}

// end waits until every signal has come.
func (w *witnesses) end() {
	close(w.stop)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.work.Wait()
	}()
	select {
	case <-done:
	case <-time.After(witnessWait):
		w.target.Fatal("signals between witnesses don't come")
	}
	for _, side := range w.sides {
		side.conn.Close()
	}
}

// String is what they saw.
func (w *witnesses) String() string {
	took := slices.Concat(w.sides[0].took, w.sides[1].took)
	if len(took) == 0 {
		return "nothing"
	}
	slices.Sort(took)
	percentile := func(p int) string {
		return strconv.FormatFloat(took[min(len(took)-1, len(took)*p/100)].Seconds()*1000, 'f', 2, 64) + " ms"
	}
	return fmt.Sprintf("%d signals, none lost, p50 %s, p99 %s", len(took), percentile(50), percentile(99))
}
