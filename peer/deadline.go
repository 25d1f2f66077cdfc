package peer

import (
	"context"
	"os"
	"sync"
	"time"
)

// deadline is when reading or writing ends.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	passed chan struct{} // closed when it has; replaced when another is set then
}

func (d *deadline) init() { d.passed = make(chan struct{}) }

// set sets another; the zero time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passed // it is about to be closed
	}
	d.timer = nil
	if isClosed(d.passed) {
		d.passed = make(chan struct{})
	}
	passed := d.passed
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		close(passed)
	default:
		d.timer = time.AfterFunc(left, func() { close(passed) })
	}
}

// wait is closed when the deadline that there is now has passed, or an earlier one that is set meanwhile.
func (d *deadline) wait() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

// context ends when the deadline has passed.
func (d *deadline) context() context.Context { return deadlineContext{context.Background(), d.wait()} }

type deadlineContext struct {
	context.Context
	passed chan struct{}
}

func (c deadlineContext) Done() <-chan struct{} { return c.passed }

func (c deadlineContext) Err() error {
	if isClosed(c.passed) {
		return os.ErrDeadlineExceeded
	}
	return nil
}
