package doctor

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pion/stun/v4"
)

// checkRange sends to a relay from outside, as members do that aren't on a relay themselves: what comes there shows whether the
// server's address and ports are right, and, as a second place that sees the prober's socket, what its NAT does.
func (e *examination) checkRange(ctx context.Context, servers []server, seen *sightings) {
	if len(servers) == 0 {
		e.say("range", "skipped", nil)
		e.sayAddress("skipped", nil)
		return
	}
	s := servers[0]
	a, err := e.allocate(ctx, s)
	if err != nil {
		e.say("range", "skipped", nil)
		e.sayAddress("skipped", nil)
		return
	}
	defer a.end()
	relay := a.LocalAddr().(*net.UDPAddr).AddrPort()
	at, err := resolve(ctx, s.host, s.port)
	if err != nil {
		at = relay
	}
	with := values{"relay": relay.Addr().Unmap().String(), "host": at.Addr().String(), "port": strconv.Itoa(int(relay.Port()))}
	e.judgeAddress(relay.Addr().Unmap(), at.Addr(), with)
	mine, ok := seen.any()
	if !ok {
		e.say("range", "noudp", nil)
		return
	}
	if err := permit(a, net.UDPAddrFromAddrPort(mine)); code(err) == stun.CodeForbidden || err != nil {
		e.say("range", "forbidden", nil)
		return
	}
	from, arrived := send(ctx, func(b []byte) { seen.prober.send(b, relay) }, a)
	if arrived {
		if there, ok := from.(*net.UDPAddr); ok {
			port := there.AddrPort()
			seen.seen[relay] = netip.AddrPortFrom(port.Addr().Unmap(), port.Port())
		}
	}
	if !arrived && isOwn(relay.Addr().Unmap()) {
		e.say("range", "forbidden", nil) // a server relays nothing to its own machine
		return
	}
	e.say("range", rangeKind(arrived, relay.Addr().Unmap(), at.Addr()), with)
}

func rangeKind(arrived bool, relay, server netip.Addr) string {
	switch {
	case arrived:
		return "ok"
	case isInner(relay) && !isInner(server):
		return "private"
	case relay != server:
		return "address"
	}
	return "closed"
}

// isInner tells whether ip is one that isn't reached from outside of a network.
func isInner(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}

// judgeAddress compares the address of relays with those of this machine, where the server runs on it.
func (e *examination) judgeAddress(relay, server netip.Addr, with values) {
	outer := slices.ContainsFunc(e.ips, func(ip netip.Addr) bool { return !isInner(ip) })
	switch {
	case isOwn(relay) && isInner(relay) && outer:
		e.sayAddress("private", with.and("host", e.ips[0].String()))
	case isOwn(relay):
		e.sayAddress("ok", with)
	case slices.Contains(e.ips, relay), relay == server:
		e.sayAddress("same", with)
	default:
		e.sayAddress("wrong", with.and("host", e.target.host()))
	}
}

// sayAddress is for servers on this machine alone.
func (e *examination) sayAddress(kind string, with values) {
	if e.onServer {
		e.say("server-address", kind, with)
	}
}
