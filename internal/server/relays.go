package server

import (
	"net"
	"net/netip"
	"slices"

	"github.com/snug-chat/snug/internal/turn"
)

// relays are the addresses that relays get: those that the operator names, or else of those that this machine has. It warns if nobody
// outside could reach them.
func (b *relayBuilder) relays(local, outward []netip.Addr) []turn.Relay {
	at := b.at()
	if named := b.config.TURN.Addresses; len(named) > 0 {
		all := make([]turn.Relay, 0, len(named))
		for _, ip := range named {
			all = append(all, turn.Relay{Address: ip, Bind: bindFor(ip, at, local)})
		}
		return all
	}
	found := []netip.Addr{at}
	if at.IsUnspecified() {
		found = pickRelays(local, at.Is6(), outward)
	}
	if text, err := lanAddress(); err == nil && b.config.LAN && at.IsUnspecified() {
		found = []netip.Addr{netip.MustParseAddr(text)} // where the invite leads to
	}
	all := make([]turn.Relay, 0, len(found))
	for _, ip := range found {
		all = append(all, turn.Relay{Address: ip, Bind: ip})
	}
	if !b.config.LAN && !at.IsLoopback() && !slices.ContainsFunc(found, isPublic) {
		b.server.logs.logger.Warn("this machine has private addresses only, so members elsewhere can't be relayed to: name the address that they reach it at (turn.addresses), and have the router let the ports of TURN through to it",
			"ports", b.config.TURN.Ports)
	}
	return all
}

// bindFor is where a relay that others know as ip is bound: there, if this machine has it; or else, behind a NAT, where TURN listens,
// if that is one address, or anywhere.
func bindFor(ip, listens netip.Addr, local []netip.Addr) netip.Addr {
	switch {
	case slices.Contains(local, ip):
		return ip
	case !listens.IsUnspecified() && listens.Is4() == ip.Is4():
		return listens
	}
	return netip.Addr{}
}

func isPublic(ip netip.Addr) bool { return ip.IsGlobalUnicast() && !turn.Private(ip) }

// localAddresses are those of the interfaces that are up.
func localAddresses() (all []netip.Addr) {
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					all = append(all, ip.Unmap())
				}
			}
		}
	}
	return all
}

// outwards are the addresses that this machine talks to the world from, of IPv4 and IPv6. Nothing is sent.
func outwards() (all []netip.Addr) {
	for network, far := range map[string]string{"udp4": "192.0.2.1:9", "udp6": "[2001:db8::1]:9"} { // addresses of examples are as far away as any
		if conn, err := net.Dial(network, far); err == nil {
			all = append(all, conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap())
			conn.Close()
		}
	}
	return all
}

// pickRelays picks of this machine's addresses an IPv4 one and, if both families are listened on, a public IPv6 one. Public ones come
// first, then those that this machine goes out by. Loopback is left if there is nothing else.
func pickRelays(local []netip.Addr, both bool, outward []netip.Addr) (picked []netip.Addr) {
	rank := func(ip netip.Addr) int {
		n := 0
		if !isPublic(ip) {
			n += 2
		}
		if !slices.Contains(outward, ip) {
			n++
		}
		return n
	}
	usable := slices.DeleteFunc(slices.Clone(local), func(ip netip.Addr) bool { return !ip.IsGlobalUnicast() })
	slices.SortStableFunc(usable, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	if i := slices.IndexFunc(usable, netip.Addr.Is4); i >= 0 {
		picked = append(picked, usable[i])
	}
	if i := slices.IndexFunc(usable, netip.Addr.Is6); both && i >= 0 && (isPublic(usable[i]) || len(picked) == 0) {
		picked = append(picked, usable[i])
	}
	if len(picked) == 0 {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return picked
}
