package turn

import (
	"sync"
	"sync/atomic"
)

// Reasons for a refusal, in [Stats].
const (
	RefusedAddress    = "address"    // a peer that may not be relayed to, or from
	RefusedBandwidth  = "bandwidth"  // a datagram was dropped for it
	RefusedCapacity   = "capacity"   // there was no port
	RefusedCredential = "credential" // it was forged
	RefusedExpired    = "expired"    // a credential, for a new allocation
	RefusedFamily     = "family"     // no relay has an address of it
	RefusedLifetime   = "lifetime"   // an allocation was ended at its greatest age
	RefusedPeers      = "peers"      // too many for one allocation
	RefusedQuota      = "quota"      // of allocations
	RefusedRequests   = "requests"   // too many of an address
	RefusedSession    = "session"    // it has ended
	RefusedTCP        = "tcp"        // to a peer
)

// Reasons are all of them.
var Reasons = []string{RefusedAddress, RefusedBandwidth, RefusedCapacity, RefusedCredential, RefusedExpired, RefusedFamily,
	RefusedLifetime, RefusedPeers, RefusedQuota, RefusedRequests, RefusedSession, RefusedTCP}

// Stats are what a server has and did.
type Stats struct {
	Allocations      int               // that are there
	AllocationsTotal uint64            // that there were
	BytesSent        uint64            // to peers
	BytesReceived    uint64            // from peers
	Refused          map[string]uint64 // by reason
}

type counters struct {
	allocations, sent, received atomic.Uint64

	mu      sync.Mutex
	refused map[string]uint64
}

func (c *counters) refuse(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[string]uint64)
	}
	c.refused[reason]++
}

// Stats are the numbers of now.
func (s *Server) Stats() Stats {
	now := Stats{
		AllocationsTotal: s.stats.allocations.Load(), BytesSent: s.stats.sent.Load(), BytesReceived: s.stats.received.Load(),
		Refused: make(map[string]uint64),
	}
	s.mu.RLock()
	now.Allocations = len(s.live)
	s.mu.RUnlock()
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	for reason, n := range s.stats.refused {
		now.Refused[reason] = n
	}
	return now
}
