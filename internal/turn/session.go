package turn

import (
	"net"
	"time"
)

// session is a member that may relay. The server's mutex guards its relays.
type session struct {
	tag     string
	relays  map[*relay]struct{}
	in, out bucket
}

// Admit lets a session relay until [Server.End], and gives it a credential. It may be called again for
// a newer one; older ones hold until they expire.
func (s *Server) Admit(room, member string) Credential {
	l := s.limits.Load()
	c := NewCredential(s.secret, room, member, time.Now().Add(l.Validity))
	tag := tagOf(s.secret, room, member)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[tag] == nil && !s.closed {
		one := &session{tag: tag, relays: make(map[*relay]struct{})}
		one.in.configure(l.Bandwidth)
		one.out.configure(l.Bandwidth)
		s.sessions[tag] = one
	}
	return c
}

// End ends a session: no datagram passes any of its relays from now on, and its credentials hold no more. Ports are
// free a moment later. It is nothing if there is no such session.
func (s *Server) End(room, member string) {
	tag := tagOf(s.secret, room, member)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[tag]
	if one == nil {
		return
	}
	delete(s.sessions, tag)
	if len(one.relays) == 0 || s.closed {
		return
	}
	for r := range one.relays {
		r.ended.Store(true)
	}
	ending := make([]*relay, 0, len(one.relays))
	for r := range one.relays {
		ending = append(ending, r)
	}
	s.work.Go(func() {
		for _, r := range ending {
			r.Close()
		}
	})
}

func (s *Server) lives(tag string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions[tag] != nil
}

// mayAllocate is Pion's question whether a session may have one more; if not, the client is told 486.
func (s *Server) mayAllocate(tag, _ string, from net.Addr) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	one := s.sessions[tag]
	switch {
	case one == nil:
		s.stats.refuse(RefusedSession)
		return false
	case !s.roomLocked(one) || s.networks[networkOf(clientOf(from).address.Addr())] >= s.limits.Load().AddressAllocations:
		s.stats.refuse(RefusedQuota)
		return false
	}
	return true
}

// roomLocked tells whether a session may have one more allocation.
func (s *Server) roomLocked(one *session) bool {
	l := s.limits.Load()
	return len(one.relays) < l.Allocations && len(s.live) < l.TotalAllocations
}
