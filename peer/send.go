package peer

import (
	"context"
)

// sender numbers the frames of a data channel. Who holds busy, by sending to it,
// may write.
type sender struct {
	busy chan struct{}
	sent uint64
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

// Send sends m to the link's member. It waits while the link is connecting or full, and
// returns when the message is handed to the network: what comes later, loss of the
// link apart, delivers it. The error is a [*GoneError] if the link ended, or ctx's.
func (l *Link) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	if l.isStopped() {
		return l.goneError()
	}
	select {
	case <-l.open:
	case <-l.stop:
		return l.goneError()
	case <-ctx.Done():
		return ctx.Err()
	}
	id := dataReliable
	if m.Unreliable {
		id = dataUnreliable
	}
	return l.write(ctx, id, frame{kind: frameMessage, text: m.Text, payload: m.Data})
}

func (l *Link) sendControl(ctx context.Context, c control) error {
	return l.write(ctx, dataControl, frame{kind: frameControl, text: true, payload: c.encode()})
}

func (l *Link) write(ctx context.Context, id int, f frame) error {
	s := &l.senders[id]
	select {
	case s.busy <- struct{}{}:
	case <-l.gone:
		return l.goneError()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.busy }()
	if id != dataControl && l.isStopped() {
		return l.goneError()
	}
	f.sequence = uint32(s.sent + 1)
	stop := l.stop
	if id == dataControl {
		stop = nil // a bye is said when all else has stopped
	}
	if err := l.rtc.write(ctx, stop, id, f.encode()); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return l.goneError()
	}
	s.sent++
	return nil
}

func (l *Link) goneError() error {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	cause := l.cause
	if cause == "" {
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
	return Member{Member: l.entry, State: l.state, Cause: l.cause, Away: !l.listed || l.entry.Away}
}

func (l *Link) isStopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}
