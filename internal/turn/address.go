package turn

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

var (
	// nameable are networks that aren't public, where an operator may have peers: RFC 1918, RFC 6598, RFC 4193,
	// and those for examples and benchmarks (RFC 5737, RFC 2544, RFC 3849, RFC 9637), which labs use.
	nameable = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
		"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32", "3fff::/20")
	// forbidden are the rest of the special ones (RFC 6890 and IANA's registries of special purposes), where there is no peer
	// of anybody: this network, loopback, link-local (with 169.254.169.254), protocol assignments, 6to4 relays,
	// multicast, reserved and broadcast; Azure's 168.63.129.16, and the addresses of metadata in networks that can be named.
	forbidden = prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32", "2001::/23")
	// global is what IPv6 has given out (RFC 4291, section 2.4). Everything else is refused unless it is nameable.
	global = netip.MustParsePrefix("2000::/3")

	shared = netip.MustParsePrefix("100.64.0.0/10")
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

// canonical is ip in its one form: an IPv4 address that stands in an IPv6 one, mapped or behind a NAT64, is
// the IPv4 address.
func canonical(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if ip.Is6() && ip.Zone() == "" && nat64.Contains(ip) {
		b := ip.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip
}

// tunnelled is the IPv4 address that a packet to ip would be wrapped up for, if it is one of 6to4 or
// ISATAP (RFC 5214, section 6.1).
func tunnelled(ip netip.Addr) (netip.Addr, bool) {
	if !ip.Is6() {
		return netip.Addr{}, false
	}
	b := ip.As16()
	switch {
	case sixTo4.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe:
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return netip.Addr{}, false
}

// CheckAllowed finds out whether p may stand in [Limits.Allow]. The error is the rest of a sentence.
func CheckAllowed(p netip.Prefix) error {
	inside := func(of netip.Prefix) bool { return of.Bits() <= p.Bits() && of.Contains(p.Addr()) }
	if p.IsValid() && slices.ContainsFunc(nameable, inside) && !slices.ContainsFunc(forbidden, inside) {
		return nil
	}
	return fmt.Errorf("%s can't be relayed to: name private networks, such as 10.0.0.0/8; public ones need no mention", p)
}

// allowed tells whether ip, in its canonical form, may be relayed to, whoever has it.
func allowed(ip netip.Addr, also []netip.Prefix) bool {
	within := func(p netip.Prefix) bool { return p.Contains(ip) }
	switch {
	case !ip.IsValid() || ip.Zone() != "" || slices.ContainsFunc(forbidden, within):
		return false
	case slices.ContainsFunc(nameable, within):
		return slices.ContainsFunc(also, within)
	case ip.Is6() && !global.Contains(ip):
		return false
	}
	if inner, ok := tunnelled(ip); ok {
		return allowed(inner, also)
	}
	return true
}

// Private tells whether ip is one that others have as well, each in a network of their own: RFC 1918, RFC 6598, RFC 4193.
func Private(ip netip.Addr) bool { return ip.IsPrivate() || shared.Contains(ip) }

// addresses are those of this machine.
type addresses map[netip.Addr]struct{}

func (a addresses) has(ip netip.Addr) bool {
	_, ok := a[ip]
	return ok
}

// lookEvery is how old what is known of the interfaces may be.
const lookEvery = 10 * time.Second

// look finds the addresses of this machine, beside those that are known, and those that all in a network of it have: Go's sockets
// may send to these.
func (s *Server) look(known []netip.Addr) {
	own := addresses{}
	for _, ip := range known {
		own[canonical(ip)] = struct{}{}
	}
	found, err := net.InterfaceAddrs()
	if before := s.own.Load(); err != nil && before != nil {
		return
	}
	for _, a := range found {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				own[canonical(ip)] = struct{}{}
			}
			if all, ok := broadcast(n); ok {
				own[all] = struct{}{}
			}
		}
	}
	s.own.Store(&own)
}

// broadcast is what all in an IPv4 network have.
func broadcast(n *net.IPNet) (netip.Addr, bool) {
	ip := n.IP.To4()
	if ones, bits := n.Mask.Size(); ip == nil || bits != 32 || ones > 30 {
		return netip.Addr{}, false
	}
	var all [4]byte
	for i := range all {
		all[i] = ip[i] | ^n.Mask[i]
	}
	return netip.AddrFrom4(all), true
}

func (s *Server) keepLooking(known []netip.Addr) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.look(known)
		case <-s.over:
			return
		}
	}
}

// isOwn tells whether ip is this machine, perhaps in a tunnel.
func (s *Server) isOwn(ip netip.Addr) bool {
	if inner, ok := tunnelled(ip); ok && s.isOwn(inner) {
		return true
	}
	return ip.IsLoopback() || s.own.Load().has(ip)
}

// mayPermit tells whether a permission for ip makes sense: what port it is for isn't known yet.
func (s *Server) mayPermit(ip netip.Addr) bool {
	ip = canonical(ip)
	for _, r := range s.relays {
		if ip == r.Address {
			return true
		}
	}
	return !s.isOwn(ip) && allowed(ip, s.limits.Load().Allow)
}

// peerPort tells whether a peer may have port: not those of services, which nobody is to be asked under this machine's address. NATs map
// to higher ones (RFC 4787, section 4.2.2); 443 is one that a program takes on purpose, since firewalls let it through.
func peerPort(port uint16) bool { return port >= 1024 || port == 443 }

// route says where a datagram for to goes, if it may go: there or, if that is a live relay of this server, to where this
// machine has that.
func (s *Server) route(to netip.AddrPort) (netip.AddrPort, bool) {
	ip := canonical(to.Addr())
	if !s.isOwn(ip) {
		return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), peerPort(to.Port()) && allowed(ip, s.limits.Load().Allow)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.live[netip.AddrPortFrom(ip, to.Port())]; r != nil {
		return r.local, true
	}
	return to, false
}

// origin says whom a datagram is from, as a client knows it, if it may come in. One of a relay of this server may have
// come from another address of this machine than the relay is known by.
func (s *Server) origin(from netip.AddrPort) (netip.AddrPort, bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	ip := canonical(from.Addr())
	if !s.isOwn(ip) {
		return from, peerPort(from.Port()) && allowed(ip, s.limits.Load().Allow)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, at := range s.relays {
		known := netip.AddrPortFrom(at.Address, from.Port())
		r := s.live[known]
		if r != nil && (from == known || from == r.local) {
			return known, true
		}
	}
	return from, false
}
