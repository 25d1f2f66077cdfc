package peer

import (
	"context"
	"fmt"
)

// Channel is a stream of messages by a name of its own: of a room, to and from all members, or of one link. What is
// sent on one doesn't wait for others, and each has its own room at the receiver: one that isn't received from makes
// only its own senders wait. Its methods may be called by any number of goroutines.
type Channel struct {
	room       *Room
	link       *Link // nil: the room's
	name       string
	unreliable bool
	inbox      *inbox
}

// ChannelOptions configure a [Channel]. The zero value of each field means its default.
type ChannelOptions struct {
	// Unreliable sends each message once, in no order, and perhaps in vain. False: reliable and in order.
	// What comes is received either way.
	Unreliable bool
}

// Channel is the room's channel of a name, of 1 to 128 bytes of UTF-8 without control characters; there is one for
// each name. Members send on it by the same name; what came before it was asked for, or comes from members that
// join later, is received, too. It is an error if there is one already.
func (r *Room) Channel(name string, o *ChannelOptions) (*Channel, error) {
	c, err := newChannel(r, nil, name, o)
	if err != nil {
		return nil, err
	}
	if !r.claim(c) {
		return nil, errChannel(name)
	}
	for l := range r.Links() { // those that come now know of it
		l.claim(c)
	}
	return c, nil
}

func (r *Room) claim(c *Channel) bool {
	r.inboxes.mu.Lock()
	defer r.inboxes.mu.Unlock()
	if r.inboxes.named[c.name] != nil {
		return false
	}
	r.inboxes.named[c.name] = c.inbox
	return true
}

func (l *Link) claim(c *Channel) {
	l.room.inboxes.mu.Lock()
	defer l.room.inboxes.mu.Unlock()
	if s := l.sources[c.name]; s != nil && s.inbox == nil && !isClosed(c.inbox.closed) {
		s.assignLocked(c.inbox)
	}
}

// Channel is the link's own channel of a name: as [Room.Channel], but for one member. Where it is, what this member
// sends by the name goes to it and not to the room's.
func (l *Link) Channel(name string, o *ChannelOptions) (*Channel, error) {
	c, err := newChannel(l.room, l, name, o)
	if err != nil {
		return nil, err
	}
	l.room.inboxes.mu.Lock()
	defer l.room.inboxes.mu.Unlock()
	if l.inboxes[name] != nil {
		return nil, errChannel(name)
	}
	l.inboxes[name] = c.inbox
	if s := l.sources[name]; s != nil {
		s.assignLocked(c.inbox)
	}
	return c, nil
}

func newChannel(r *Room, l *Link, name string, o *ChannelOptions) (*Channel, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if o == nil {
		o = &ChannelOptions{}
	}
	return &Channel{room: r, link: l, name: name, unreliable: o.Unreliable, inbox: newInbox(r)}, nil
}

func errChannel(name string) error {
	return fmt.Errorf("peer: there is a channel %q already", name)
}

// Name is the channel's name.
func (c *Channel) Name() string { return c.name }

// Send sends m to a member, as [Link.Send] does. The error is [ErrNoMember] if it isn't in the room, and [ErrUnwanted] if
// it has closed its channel.
func (c *Channel) Send(ctx context.Context, memberID string, m Message) error {
	if isClosed(c.inbox.closed) {
		return ErrClosed
	}
	l := c.link
	if l == nil {
		l = c.room.Link(memberID)
	}
	if l == nil || l.id != memberID {
		return ErrNoMember
	}
	return l.send(ctx, c.name, c.unreliable, m)
}

// Broadcast sends m to everybody who is in the room now, or to the member of the channel's link, as [Room.Broadcast]
// does. Those who have closed their channel are no error.
func (c *Channel) Broadcast(ctx context.Context, m Message) error {
	if isClosed(c.inbox.closed) {
		return ErrClosed
	}
	if c.link != nil {
		return c.link.send(ctx, c.name, c.unreliable, m)
	}
	return c.room.broadcast(ctx, c.name, c.unreliable, m)
}

// Receive waits for the next message of any member: each gets its turn. The error is as of [Room.Receive].
func (c *Channel) Receive(ctx context.Context) (Message, error) { return c.inbox.receive(ctx) }

// Close ends the channel here: what waits is dropped, and members that send on it are told that nobody takes it
// any more. What was sent before arrives. The channel may be asked for again.
func (c *Channel) Close() {
	r := c.room
	links := r.Links()
	r.inboxes.mu.Lock()
	if isClosed(c.inbox.closed) {
		r.inboxes.mu.Unlock()
		return
	}
	close(c.inbox.closed)
	if c.link != nil {
		delete(c.link.inboxes, c.name)
	} else {
		delete(r.inboxes.named, c.name)
	}
	r.inboxes.mu.Unlock()
	for l := range links {
		l.closeChannel(c)
	}
}

// closeChannel has the other side stop to send on a channel, and closes ours.
func (l *Link) closeChannel(c *Channel) {
	l.room.inboxes.mu.Lock()
	s := l.sources[c.name]
	if s != nil && s.inbox == c.inbox {
		s.assignLocked(nil)
		delete(l.sources, c.name)
	} else {
		s = nil
	}
	l.room.inboxes.mu.Unlock()
	if s != nil {
		l.discard(s)
	}
	if c.link == nil || c.link == l {
		l.closeLane(c.name, c.unreliable)
	}
}
