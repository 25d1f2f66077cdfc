package turn

import (
	"net"
	"net/netip"

	"github.com/pion/turn/v5"
)

// client is who has an allocation: an address, and whether it is one of TCP.
type client struct {
	address netip.AddrPort
	tcp     bool
}

func clientOf(a net.Addr) client {
	switch a := a.(type) {
	case *net.UDPAddr:
		return client{unmapped(a.AddrPort()), false}
	case *net.TCPAddr:
		return client{unmapped(a.AddrPort()), true}
	}
	return client{}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// knows tells whether c has an allocation.
func (s *Server) knows(c client) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.clients[c] != nil
}

// permit is Pion's question whether a client may have a permission for an address, of itself or for a channel. If not, it
// is told 403, or 401 for a channel.
func (s *Server) permit(from net.Addr, peer net.IP) bool {
	ip, _ := netip.AddrFromSlice(peer)
	if !s.mayPermit(ip) {
		s.stats.refuse(RefusedAddress)
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for r := range s.clients[clientOf(from)] {
		if r.full(ip.Unmap()) {
			s.stats.refuse(RefusedPeers)
			return false
		}
	}
	return true
}

// events tell what Pion has done with a relay. Pion holds locks of its own meanwhile.
func (s *Server) events() turn.EventHandler {
	return turn.EventHandler{
		OnAuth: func(_, _ net.Addr, _, _, _, _ string, right bool) {
			if !right {
				s.stats.refuse(RefusedCredential)
			}
		},
		OnAllocationCreated: func(from, _ net.Addr, _, _, _ string, known net.Addr, _ int) { s.made(known, clientOf(from)) },
		OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, known net.Addr, peer net.IP) {
			s.of(known, func(r *relay) {
				ip, _ := netip.AddrFromSlice(peer)
				r.peers[ip.Unmap()] = struct{}{}
			})
		},
		OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, known net.Addr, peer net.IP) {
			s.of(known, func(r *relay) {
				ip, _ := netip.AddrFromSlice(peer)
				delete(r.peers, ip.Unmap())
			})
		},
		OnChannelCreated: func(_, _ net.Addr, _, _, _ string, known, _ net.Addr, _ uint16) {
			s.of(known, func(r *relay) { r.channels++ })
		},
		OnChannelDeleted: func(_, _ net.Addr, _, _, _ string, known, _ net.Addr, _ uint16) {
			s.of(known, func(r *relay) { r.channels-- })
		},
	}
}

// made notes who has a relay.
func (s *Server) made(known net.Addr, c client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.live[clientOf(known).address]
	if r == nil {
		return // it has ended already
	}
	r.client = &c
	s.networks[networkOf(c.address.Addr())]++
	if s.clients[c] == nil {
		s.clients[c] = make(map[*relay]struct{})
	}
	s.clients[c][r] = struct{}{}
}

// of does something with a live relay, under its lock.
func (s *Server) of(known net.Addr, do func(*relay)) {
	s.mu.RLock()
	r := s.live[clientOf(known).address]
	s.mu.RUnlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	do(r)
}
