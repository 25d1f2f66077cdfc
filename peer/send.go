package peer

import (
	"context"
	"errors"
)

var (
	errNoCarrier = errors.New("peer: there is no PeerConnection")
	errStopped   = errors.New("peer: nothing more may be sent")
)

// sender numbers the frames of a data channel. Who holds busy, by sending to it,
// may write.
type sender struct {
	busy chan struct{}
	sent uint64 // of the control channel on rtc, of others ever
	rtc  *rtc   // the carrier that is written to
}

// last waits for the one that writes, and returns how many frames were sent.
func (s *sender) last(ctx context.Context) (uint64, error) {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-s.busy }()
	return s.sent, nil
}

// turn waits until nobody else writes.
func (l *Link) turn(ctx context.Context, id int) error {
	select {
	case l.senders[id].busy <- struct{}{}:
		return nil
	case <-l.gone:
		return l.goneError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Send sends m to the link's member. It waits while the link is connecting or full, and returns when the message is kept here
// for the other side: nothing but the end of the link keeps it from arriving, once and in order, unless it is
// unreliable. The error is a [*GoneError] if the link ended, or wraps ctx's: then nothing of the message will be received.
func (l *Link) Send(ctx context.Context, m Message) error { return l.send(ctx, "", m.Unreliable, m) }

// send sends on the channel of a name; "" is channel 0.
func (l *Link) send(ctx context.Context, name string, unreliable bool, m Message) error {
	if err := m.check(unreliable); err != nil {
		return err
	}
	if err := l.awaitOpen(ctx); err != nil {
		return err
	}
	n := l.outgoing.lane(l, name, unreliable)
	send := n.send
	if unreliable {
		send = n.sendUnreliable
	}
	err := send(ctx, m)
	if errors.Is(err, errStopped) {
		return l.goneError()
	}
	return err
}

// awaitOpen waits for the first carrier.
func (l *Link) awaitOpen(ctx context.Context) error {
	if isClosed(l.stop) {
		return l.goneError()
	}
	select {
	case <-l.open:
		return nil
	case <-l.stop:
		return l.goneError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin takes the link's turn for a reliable frame of so many bytes at most. If there is no error, emit or giveTurn has
// to follow. It tells whether there is a carrier: one that is lost holds up nobody, what is kept goes out on the next.
func (l *Link) begin(ctx context.Context, bytes int) (carried bool, err error) {
	if err := l.outboxTurn(ctx); err != nil {
		return false, err
	}
	s := &l.senders[dataReliable]
	err = errStopped
	if !isClosed(l.stop) {
		err = s.rtc.wait(ctx, l.stop, dataReliable, bytes)
	}
	if err != nil && !errors.Is(err, errNoCarrier) {
		l.giveTurn()
		return false, err
	}
	return err == nil, nil
}

func (l *Link) giveTurn() { <-l.senders[dataReliable].busy }

// emit sends a frame with the parts of its payload, gives the turn, and returns the frame's number.
func (l *Link) emit(f frame, carried bool, payload ...[]byte) uint64 {
	defer l.giveTurn()
	s := &l.senders[dataReliable]
	s.sent++
	f.sequence = uint32(s.sent)
	encoded := f.encode(payload...)
	l.outbox.add(encoded)
	if carried {
		s.rtc.put(dataReliable, encoded) // if that fails, it goes out on the next
	}
	return s.sent
}

// outboxTurn is turn for a frame that has to be kept. Who waits for room has no turn: what is kept may have to be sent
// again first.
func (l *Link) outboxTurn(ctx context.Context) error {
	for {
		if err := l.outbox.wait(ctx, l.stop); err != nil {
			return err
		}
		if err := l.turn(ctx, dataReliable); err != nil {
			return err
		}
		if l.outbox.fits() {
			return nil
		}
		l.giveTurn()
	}
}

// sendControl sends payload on the control channel if that can be done at once, and tells whether it was.
func (l *Link) sendControl(payload []byte) bool { return l.mayControl() && l.controlNow(payload) }

func (l *Link) controlNow(payload []byte) bool {
	s := &l.senders[dataControl]
	select {
	case s.busy <- struct{}{}:
	default:
		return false
	}
	defer func() { <-s.busy }()
	return l.carrier.Load().fits(dataControl, frameHeader+len(payload)) && l.putControl(payload) == nil
}

// writeControl waits until it can be sent.
func (l *Link) writeControl(ctx context.Context, payload []byte) error {
	if err := l.turn(ctx, dataControl); err != nil {
		return err
	}
	defer func() { <-l.senders[dataControl].busy }()
	if err := l.carrier.Load().wait(ctx, l.gone, dataControl, frameHeader+len(payload)); err != nil {
		return err
	}
	if !l.mayControl() {
		return errNoCarrier
	}
	return l.putControl(payload)
}

// putControl needs the sender of the control channel to be busy for it. Its frames are counted anew on each carrier.
func (l *Link) putControl(payload []byte) error {
	s, c := &l.senders[dataControl], l.carrier.Load()
	if s.rtc != c {
		s.rtc, s.sent = c, 0
	}
	s.sent++
	f := frame{kind: frameControl, flags: flagText, sequence: uint32(s.sent)}
	return c.put(dataControl, f.encode(payload))
}

// resend sends what the other side doesn't have on a carrier that is new, before anything else.
func (l *Link) resend(c *rtc) {
	s := &l.senders[dataReliable]
	l.outbox.resending.Go(func() {
		ctx := context.Background() // the carrier's end is its end
		select {
		case s.busy <- struct{}{}:
		case <-c.done:
			return
		}
		defer func() { <-s.busy }()
		s.rtc = c
		for _, f := range l.outbox.kept() {
			if c.wait(ctx, l.gone, dataReliable, len(f)) != nil || c.put(dataReliable, f) != nil {
				return
			}
		}
	})
}

func (l *Link) goneError() error {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	cause := l.cause
	if cause == "" || l.state != LinkGone {
		cause = CauseSelf
	}
	return &GoneError{Name: l.entry.Name, Cause: cause}
}

// Member is the member at the link's other end, now.
func (l *Link) Member() Member {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	return l.memberLocked()
}

// State is how the link is, now.
func (l *Link) State() LinkState { return l.Member().State }

func (l *Link) memberLocked() Member {
	return Member{Member: l.entry, State: l.state, Cause: l.cause, Path: l.path, Away: !l.listed || l.entry.Away, Standing: l.room.trust.standing(l.id), Asks: l.asks}
}
