package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	longestLatency = int64(10 * time.Minute)
	latencyDigits  = 3 // that are exact
	// One thread sends so many signals a second at most: what it takes to send one is
	// some 20 µs.
	perSender = 10_000
)

// schedule says when signals are due: at a constant rate, whatever the server does. What is sent
// late because the server made us wait counts from when it was due, so that a server which stops
// for a second is seen to have made a second's signals late, not one.
type schedule struct {
	start time.Time
	rate  float64 // a second
}

// due is when signal i should be sent.
func (s schedule) due(i int) time.Time {
	return s.start.Add(time.Duration(float64(i) / s.rate * float64(time.Second)))
}

// timing collects how late a known number of things came.
type timing struct {
	want int
	done chan struct{} // closed when all have come

	mu        sync.Mutex
	got       int
	latencies *hdrhistogram.Histogram // ns
	lags      *hdrhistogram.Histogram // ns: how late they were sent
}

func newTiming(want int) *timing {
	return &timing{
		want:      want,
		done:      make(chan struct{}),
		latencies: hdrhistogram.New(1, longestLatency, latencyDigits),
		lags:      hdrhistogram.New(1, longestLatency, latencyDigits),
	}
}

func (t *timing) arrived(latency time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latencies.RecordValue(min(int64(latency), longestLatency))
	t.got++
	if t.got == t.want {
		close(t.done)
	}
}

func (t *timing) sent(lag time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lags.RecordValue(min(max(int64(lag), 0), longestLatency))
}

// latency is the value that a percentage of all isn't above, in ns.
func (t *timing) latency(percent float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return float64(t.latencies.ValueAtQuantile(percent))
}

// lag is the same of how late the load itself was.
func (t *timing) lag(percent float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return float64(t.lags.ValueAtQuantile(percent))
}

// wait waits until all have come.
func (t *timing) wait(ctx context.Context, c *crowd) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-t.done:
		return nil
	case <-c.failed:
		return c.failure
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		return fmt.Errorf("%d of %d signals came: %w", t.got, t.want, ctx.Err())
	}
}

// talk has members send signals, in turn, at a constant rate altogether, and
// returns when all have come.
func (c *crowd) talk(ctx context.Context, members []*member, rate float64, length time.Duration) (*timing, error) {
	t := newTiming(max(int(rate*length.Seconds()), 1))
	c.measure(t)
	defer c.measure(nil)
	s := schedule{time.Now().Add(10 * time.Millisecond), rate}
	senders := 1 + int(rate)/perSender
	var sending sync.WaitGroup
	for first := range senders {
		sending.Go(func() {
			// The thread's timers are made exact, and the thread ends with its goroutine.
			runtime.LockOSThread()
			exactTimers()
			for i := first; i < t.want && ctx.Err() == nil && c.err() == nil; i += senders {
				due := s.due(i)
				sleepUntil(due)
				t.sent(time.Since(due))
				if err := members[i%len(members)].send(due); err != nil {
					c.fail(fmt.Errorf("sending a signal: %w", err))
					return
				}
			}
		})
	}
	sending.Wait()
	return t, t.wait(ctx, c)
}
