package doctor

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// checkIPv6 tries the hub's IPv6 address, if it has one and this machine could reach it.
func (e *examination) checkIPv6(ctx context.Context) {
	with := values{"host": e.target.host(), "port": e.target.port()}
	if _, err := netip.ParseAddr(e.target.host()); err == nil {
		e.say("ipv6", "literal", nil)
		return
	}
	i := slices.IndexFunc(e.ips, netip.Addr.Is6)
	if i < 0 {
		e.say("ipv6", "none", with)
		return
	}
	to := net.JoinHostPort(e.ips[i].String(), e.target.port())
	probe, err := net.Dial("udp6", to) // nothing is sent; it fails without a route
	if err != nil {
		e.say("ipv6", "here", nil)
		return
	}
	probe.Close()
	conn, err := e.Dial(ctx, "tcp6", to)
	if err != nil {
		e.say("ipv6", "broken", with)
		return
	}
	conn.Close()
	e.say("ipv6", "ok", nil)
}
