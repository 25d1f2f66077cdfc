package signaling

import (
	"maps"
	"sync"
	"sync/atomic"
)

// counters count what happens. Signals, the one thing that is frequent, are counted without
// a lock.
type counters struct {
	signals     atomic.Uint64
	signalBytes atomic.Uint64

	mu            sync.Mutex
	joins         uint64
	resumed       uint64
	notRecovered  uint64
	superseded    uint64
	leaves        map[string]uint64
	refusals      map[string]uint64
	limited       map[string]uint64
	messages      map[string]uint64
	undeliverable map[string]uint64
	reports       linkCounts
}

func (c *counters) signal(bytes int) {
	c.signals.Add(1)
	c.signalBytes.Add(uint64(bytes))
}

func (c *counters) add(n *uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

func (c *counters) addTo(m *map[string]uint64, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *m == nil {
		*m = make(map[string]uint64)
	}
	(*m)[key]++
}

func (c *counters) refused(e *Error) {
	c.addTo(&c.refusals, e.Code)
	if e.Limit != "" {
		c.addTo(&c.limited, e.Limit)
	}
}

// read copies what was counted into s.
func (c *counters) read(s *Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Joins, s.Resumed, s.NotRecovered, s.Superseded = c.joins, c.resumed, c.notRecovered, c.superseded
	s.Leaves, s.Refusals, s.Limited = clone(c.leaves), clone(c.refusals), clone(c.limited)
	s.Undeliverable = clone(c.undeliverable)
	s.Links, s.Opens = c.reports.read()
	s.Messages = clone(c.messages)
	s.Messages["signal"] = c.signals.Load()
	s.SignalBytes = c.signalBytes.Load()
}

func clone(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return maps.Clone(m)
}
