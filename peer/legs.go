package peer

// legs are the two halves of a link's path, each as its side sees it: neither sees whether the other goes
// over a relay. Empty: not known yet.
type legs struct{ ours, theirs Path }

// measure is called when our leg may have changed.
func (l *Link) measure() {
	leg := l.carrier.Load().leg()
	if leg == "" || leg == l.legs.ours {
		return
	}
	if l.sendControl(control{Type: controlPath, Path: leg}.encode()) {
		l.legs.ours = leg
		l.pathChanged()
	}
}

// pathChanged makes the worse leg the link's path.
func (l *Link) pathChanged() {
	p := worse(l.legs.ours, l.legs.theirs)
	l.happen(event{Type: eventPath, Path: p})
	l.room.pathChanged(l, p)
}
