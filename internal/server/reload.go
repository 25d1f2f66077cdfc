package server

import (
	"cmp"
	"errors"

	"github.com/snug-chat/snug/internal/config"
)

// Reload reads the configuration and the files that it names again, puts it into force, but for what needs a
// restart, and logs what it did, key by key. If anything is wrong with it, it is refused as a whole: that is logged, and nothing
// changes. It may be called by any number of goroutines.
func (s *Server) Reload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.Load == nil {
		return
	}
	s.options.Notify(StateReloading)
	defer s.options.Notify(StateReady)
	if err := s.reload(); err != nil {
		s.refuse(err)
	}
}

func (s *Server) reload() error {
	next, err := s.options.Load()
	if err != nil {
		return err
	}
	if problems := s.asItRuns(next).Check(); len(problems) > 0 {
		return problems
	}
	p, err := read(next)
	if err != nil {
		return err
	}
	replace, err := s.tls.prepare(next)
	if err != nil {
		return err
	}
	replace()
	s.logs.configure(next.Log)
	s.gate.configure(next)
	s.turn.configure(next)
	s.hub.Configure(s.hubOptions(next, p))
	s.admin.configure(p)
	s.tell(s.config, next)
	s.config = next
	return nil
}

// asItRuns is c with the addresses that are listened on: whoever moves the hub to another
// address and opens it has opened the one that it is at.
func (s *Server) asItRuns(c *config.Config) *config.Config {
	running := *c
	running.Listen, running.Admin.Listen = s.started.Listen, cmp.Or(s.started.Admin.Listen, c.Admin.Listen)
	return &running
}

// tell logs what a reload did.
func (s *Server) tell(before, now *config.Config) {
	waits := map[string]bool{}
	for _, c := range config.Changes(s.started, now) {
		waits[c.Key] = c.Restart
	}
	changed, waiting := 0, 0
	for _, c := range config.Changes(before, now) {
		if !waits[c.Key] && !c.Restart {
			changed++
			s.logs.told.Info("the configuration has changed", "key", c.Key, "from", c.From, "to", c.To)
		}
	}
	for _, c := range config.Changes(s.started, now) {
		if waits[c.Key] {
			waiting++
			s.logs.told.Warn("this change needs a restart", "key", c.Key, "from", c.From, "to", c.To)
		}
	}
	s.logs.told.Info("the configuration was reloaded, and the files that it names", "changed", changed, "restart", waiting)
}

func (s *Server) refuse(err error) {
	var problems config.Problems
	if !errors.As(err, &problems) {
		problems = config.Problems{{Text: err.Error()}}
	}
	for _, p := range problems {
		s.logs.told.Error("the new configuration is wrong", "problem", p.Error())
	}
	s.logs.told.Error("the new configuration was refused as a whole; the one before stays in force", "problems", len(problems))
}
