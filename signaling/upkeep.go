package signaling

import (
	"slices"
	"time"
)

// check does what is due at now: it acknowledges, ends sessions that were away for too long, or whose
// token has expired, and sends newer ICE servers.
func (r *room) check(now time.Time, o *Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for _, s := range slices.Clone(r.order) {
		switch {
		case s.away() && now.Sub(s.awaySince) >= o.Grace:
			r.leave(s, ReasonTimeout)
		case s.away():
		case !s.grant.Expires.IsZero() && now.After(s.grant.Expires):
			s.connection.close(errExpired())
		default:
			s.acknowledge()
			r.refresh(s, now, o)
		}
	}
	r.tell()
	r.closeIfEmpty()
}

// refresh sends s newer ICE servers when the ones it has are about to expire. Needs mu.
func (r *room) refresh(s *session, now time.Time, o *Options) {
	if s.ice == 0 || now.UnixMilli() < s.ice {
		return
	}
	ice := r.iceFor(s, now, o)
	s.connection.send(messageFrame(ice))
}

// iceFor asks the operator's hook, and notes when to ask again: at three quarters of the time. Needs mu.
func (r *room) iceFor(s *session, now time.Time, o *Options) ICE {
	ice := o.ICE(AuthRequest{Room: r.name, Member: s.id, Kind: s.kind, Address: s.address}, s.grant)
	if ice.Servers == nil {
		ice.Servers = []ICEServer{}
	}
	s.ice = 0
	if ice.Expires != 0 {
		left := max(ice.Expires-now.UnixMilli(), int64(sweepInterval/time.Millisecond))
		s.ice = now.UnixMilli() + left*3/4
	}
	return ice
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
