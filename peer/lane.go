package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrUnwanted is returned when the other side has closed the channel that is sent on. What is sent next waits for somebody there
// to ask for the channel again.
var ErrUnwanted = errors.New("peer: the other side doesn't take messages of this channel")

// lane is the sending side of a channel. Who holds busy, by sending to it, sends a message: the pieces of two
// never mix.
type lane struct {
	link       *Link
	name, kind string
	busy       chan struct{}
	stream     *Stream // whose it is; nil: of messages

	// Owned by who holds busy; what is in c is guarded by outgoing.mu.
	c        *outChannel // nil: not open yet
	unwanted bool        // the other side has closed it, of which the next to send has to be told
	told     bool        // somebody was

	toClose bool // guarded by outgoing.mu: closeLane was called

	// Of an unreliable channel.
	sequence uint32              // owned by who has the turn of data channel 2
	newest   map[string]*Message // those that wait here, by key; they and this guarded by outgoing.mu
}

func newLane(l *Link, name, kind string) *lane {
	return &lane{link: l, name: name, kind: kind, busy: make(chan struct{}, 1)}
}

// lock waits until nobody else sends on the lane.
func (n *lane) lock(ctx context.Context) error {
	select {
	case n.busy <- struct{}{}:
		return nil
	default:
	}
	select {
	case n.busy <- struct{}{}:
		return nil
	case <-n.link.stop:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *lane) unlock() { <-n.busy }

// send sends a reliable message.
func (n *lane) send(ctx context.Context, m Message) error {
	if err := n.lock(ctx); err != nil {
		return err
	}
	if err := n.open(ctx, 0); err != nil {
		n.unlock()
		return err
	}
	flags := byte(0)
	if m.Text {
		flags = flagText
	}
	if len(m.Data) > maxPayload {
		return n.sendLong(ctx, flags, m.Data)
	}
	defer n.unlock()
	return n.piece(ctx, flags, m.Data)
}

// open opens the channel if it isn't open.
func (n *lane) open(ctx context.Context, answers uint16) error {
	l, o := n.link, &n.link.outgoing
	if n.unwanted {
		n.unwanted = false
		return ErrUnwanted
	}
	for n.c == nil {
		err := l.await(ctx, func() (bool, error) { return o.out.mayOpen(), nil })
		if err != nil {
			return err
		}
		carried, err := l.begin(ctx, frameHeader+maxName)
		if err != nil {
			return err
		}
		o.mu.Lock()
		if n.c, err = o.out.open(n.name, n.kind); err == nil {
			n.c.lane = n
			if n.stream != nil {
				o.streams[n.c.id] = n.stream
			}
		}
		o.mu.Unlock()
		if err != nil {
			l.giveTurn() // others were first
			continue
		}
		what := openPayload{Name: n.name, Kind: n.kind, Answers: answers}
		l.emit(frame{kind: frameOpen, channel: n.c.id}, carried, what.encode())
	}
	return nil
}

// piece sends a message of one frame, or a piece of one.
func (n *lane) piece(ctx context.Context, flags byte, payload ...[]byte) error {
	l, c, cost := n.link, n.c, frameCost
	for _, p := range payload {
		cost += len(p)
	}
	err := l.await(ctx, func() (bool, error) {
		switch {
		case c.stopped:
			return false, ErrUnwanted
		case !c.fits(cost):
			return false, nil
		}
		c.spend(cost)
		return true, nil
	})
	if err != nil {
		n.told = errors.Is(err, ErrUnwanted)
		return err
	}
	carried, err := l.begin(ctx, cost)
	if err != nil {
		l.outgoing.mu.Lock()
		c.spend(-cost)
		l.outgoing.mu.Unlock()
		return err
	}
	l.emit(frame{kind: frameMessage, flags: flags, channel: c.id}, carried, payload...)
	return nil
}

// sendLong sends a message in pieces. It takes over the lane's lock: if the message is given up midway, that has to
// be said before the next.
func (n *lane) sendLong(ctx context.Context, flags byte, data []byte) error {
	l, o, c := n.link, &n.link.outgoing, n.c
	limit := 0
	err := l.await(ctx, func() (bool, error) { limit = o.out.maxMessage; return o.out.heard, nil })
	if err == nil && len(data) > limit {
		err = tooLong(len(data), limit)
	}
	if err != nil {
		n.unlock()
		return err
	}
	o.mu.Lock()
	c.begin(len(data))
	o.mu.Unlock()
	var length [sizedHeader]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(data)))
	err = n.piece(ctx, flags|flagMore|flagSized, length[:], data[:firstPieceBytes])
	sent := firstPieceBytes
	if err != nil {
		n.unlock()
		return err
	}
	for sent < len(data) && err == nil {
		more, end := byte(flagMore), sent+maxPayload
		if end >= len(data) {
			more, end = 0, len(data)
		}
		if err = n.piece(ctx, flags|more, data[sent:end]); err == nil {
			sent = end
		}
	}
	if err == nil || errors.Is(err, ErrUnwanted) || errors.Is(err, errStopped) {
		n.unlock()
		return err
	}
	l.later(n.drop)
	return fmt.Errorf("peer: a message was given up after %d of %d bytes: %w", sent, len(data), err)
}

// drop says that the message which was begun is given up, and unlocks the lane.
func (n *lane) drop() {
	defer n.unlock()
	carried, err := n.link.begin(context.Background(), frameHeader)
	if err != nil {
		return // the link ends
	}
	n.link.outgoing.mu.Lock()
	n.c.drop()
	n.link.outgoing.mu.Unlock()
	n.link.emit(frame{kind: frameMessage, flags: flagDropped, channel: n.c.id}, carried)
}

// closeLane closes a channel of messages as soon as it is the link's turn, if anything was ever sent on it. However often that
// is asked for, it is one chore.
func (l *Link) closeLane(name string, unreliable bool) {
	o := &l.outgoing
	o.mu.Lock()
	n := o.lanes[keyOfLane(name, unreliable)]
	if n == nil || n.toClose {
		o.mu.Unlock()
		return
	}
	n.toClose = true
	o.mu.Unlock()
	l.later(func() {
		o.mu.Lock()
		n.toClose = false
		o.mu.Unlock()
		n.close(context.Background(), nil, false)
	})
}

// close closes the lane's channel c, or whatever is open. If it drops, what was sent may lack its end.
func (n *lane) close(ctx context.Context, c *outChannel, drop bool) error {
	l := n.link
	if err := n.lock(ctx); err != nil {
		return err
	}
	defer n.unlock()
	if n.c == nil || c != nil && n.c != c {
		return nil
	}
	c = n.c
	carried, err := l.begin(ctx, frameHeader)
	if err != nil {
		return err
	}
	f := frame{kind: frameClose, channel: c.id}
	if drop {
		f.flags = flagDropped
	}
	sent := l.emit(f, carried)
	l.outgoing.mu.Lock()
	n.c, n.unwanted, n.told = nil, c.stopped && !n.told, false
	l.outgoing.out.close(c, sent)
	delete(l.outgoing.streams, c.id)
	l.outgoing.mu.Unlock()
	return nil
}
