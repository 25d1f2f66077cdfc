package peer

import (
	"time"

	"github.com/snug-chat/snug/signaling"
)

// legs are the two halves of a link's path, each as its side sees it: neither sees whether the other goes
// over a relay. Empty: not known yet.
type legs struct{ ours, theirs Path }

// outcome is what the hub is told of an attempt to open a link.
type outcome struct {
	opened time.Duration // since the beginning; 0: never
	told   bool
}

// measure is called when our leg may have changed.
func (l *Link) measure() {
	now, ok := l.carrier.Load().stats()
	if !ok || now.leg == l.legs.ours || !l.sendControl(control{Type: controlPath, Path: now.leg}.encode()) {
		return
	}
	l.legs.ours = now.leg
	l.pathChanged()
}

// pathChanged makes the worse leg the link's path.
func (l *Link) pathChanged() {
	p := worse(l.legs.ours, l.legs.theirs)
	l.happen(event{Type: eventPath, Path: p})
	l.room.pathChanged(l, p)
	if l.legs.theirs != "" {
		l.report("")
	}
}

// report tells the hub, once, how the attempt to open the link came out: when the path is known, or at the end.
func (l *Link) report(end Cause) {
	if l.outcome.told || end == "" && l.outcome.opened == 0 {
		return
	}
	l.outcome.told = true
	r := signaling.Report{Outcome: string(end), Family: signaling.FamilyGo}
	if l.outcome.opened > 0 {
		r.Outcome, r.Path, r.Time = signaling.OutcomeOpened, string(worse(l.legs.ours, l.legs.theirs)), l.outcome.opened
	}
	l.room.hub.Report(r)
}

// Statistics are what a link knows of the way that its frames take.
type Statistics struct {
	Path      Path          // the worse of both legs
	RoundTrip time.Duration // of the newest check that was answered; 0: none was yet
	// Bytes that were sent and received on the carrier that there is now, over all of its paths, encrypted and framed.
	Sent, Received uint64
}

// Statistics tells how the link's frames travel now. It is cheap enough for hundreds of links each second. It is
// false while there is no path.
func (l *Link) Statistics() (Statistics, bool) {
	c := l.carrier.Load()
	if c == nil {
		return Statistics{}, false
	}
	now, ok := c.stats()
	if !ok {
		return Statistics{}, false
	}
	return Statistics{Path: worse(l.Member().Path, now.leg), RoundTrip: now.roundTrip, Sent: now.sent, Received: now.received}, true
}
