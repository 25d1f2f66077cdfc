package peer

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
)

const (
	// An answer serves the links that are made in the same moment. The way to a
	// server changes without a word: a router that starts anew, a VPN.
	mappingAge  = 5 * time.Second
	mappingWait = 5 * time.Second // for a server's answer
)

// mappings remembers what STUN servers have answered (RFC 8489 §2), so that all links of a room ask
// once. Its methods may be called by any number of goroutines.
type mappings struct {
	work sync.WaitGroup

	mu      sync.Mutex
	asked   map[mappingKey]*mapping
	running map[*mapping]context.CancelFunc
	closed  bool
}

// mappingKey is a question: what a server sees behind a socket.
type mappingKey struct {
	socket *ice.UniversalUDPMuxDefault
	server netip.AddrPort
}

// mapping is the answer to one question. address and err are set before done is closed.
type mapping struct {
	asked   time.Time
	done    chan struct{}
	address netip.AddrPort
	err     error
}

func newMappings() *mappings {
	return &mappings{asked: make(map[mappingKey]*mapping), running: make(map[*mapping]context.CancelFunc)}
}

// get waits for the answer to a question that was asked neither before since nor long ago.
func (m *mappings) get(ctx context.Context, k mappingKey, since time.Time) (netip.AddrPort, error) {
	answer := m.ask(k, since)
	select {
	case <-answer.done:
		return answer.address, answer.err
	case <-ctx.Done():
		return netip.AddrPort{}, ctx.Err()
	}
}

// ask asks, unless that was done already.
func (m *mappings) ask(k mappingKey, since time.Time) *mapping {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for other, a := range m.asked {
		if now.Sub(a.asked) > mappingAge {
			delete(m.asked, other) // who waits for it still gets it
		}
	}
	if a := m.asked[k]; a != nil && !a.asked.Before(since) {
		return a
	}
	a := &mapping{asked: now, done: make(chan struct{})}
	if m.closed {
		a.err = net.ErrClosed
		close(a.done)
		return a
	}
	ctx, cancel := context.WithTimeout(context.Background(), mappingWait)
	m.asked[k], m.running[a] = a, cancel
	m.work.Go(func() { m.run(ctx, k, a) })
	return a
}

func (m *mappings) run(ctx context.Context, k mappingKey, a *mapping) {
	x, err := k.socket.GetXORMappedAddrContext(ctx, net.UDPAddrFromAddrPort(k.server), mappingWait)
	if a.err = err; err == nil {
		seen := (&net.UDPAddr{IP: x.IP, Port: x.Port}).AddrPort()
		a.address = netip.AddrPortFrom(seen.Addr().Unmap(), seen.Port())
	}
	close(a.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[a]()
	delete(m.running, a)
}

// forget is called when the network has changed.
func (m *mappings) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.asked)
}

// close returns when nothing is asked any more.
func (m *mappings) close() {
	m.mu.Lock()
	m.closed = true
	for _, cancel := range m.running {
		cancel()
	}
	m.mu.Unlock()
	m.work.Wait()
}
