package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/snug-chat/snug/internal/config"
)

const (
	// drainEach is how long after one member the next is sent away. They come back somewhere, each with a join:
	// that many a second any hub takes, and a small one ends soon.
	drainEach = 20 * time.Millisecond
	// drainRest is how long those who were sent away have to close.
	drainRest = 3 * time.Second
	// drainLook is how often is looked whether all have gone.
	drainLook = 10 * time.Millisecond
	// drainTold is what isn't worth a word to whoever waits.
	drainTold = time.Second
)

// end sends the members away, one after the other, and returns when nothing runs any more, at the latest when the
// deadline is over.
func (s *Server) end() error {
	c := s.current()
	ctx, cancel := context.WithTimeout(context.Background(), c.Deadline)
	defer cancel()
	s.options.Notify(StateStopping)
	s.drain(ctx, c.Drain)
	// The hub first: http.Server doesn't know connections that were upgraded.
	err := errors.Join(s.hub.Shutdown(ctx), stop(ctx, s.http))
	if s.admin != nil {
		err = errors.Join(err, stop(ctx, s.admin.http))
	}
	s.turn.close() // last: who is sent away talks on meanwhile
	s.tls.close()
	if errors.Is(err, context.DeadlineExceeded) {
		s.logs.logger.Warn("the deadline was over: connections were cut", "deadline", c.Deadline)
		return nil
	}
	return err
}

func (s *Server) current() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// drain returns when nobody is connected any more, or has been told to go and doesn't.
func (s *Server) drain(ctx context.Context, over time.Duration) {
	n := s.hub.Stats().Connections
	over = min(over, time.Duration(n)*drainEach)
	if over == 0 {
		return
	}
	if over >= drainTold {
		s.logs.told.Info("ending: members are sent away to come back later; a second signal ends it at once", "connections", n, "over", over)
	}
	s.hub.Undrain() // what an operator has begun may take an hour
	s.hub.Drain(over)
	ctx, cancel := context.WithTimeout(ctx, over+drainRest)
	defer cancel()
	look := time.NewTicker(drainLook)
	defer look.Stop()
	for s.hub.Stats().Connections > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// stop ends a server and what it still answers.
func stop(ctx context.Context, h *http.Server) error {
	err := h.Shutdown(ctx)
	if err != nil {
		h.Close()
	}
	return err
}
