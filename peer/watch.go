package peer

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

const (
	settleWait = 100 * time.Millisecond // one change comes as several
	maxSettle  = 10                     // of these waits
	// An IPv6 address can be used when the system knows that nobody else has it,
	// after a second or two (RFC 4862 §5.4); a port may become free any time.
	retryFirst = 250 * time.Millisecond // doubled each time
	retryMax   = 30 * time.Second
)

// watch calls changed each time when the usable addresses of this machine have changed and the sockets have
// followed: links that restart ICE then gather at the new ones. It returns when ctx has ended or the
// network is closed, which waits for changed. It is called once.
func (n *network) watch(ctx context.Context, changed func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n.mu.Lock()
	if n.isShut {
		n.mu.Unlock()
		return
	}
	n.unwatch = cancel
	n.watching.Add(1)
	n.mu.Unlock()
	defer n.watching.Done()

	retry := time.Duration(0) // 0: every address has its socket
	for ctx.Err() == nil {
		now := usableAddresses(n.interfaces)
		moved, err := n.mux.adapt(now)
		if moved {
			changed()
		}
		switch {
		case err == nil:
			retry = 0
		case moved || retry == 0:
			retry = retryFirst
		default:
			retry = min(2*retry, retryMax)
		}
		n.awaitChange(ctx, now, retry)
	}
}

// awaitChange returns when the addresses may be others than before and have come to rest, or it is time to
// try again to bind one of them.
func (n *network) awaitChange(ctx context.Context, before []netip.Addr, retry time.Duration) {
	wait := func(longest time.Duration) {
		waiting, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		n.interfaces.wait(waiting)
	}
	if retry > 0 {
		wait(retry)
	} else {
		n.interfaces.wait(ctx)
	}
	for range maxSettle {
		now := usableAddresses(n.interfaces)
		if slices.Equal(before, now) {
			return
		}
		before = now
		wait(settleWait)
	}
}

// addresses are those that links are offered.
func (n *network) addresses() []netip.AddrPort {
	var all []netip.AddrPort
	for _, s := range n.mux.live() {
		all = append(all, s.local)
	}
	return all
}
