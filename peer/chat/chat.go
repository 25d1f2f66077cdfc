// Package chat is what the page, terminals and bots say to each other: text
// messages that have an author, a time and an id, and may answer one another
// (LINK.md, section 6). It stands on the rooms of package peer.
package chat

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/snug-chat/snug/peer"
)

const maxRemembered = 1024 // ids of an author's newest messages

// Chat is a conversation in a room. Its methods may be called by any number of
// goroutines. It must be ended with Close.
type Chat struct {
	room *peer.Room

	mu   sync.Mutex
	seen map[string]*recent // by author
}

// Join joins the room of an invite, as [peer.Join] does.
func Join(ctx context.Context, invite string, o *peer.Options) (*Chat, error) {
	room, err := peer.Join(ctx, invite, o)
	if err != nil {
		return nil, err
	}
	return &Chat{room: room, seen: make(map[string]*recent)}, nil
}

// Room is the room the conversation is in.
func (c *Chat) Room() *peer.Room { return c.room }

// Close leaves the room, as [peer.Room.Close] does.
func (c *Chat) Close(ctx context.Context) error { return c.room.Close(ctx) }

// Send says something, of at most [MaxBody] bytes, to everybody who is in the room now. It
// waits as [peer.Room.Broadcast] does, and returns what was said.
func (c *Chat) Send(ctx context.Context, body string) (Message, error) {
	return c.send(ctx, body, nil)
}

// Reply says something that answers another message.
func (c *Chat) Reply(ctx context.Context, to Message, body string) (Message, error) {
	return c.send(ctx, body, []Ref{{Rel: RelReply, ID: to.ID, Author: to.Author}})
}

func (c *Chat) send(ctx context.Context, body string, refs []Ref) (Message, error) {
	self := c.room.Self()
	m := Message{ID: rand.Text(), Author: self.ID, Time: time.Now().Truncate(time.Millisecond), Body: body, Refs: refs, From: self}
	text, err := m.encode()
	if err != nil {
		return m, err
	}
	return m, c.room.Broadcast(ctx, peer.Text(string(text)))
}

// Receive waits for the next message of somebody else. What isn't a message, or
// came before, or claims another author is passed over. The error is as of
// [peer.Room.Receive].
func (c *Chat) Receive(ctx context.Context) (Message, error) {
	for {
		raw, err := c.room.Receive(ctx)
		if err != nil {
			return Message{}, err
		}
		if !raw.Text || raw.Unreliable {
			continue
		}
		m, err := decode(raw.Data)
		if err != nil || m.Author != raw.From.ID || !c.isNew(m) {
			continue
		}
		m.From = raw.From
		return m, nil
	}
}

// Messages are all messages from now on. The last comes with the error that ended
// them, unless that is the end of ctx or Close.
func (c *Chat) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := c.Receive(ctx)
			if err != nil && (ctx.Err() != nil || errors.Is(err, peer.ErrClosed)) {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

func (c *Chat) isNew(m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.seen[m.Author]
	if r == nil {
		c.forget()
		r = &recent{ids: make(map[string]bool)}
		c.seen[m.Author] = r
	}
	return r.add(m.ID)
}

// forget drops the authors that have left, when a new one comes. Needs mu.
func (c *Chat) forget() {
	for id := range c.seen {
		if c.room.Link(id) == nil {
			delete(c.seen, id)
		}
	}
}

// recent is a set of the newest ids.
type recent struct {
	ids   map[string]bool
	order []string // a ring, once it is full
	next  int
}

// add returns false if id is there already.
func (r *recent) add(id string) bool {
	if r.ids[id] {
		return false
	}
	r.ids[id] = true
	if len(r.order) < maxRemembered {
		r.order = append(r.order, id)
		return true
	}
	delete(r.ids, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxRemembered
	return true
}
