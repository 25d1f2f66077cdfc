package peer

const windowWidth = 64

// replayWindow tells which counters of a sender are new: RFC 4303 §3.4.3. Its zero value has seen none.
type replayWindow struct {
	highest uint64
	seen    uint64 // bit i: highest-i was
}

// isNew tells whether n wasn't taken, and isn't too old to be known.
func (w *replayWindow) isNew(n uint64) bool {
	if n > w.highest {
		return true
	}
	age := w.highest - n
	return age < windowWidth && w.seen&(1<<age) == 0
}

// take takes note of n, which is new.
func (w *replayWindow) take(n uint64) {
	if n > w.highest {
		w.seen <<= min(n-w.highest, windowWidth)
		w.highest = n
	}
	w.seen |= 1 << (w.highest - n)
}
