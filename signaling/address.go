package signaling

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// clientAddress is where a request comes from. Only trusted proxies are believed
// about it: of X-Forwarded-For, the last address that isn't one of theirs counts.
func clientAddress(r *http.Request, o *Options) netip.Addr {
	address := parseAddress(r.RemoteAddr)
	if !trusted(address, o) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseAddress(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			break
		}
		address = hop
		if !trusted(hop, o) {
			break
		}
	}
	return address
}

func parseAddress(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone("")
}

func trusted(a netip.Addr, o *Options) bool {
	for _, p := range o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// addresses knows how much each client's address uses. A loopback address isn't
// bounded: that is this machine, or a proxy on it whose clients can't be told apart.
type addresses struct {
	mu    sync.Mutex
	known map[netip.Prefix]*usage
}

type usage struct {
	connections int
	joins       bucket
}

// network is what shares the limits of an address: itself, or its /64 in IPv6. It isn't valid if
// there are none.
func network(a netip.Addr) netip.Prefix {
	if !a.IsValid() || a.IsLoopback() {
		return netip.Prefix{}
	}
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// use returns the usage of p, made now if need be. Needs mu.
func (a *addresses) use(p netip.Prefix) *usage {
	u := a.known[p]
	if u == nil {
		u = &usage{}
		if a.known == nil {
			a.known = make(map[netip.Prefix]*usage)
		}
		a.known[p] = u
	}
	return u
}

// connect counts a connection until disconnected is called. ok is false if there
// are too many; it is counted all the same.
func (a *addresses) connect(address netip.Addr, o *Options) (disconnected func(), ok bool) {
	p := network(address)
	if !p.IsValid() {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.use(p)
	u.connections++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		u.connections--
	}, u.connections <= o.Limits.Connections
}

func (a *addresses) connected(address netip.Addr) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if u := a.known[network(address)]; u != nil {
		return u.connections
	}
	return 0
}

// join counts a new member. wait is 0, or how long to wait before trying again.
func (a *addresses) join(address netip.Addr, o *Options) (wait time.Duration) {
	p := network(address)
	if !p.IsValid() {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.use(p).joins.take(o.Limits.Joins)
}

// check forgets addresses that use nothing.
func (a *addresses) check(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p, u := range a.known {
		if u.connections == 0 && u.joins.full(now) {
			delete(a.known, p)
		}
	}
}
