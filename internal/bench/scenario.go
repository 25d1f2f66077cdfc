package bench

import (
	"context"
	"path/filepath"
)

// scenario is one thing to measure.
type scenario struct {
	name      string
	inside    bool // it measures nothing but memory or CPU
	announced bool // it measures when members know who comes and goes
	measure   func(context.Context, *runner, target) ([]figure, error)
}

var scenarios = []scenario{
	{name: "idle", inside: true, measure: idle},
	{name: "relay", inside: true, measure: relay},
	{name: "latency", measure: latency},
	{name: "storm", measure: storm},
	{name: "slow", measure: slow},
	{name: "fanout", announced: true, measure: fanout},
}

// ScenarioNames are those that Options.Only may hold.
func ScenarioNames() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}

// figure is one value that was measured.
type figure struct {
	what   string
	unit   unit
	value  float64
	budget *budget // nil if there is none
}

// budget is what DESIGN.md allows: a value, or a multiple of what another server takes.
type budget struct {
	value float64
	of    string // the key of a target; empty for a value
}

// profiled writes profiles of what a server does in work, if this is the round for it.
func (r *runner) profiled(s *site, name string, work func() error) error {
	if !r.profiling {
		return work()
	}
	dir, err := filepath.Abs(r.Profile)
	if err != nil {
		return err
	}
	if err := s.process.tell(orderProfile, filepath.Join(dir, name+".cpu.pprof")); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	if err := s.process.tell(orderProfiled); err != nil {
		return err
	}
	return s.process.tell(orderHeap, filepath.Join(dir, name+".heap.pprof"))
}
