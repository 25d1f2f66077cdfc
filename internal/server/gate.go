package server

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"golang.org/x/time/rate"
)

// crowdedEvery is how often the log says that an address has too many connections.
const crowdedEvery = time.Minute

// gate is a listener that takes a limited number of TCP connections from one address, or one /64 of IPv6, at a
// time. The hub counts those that have become its own; this bounds the ones that say nothing, or say it slowly, before
// net/http has spent a goroutine on them. The machine's own address and trusted proxies, behind
// which many may stand, aren't bounded.
type gate struct {
	net.Listener
	logs   *logs
	rarely rate.Sometimes
	rule   atomic.Pointer[rule]

	mu   sync.Mutex
	open map[netip.Prefix]int
}

type rule struct {
	connections int
	proxies     []netip.Prefix
}

func newGate(l net.Listener, logs *logs) *gate {
	return &gate{Listener: l, logs: logs, rarely: rate.Sometimes{Interval: crowdedEvery}, open: make(map[netip.Prefix]int)}
}

// configure sets the limit. Those that are in stay.
func (g *gate) configure(c *config.Config) {
	g.rule.Store(&rule{2 * c.Limits.Connections, c.Proxies})
}

// Accept returns the next connection that there is room for. Others are closed at once.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, bounded := g.network(conn.RemoteAddr())
		if !bounded {
			return conn, nil
		}
		if g.enter(from) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { g.leave(from) })}, nil
		}
		g.refuse(conn)
	}
}

// network is what shares the limit of an address. It is false if there is none.
func (g *gate) network(a net.Addr) (netip.Prefix, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.IsLoopback() || g.trusts(ip) {
		return netip.Prefix{}, false
	}
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}

// trusts tells whether ip is a proxy whose X-Forwarded-For is believed.
func (g *gate) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(g.rule.Load().proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func (g *gate) enter(from netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[from] >= g.rule.Load().connections {
		return false
	}
	g.open[from]++
	return true
}

func (g *gate) leave(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[from]--; g.open[from] == 0 {
		delete(g.open, from)
	}
}

// refuse resets a connection, so that nothing of it stays here.
func (g *gate) refuse(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
	g.rarely.Do(func() {
		args := []any{"limit", g.rule.Load().connections}
		if g.logs.addresses.Load() {
			args = append(args, "address", conn.RemoteAddr().String())
		}
		g.logs.logger.Warn("an address has as many connections as it may have; more were refused", args...)
	})
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite is what net/http wants of a connection whose last answer has to arrive.
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
