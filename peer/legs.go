package peer

// legs are the two halves of a link's path, each as its side sees it: neither sees whether the other goes
// over a relay. Empty: not known yet.
type legs struct{ ours, theirs Path }

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
}
