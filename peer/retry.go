package peer

import (
	"math/rand/v2"
	"time"
)

// After a link has failed, another is made: after a pause, doubled each time.
const (
	againFirst = 2 * time.Second
	againMax   = time.Minute
)

// againPause is how long to wait after so many failures, with jitter, lest all members of a room try at
// the same instant.
func againPause(failures int) time.Duration {
	pause := min(againFirst<<min(failures, 10), againMax)
	return pause/2 + rand.N(pause)
}

// tryAgain makes another link to the member if this one failed for a reason that may pass: after a pause, or at once
// when this machine's network has changed.
func (l *Link) tryAgain() {
	if l.failed == "" {
		return
	}
	l.mail.take()
	pause := time.NewTimer(againPause(l.attempt))
	defer pause.Stop()
	for {
		select {
		case <-l.mail.wake:
			if len(l.mail.take()) == 0 {
				continue // of before
			}
		case <-pause.C:
		case <-l.room.done:
			return
		}
		l.room.again(l)
		return
	}
}
