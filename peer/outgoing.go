package peer

import (
	"context"
	"sync"
)

// outgoing is what a link knows of the channels that this side has opened.
type outgoing struct {
	mu      sync.Mutex
	out     *outbound
	first   *lane             // of channel 0; set at construction
	lanes   map[laneKey]*lane // of messages
	streams map[uint16]*Stream
	chores  int           // that wait for the link's turn
	changed chan struct{} // closed and replaced when more may be sent
	waiting int           // how many wait for that
}

type laneKey struct{ name, kind string }

func (o *outgoing) init(l *Link) {
	o.out = newOutbound()
	o.changed = make(chan struct{})
	o.streams = map[uint16]*Stream{}
	o.lanes = map[laneKey]*lane{}
	o.first = newLane(l, "", kindMessages)
	o.first.c = o.out.channels[0]
}

// lane is the one for the messages of a channel.
func (o *outgoing) lane(l *Link, name string, unreliable bool) *lane {
	if name == "" {
		return o.first
	}
	key := keyOfLane(name, unreliable)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lanes[key] == nil {
		o.lanes[key] = newLane(l, name, key.kind)
	}
	return o.lanes[key]
}

func keyOfLane(name string, unreliable bool) laneKey {
	if unreliable {
		return laneKey{name, kindUnreliable}
	}
	return laneKey{name, kindMessages}
}

func (o *outgoing) hello(c control) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changedLocked()
	return o.out.hello(c.Message, c.Channels)
}

func (o *outgoing) acknowledged(c control) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.out.acknowledged(c.Frames, c.Windows, c.Opens)
	o.changedLocked()
}

func (o *outgoing) changedLocked() {
	if o.waiting > 0 {
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// await waits until ready, which is called with mu held, has nothing to wait for any more.
func (l *Link) await(ctx context.Context, ready func() (bool, error)) error {
	o := &l.outgoing
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if ok, err := ready(); ok || err != nil {
			return err
		}
		o.waiting++
		changed := o.changed
		o.mu.Unlock()
		err := error(nil)
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		case <-l.stop:
			err = errStopped
		}
		o.mu.Lock()
		o.waiting--
		if err != nil {
			return err
		}
	}
}

// maxChores bounds what the other side can have this one do.
const maxChores = 256

// later has something done that waits for the link's turn, by another goroutine, which is joined.
func (l *Link) later(f func()) {
	l.outgoing.mu.Lock()
	defer l.outgoing.mu.Unlock()
	if l.outgoing.chores++; l.outgoing.chores > maxChores {
		l.post(event{Type: eventBroken})
		return
	}
	l.mail.post(func() {
		l.outbox.resending.Go(func() {
			f()
			l.outgoing.mu.Lock()
			l.outgoing.chores--
			l.outgoing.mu.Unlock()
		})
	})
}

// sendStop tells the other side that nobody here wants one of its channels.
func (l *Link) sendStop(c *inChannel) {
	l.later(func() {
		carried, err := l.begin(context.Background(), frameHeader)
		if err == nil {
			l.emit(frame{kind: frameStop, channel: c.id}, carried)
		}
	})
}

// unwanted is called when the other side doesn't want a channel of ours.
func (l *Link) unwanted(id uint16) {
	o := &l.outgoing
	o.mu.Lock()
	c := o.out.stop(id)
	o.changedLocked()
	o.mu.Unlock()
	if c != nil {
		if c.lane.stream != nil {
			c.lane.stream.unread()
		}
		l.later(func() { c.lane.close(context.Background(), c, true) })
	}
}
