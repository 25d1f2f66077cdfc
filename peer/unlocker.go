package peer

import (
	"sync"
	"time"
)

const stuckAfter = 5 * time.Second // that a frame takes to be handed over, which waits for nothing

// unlocker frees writes to an SCTP association that has locked itself up: a timer of pion/sctp v1.12.0 that fires when
// the handshake has just succeeded completes it a second time, for which nobody waits any more, and keeps the
// association's lock until the transport below ends. That happens on busy machines only; but who writes then would
// wait for ever, though the other side is there.
type unlocker struct {
	work sync.WaitGroup
	free func()

	mu      sync.Mutex
	timers  [dataChannels]*time.Timer
	watched [dataChannels]bool
	ended   bool
}

func newUnlocker(free func()) *unlocker { return &unlocker{free: free} }

// watch is called before a write. Of each data channel there is one at a time.
func (u *unlocker) watch(id int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watched[id] = true
	if t := u.timers[id]; t != nil {
		t.Reset(stuckAfter)
	} else {
		u.timers[id] = time.AfterFunc(stuckAfter, func() { u.stuck(id) })
	}
}

// done is called after a write.
func (u *unlocker) done(id int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watched[id] = false
	u.timers[id].Stop()
}

func (u *unlocker) stuck(id int) {
	u.mu.Lock()
	stuck := u.watched[id] && !u.ended
	if stuck {
		u.work.Add(1)
	}
	u.mu.Unlock()
	if stuck {
		defer u.work.Done()
		u.free()
	}
}

// end waits until nothing is being freed.
func (u *unlocker) end() {
	u.mu.Lock()
	u.ended = true
	u.mu.Unlock()
	u.work.Wait()
}
