package peer

import (
	"crypto/sha256"
	"errors"
	"sync/atomic"
)

// What a link does more in a sealed room: each side proves who it is, and that the carrier is the one it means:
// LINK.md, section 8.

// proving is what a link knows of that.
type proving struct {
	said   atomic.Pointer[rtc] // the newest carrier on which our hello was said
	proven atomic.Pointer[rtc] // the newest whose other end's hello fits

	// Owned by run.
	offer  string       // that our newest answer is for
	theirs *fingerprint // of the carrier's other end, by its description
}

var (
	errOtherKey         = errors.New("peer: identity: another key than the first that came under this id")
	errOtherCertificate = errors.New("peer: identity: another certificate than the description said")
	errNoHello          = errors.New("peer: identity: something came before the hello")
)

func (s signal) describes() bool { return s.Type == signalOffer || s.Type == signalAnswer }

// sign adds a proof to a description.
func (l *Link) sign(s signal) (signal, error) {
	t := l.room.trust
	if t == nil || !s.describes() {
		return s, nil
	}
	d := description{l.room.Name(), l.room.self.ID, l.id, s.Type, s.N, s.Carrier, s.SDP, s.SDP}
	if s.Type == signalAnswer {
		d.offer = l.proving.offer
	}
	p, err := d.sign(t.identity)
	s.Identity = &p
	return s, err
}

// signaled takes a signal of the other side, unless it is a description that it can't have signed.
func (l *Link) signaled(s signal) {
	if l.room.trust != nil && s.describes() {
		if s.Type == signalAnswer && s.N != l.machine.n {
			return // to an offer that is over: there is nothing to check it by
		}
		if err := l.checkDescription(s); err != nil {
			l.warn("a description was dropped: it may be somebody else's", err)
			l.room.isForged(l.id)
			return
		}
	}
	l.happen(event{Type: eventSignaled, Signal: &s})
}

func (l *Link) checkDescription(s signal) error {
	if s.Identity == nil {
		return errProofForm
	}
	d := description{l.room.Name(), l.id, l.room.self.ID, s.Type, s.N, s.Carrier, s.SDP, s.SDP}
	if s.Type == signalAnswer {
		d.offer = l.machine.description
	}
	f, err := d.check(*s.Identity)
	switch {
	case err != nil:
		return err
	case !l.room.trust.take(l.id, s.Identity.Key):
		return errOtherKey
	case s.Carrier == l.machine.number && l.proving.theirs != nil && f != *l.proving.theirs:
		return errOtherCertificate
	}
	return nil
}

// applied takes note of what the carrier has taken.
func (l *Link) applied(a action) {
	if l.room.trust == nil || a.Do == doOffer {
		return
	}
	if a.Do == doAnswer {
		l.proving.offer = a.SDP
	}
	if f, err := fingerprintOf(a.SDP); err == nil {
		l.proving.theirs = &f
	}
}

// ends are the carrier's two, as the descriptions say.
func (l *Link) ends() (own, theirs fingerprint, err error) {
	if own, err = fingerprintOf(l.machine.description); err != nil {
		return own, theirs, err
	}
	if l.proving.theirs == nil {
		return own, theirs, errNoFingerprint
	}
	return own, *l.proving.theirs, nil
}

// signHello confirms a carrier's two ends to the other side.
func (l *Link) signHello(hello *control) error {
	t := l.room.trust
	if t == nil {
		return nil
	}
	own, theirs, err := l.ends()
	if err != nil {
		return err
	}
	view := helloView{l.room.Name(), l.room.self.ID, l.id, l.machine.number, own, theirs, t.key(l.id)}
	hello.Identity = view.sign(t.identity).encode()
	return nil
}

// isProven tells whether messages may go over a carrier: in an open room over any that is open.
func (l *Link) isProven(c *rtc) bool { return l.room.trust == nil || l.proving.proven.Load() == c }

// mayControl tells whether control messages may: a hello comes first.
func (l *Link) mayControl() bool {
	return l.room.trust == nil || l.proving.said.Load() == l.carrier.Load()
}

// prove takes the other side's first control message on a carrier. Before it fits, nothing of the other side is heard.
func (l *Link) prove(c control) error {
	carrier := l.carrier.Load()
	if err := l.checkHello(c, carrier); err != nil {
		l.warn("the other side can't prove who it is", err)
		return errFrame
	}
	if err := l.outgoing.hello(c); err != nil {
		return err
	}
	l.proving.proven.Store(carrier)
	l.meet()
	l.usable(carrier)
	return nil
}

func (l *Link) checkHello(c control, carrier *rtc) error {
	if c.Type != controlHello {
		return errNoHello
	}
	p, err := decodeProof(c.Identity)
	if err != nil {
		return err
	}
	own, theirs, err := l.ends()
	if err != nil {
		return err
	}
	if sha256.Sum256(carrier.certificate()) != theirs {
		return errOtherCertificate
	}
	t := l.room.trust
	view := helloView{l.room.Name(), l.id, l.room.self.ID, l.machine.number, theirs, own, t.identity.key}
	return view.check(p, t.key(l.id))
}

// meet is called when the other side has proved who it is on a carrier.
func (l *Link) meet() {
	own, theirs, _ := l.ends()
	if l.comparing.machine != nil {
		l.compare(verifyEvent{Type: verifyMoved, Own: &own, Theirs: &theirs})
		return
	}
	t := l.room.trust
	l.comparing.machine = newVerification(verifyView{
		room:  l.room.Name(),
		self:  verifyEnd{l.room.self.ID, t.identity.key, own},
		other: verifyEnd{l.id, t.key(l.id), theirs},
	}, drawNonce)
	l.room.consult(l, seen)
}

// isForged takes note that something came in a member's name that wasn't its own.
func (r *Room) isForged(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links[id] != nil {
		r.forged[id] = true
	}
}
