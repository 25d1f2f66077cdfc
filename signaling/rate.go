package signaling

import (
	"time"

	"golang.org/x/time/rate"
)

// bucket bounds how often something happens. Its zero value is full, and costs a
// pointer until something is taken. Who uses it makes sure that nobody else does.
type bucket struct{ limiter *rate.Limiter }

// take takes one, of what r allows. wait is 0, or how long to wait before trying again.
func (b *bucket) take(r Rate) (wait time.Duration) {
	now := time.Now()
	if b.limiter == nil {
		b.limiter = rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
	}
	if b.limiter.AllowN(now, 1) {
		return 0
	}
	reserved := b.limiter.ReserveN(now, 1)
	defer reserved.CancelAt(now)
	return max(reserved.DelayFrom(now), time.Millisecond)
}

// full tells whether nothing is missing.
func (b *bucket) full(now time.Time) bool {
	return b.limiter == nil || b.limiter.TokensAt(now) >= float64(b.limiter.Burst())
}
