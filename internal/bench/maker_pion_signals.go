package bench

import (
	"sync"
	"time"
)

// signals brings one end's signals to the other, in order, each so much later.
type signals struct {
	delay     time.Duration
	waiting   chan signal
	refused   chan error // gets the first that the other end couldn't take
	done      chan struct{}
	delivered sync.WaitGroup
}

type signal struct {
	due  time.Time
	take func() error
}

func newSignals(delay time.Duration) *signals {
	s := &signals{delay: delay, waiting: make(chan signal, 64), refused: make(chan error, 1), done: make(chan struct{})}
	s.delivered.Go(func() {
		for {
			select {
			case next := <-s.waiting:
				time.Sleep(time.Until(next.due)) // this is the delay that signals have
				if err := next.take(); err != nil {
					select {
					case s.refused <- err:
					default:
					}
				}
			case <-s.done:
				return
			}
		}
	})
	return s
}

func (s *signals) send(take func() error) {
	select {
	case s.waiting <- signal{time.Now().Add(s.delay), take}:
	case <-s.done:
	}
}

func (s *signals) close() {
	close(s.done)
	s.delivered.Wait()
}
