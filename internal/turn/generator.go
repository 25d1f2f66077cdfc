package turn

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

// generator is what Pion asks for relays.
type generator Server

var (
	errNoAddress  = errors.New("turn: no relay has an address of this family")
	errNoPort     = errors.New("turn: every port is taken")
	errNoSession  = errors.New("turn: there is no such session")
	errQuota      = errors.New("turn: the session has as many allocations as it may have")
	errReserved   = errors.New("turn: ports can't be chosen")
	errOverTCP    = errors.New("turn: TCP to peers isn't relayed")
	errEndedEarly = errors.New("turn: the server is ending")
)

// Validate implements turn.RelayAddressGenerator.
func (g *generator) Validate() error { return nil }

// AllocateListener refuses: RFC 6062.
func (g *generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	g.stats.refuse(RefusedTCP)
	return nil, nil, errOverTCP
}

// AllocateConn refuses: RFC 6062.
func (g *generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	g.stats.refuse(RefusedTCP)
	return nil, errOverTCP
}

// AllocatePacketConn makes a relay for a session. Pion asks without one when it looks for an even port: that is refused.
func (g *generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := (*Server)(g)
	if c.RequestedPort != 0 || c.UserID == "" {
		return nil, nil, errReserved
	}
	for _, at := range s.relays {
		if at.Address.Is4() != (c.Network == "udp4") {
			continue
		}
		r, err := s.open(c.Network, at, c.UserID)
		if err != nil {
			return nil, nil, err
		}
		return r, r.LocalAddr(), nil
	}
	s.stats.refuse(RefusedFamily)
	return nil, nil, errNoAddress
}

// maxBinds is how many ports are tried that turn out not to be free.
const maxBinds = 64

// open binds a free port of the range, beginning at a random one, so that it can't be guessed.
func (s *Server) open(network string, at Relay, tag string) (*relay, error) {
	l := s.limits.Load()
	n := int(l.Ports.Last) - int(l.Ports.First) + 1
	start, failed := rand.IntN(n), 0
	for i := range n {
		port := l.Ports.First + uint16((start+i)%n)
		if s.taken(netip.AddrPortFrom(at.Address, port)) {
			continue
		}
		socket, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Bind, port)))
		if err != nil {
			if failed++; failed < maxBinds { // another program's port, as a rule
				continue
			}
			break
		}
		r := s.newRelay(socket, at, port)
		if err := s.enter(r, tag, l.Lifetime); err != nil {
			socket.Close()
			return nil, err
		}
		return r, nil
	}
	s.stats.refuse(RefusedCapacity)
	return nil, errNoPort
}

func (s *Server) taken(a netip.AddrPort) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live[a] != nil
}

func (s *Server) newRelay(socket *net.UDPConn, at Relay, port uint16) *relay {
	local := at.Bind
	switch {
	case local.IsValid() && !local.IsUnspecified():
	case at.Address.Is4():
		local = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		local = netip.IPv6Loopback()
	}
	r := &relay{
		server: s, socket: socket, peers: make(map[netip.Addr]struct{}),
		known: netip.AddrPortFrom(at.Address, port), local: netip.AddrPortFrom(local, port),
	}
	r.close = sync.OnceValue(func() error {
		r.ended.Store(true)
		s.leave(r) // first: a moment later, another program may have the port
		r.age.Stop()
		return socket.Close()
	})
	return r
}

// enter gives a session a relay, if it still lives and may have it.
func (s *Server) enter(r *relay, tag string, lifetime time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[tag]
	switch {
	case s.closed:
		return errEndedEarly
	case one == nil:
		s.stats.refuse(RefusedSession)
		return errNoSession
	case !s.roomLocked(one):
		s.stats.refuse(RefusedQuota)
		return errQuota
	}
	r.session = one
	r.age = time.AfterFunc(lifetime, func() {
		s.stats.refuse(RefusedLifetime)
		r.Close()
	})
	s.work.Add(1)
	r.unread = sync.OnceFunc(s.work.Done)
	one.relays[r] = struct{}{}
	s.live[r.known] = r
	s.stats.allocations.Add(1)
	return nil
}

func (s *Server) leave(r *relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(r.session.relays, r)
	delete(s.live, r.known)
	if r.client == nil {
		return
	}
	network := networkOf(r.client.address.Addr())
	if s.networks[network]--; s.networks[network] == 0 {
		delete(s.networks, network)
	}
	delete(s.clients[*r.client], r)
	if len(s.clients[*r.client]) == 0 {
		delete(s.clients, *r.client)
	}
}
