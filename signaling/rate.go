package signaling

import (
	"time"

	"golang.org/x/time/rate"
)

// setRate makes a new limiter one of r. It has rested since the year 1, so it takes a whole burst at once.
func setRate(l *rate.Limiter, r Rate) {
	l.SetLimitAt(time.Time{}, rate.Limit(r.PerSecond))
	l.SetBurstAt(time.Time{}, r.Burst)
}

// allow takes one from a limiter. wait is 0, or how long to wait before trying again.
func allow(l *rate.Limiter) (wait time.Duration) {
	now := time.Now()
	if l.AllowN(now, 1) {
		return 0
	}
	r := l.ReserveN(now, 1)
	defer r.CancelAt(now)
	return max(r.DelayFrom(now), time.Millisecond)
}
