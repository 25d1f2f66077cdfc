package turn

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// minBurst is what a bucket of bytes holds at least: a quarter of a second, or a few datagrams of the greatest size.
const minBurst = 16 << 10

// bucket bounds bytes a second. It may be used by any number of goroutines.
type bucket struct{ limiter atomic.Pointer[rate.Limiter] }

// configure sets another rate; what was saved up is kept.
func (b *bucket) configure(bytes int) {
	burst := max(bytes/4, minBurst)
	if l := b.limiter.Load(); l != nil {
		l.SetLimit(rate.Limit(bytes))
		l.SetBurst(burst)
		return
	}
	b.limiter.Store(rate.NewLimiter(rate.Limit(bytes), burst))
}

// takeBoth takes n bytes out of a session's bucket and that of all. If the latter is empty the session has paid all the
// same: whoever sends too much pays first.
func takeBoth(one, all *bucket, n int) bool {
	now := time.Now()
	return one.limiter.Load().AllowN(now, n) && all.limiter.Load().AllowN(now, n)
}

const (
	// maxRemembered is how many addresses are remembered, twice: the newer and the older ones. Whoever is forgotten begins
	// anew, which helps nobody who sends under false addresses: these are many already.
	maxRemembered = 16 << 10
	forgetAfter   = time.Minute
)

// networkOf is what shares the limits of an address.
func networkOf(ip netip.Addr) netip.Prefix {
	bits := 64
	if ip = ip.Unmap(); ip.Is4() {
		bits = 32
	}
	network, _ := ip.Prefix(bits)
	return network
}

// requests bounds how often an address is answered that has no allocation. An answer is up to three times as long as
// its question, and the question may bear a false address. It may be used by any number of goroutines.
type requests struct {
	mu           sync.Mutex
	limit        rate.Limit
	burst        int
	newer, older map[netip.Prefix]*rate.Limiter
	turned       time.Time
}

func (r *requests) configure(perSecond float64, burst int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit, r.burst = rate.Limit(perSecond), burst
	r.newer, r.older = make(map[netip.Prefix]*rate.Limiter), nil
}

// take tells whether a request from ip may be answered at now.
func (r *requests) take(ip netip.Addr, now time.Time) bool {
	network := networkOf(ip)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.newer) >= maxRemembered || now.Sub(r.turned) >= forgetAfter {
		r.newer, r.older, r.turned = make(map[netip.Prefix]*rate.Limiter), r.newer, now
	}
	l := r.newer[network]
	if l == nil {
		if l = r.older[network]; l == nil {
			l = rate.NewLimiter(r.limit, r.burst)
		}
		r.newer[network] = l
	}
	return l.AllowN(now, 1)
}
