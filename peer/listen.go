package peer

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
)

// maxBacklog is how many streams wait for Accept; more are refused.
const maxBacklog = 64

// Listener takes the streams that members open by a name: a [net.Listener].
type Listener struct {
	room   *Room
	name   string
	queue  chan *Stream
	closed chan struct{}
	once   sync.Once
}

// Listen has members open streams by a name. It is an error if somebody listens by that already.
func (r *Room) Listen(name string) (*Listener, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	r.inboxes.mu.Lock()
	defer r.inboxes.mu.Unlock()
	if r.inboxes.listeners[name] != nil {
		return nil, fmt.Errorf("peer: somebody listens for %q already", name)
	}
	ln := &Listener{room: r, name: name, queue: make(chan *Stream, maxBacklog), closed: make(chan struct{})}
	r.inboxes.listeners[name] = ln
	return ln, nil
}

// Accept waits for the next stream: a [*Stream], whose RemoteAddr tells the member. After Close, and when the room
// has ended, it returns [net.ErrClosed].
func (ln *Listener) Accept() (net.Conn, error) {
	select {
	case <-ln.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case s := <-ln.queue:
		return s, nil
	case <-ln.closed:
	case <-ln.room.done:
	}
	return nil, net.ErrClosed
}

// Close ends listening. Streams that weren't accepted are closed.
func (ln *Listener) Close() error {
	ln.once.Do(func() {
		r := ln.room
		r.inboxes.mu.Lock()
		delete(r.inboxes.listeners, ln.name)
		close(ln.closed)
		r.inboxes.mu.Unlock()
		for {
			select {
			case s := <-ln.queue:
				s.Close()
			default:
				return
			}
		}
	})
	return nil
}

// Addr is an [Addr].
func (ln *Listener) Addr() net.Addr { return Addr{ln.room.self.ID, ln.name} }

// Dial opens a stream to the link's member, who has to listen by that name: it is [ErrUnwanted] if nobody does. ctx bounds
// opening only.
func (l *Link) Dial(ctx context.Context, name string) (*Stream, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := l.awaitOpen(ctx); err != nil {
		return nil, err
	}
	s := newStream(l, name)
	if err := s.open(ctx, 0); err != nil {
		if err == errStopped {
			err = l.goneError()
		}
		return nil, err
	}
	var err error
	select {
	case <-s.answered:
		s.mu.Lock()
		if s.in == nil {
			err = ErrUnwanted
		}
		s.mu.Unlock()
	case <-l.gone:
		err = l.goneError()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) open(ctx context.Context, answers uint16) error {
	if err := s.lane.lock(ctx); err != nil {
		return err
	}
	defer s.lane.unlock()
	return s.lane.open(ctx, answers)
}

// streamOpened is called with incoming.mu held when the other side has opened a stream: an answer to one of ours, or for a
// listener.
func (l *Link) streamOpened(c *inChannel) {
	var s *Stream
	if c.answers > 0 {
		l.outgoing.mu.Lock()
		s = l.outgoing.streams[c.answers]
		l.outgoing.mu.Unlock()
		if s != nil && s.name == c.name && s.answer(c) {
			return
		}
	} else if ln := l.listener(c.name); ln != nil {
		s = newStream(l, c.name)
		s.answer(c)
		l.later(func() { ln.offer(s, c.id) })
		return
	}
	l.incoming.in.refuse(c)
	l.sendStop(c)
}

func (l *Link) listener(name string) *Listener {
	l.room.inboxes.mu.Lock()
	defer l.room.inboxes.mu.Unlock()
	return l.room.inboxes.listeners[name]
}

// answer takes c as the other direction. It tells whether there was none.
func (s *Stream) answer(c *inChannel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in != nil || s.refused || s.isOver {
		return false
	}
	s.in, c.sink = c, s
	close(s.answered)
	return true
}

// offer opens the way back of a stream, and hands it to Accept.
func (ln *Listener) offer(s *Stream, answers uint16) {
	if s.open(context.Background(), answers) != nil {
		return // the link ends
	}
	r := ln.room
	r.inboxes.mu.Lock()
	taken := false
	if !isClosed(ln.closed) {
		select {
		case ln.queue <- s:
			taken = true
		default:
		}
	}
	r.inboxes.mu.Unlock()
	if !taken {
		s.Close()
	}
}

// reservedNames begin what LINK.md names.
const reservedNames = "snug."

// checkName tells why an application can't use a name.
func checkName(name string) error {
	switch {
	case !validName(name):
		return fmt.Errorf("peer: %q can't be a name: that takes 1 to %d bytes of UTF-8 without control characters", name, maxName)
	case strings.HasPrefix(name, reservedNames):
		return fmt.Errorf("peer: %q can't be a name: those that begin with %s aren't for applications", name, reservedNames)
	}
	return nil
}
