package peer

import (
	"context"
	"slices"
	"sync"
)

// inbox is where the messages of a channel wait for the application: of a channel of the room, or of one link.
type inbox struct {
	room   *Room
	wake   chan struct{} // a token: there is something
	closed chan struct{} // by Channel.Close

	// Guarded by room.inboxes.mu.
	ready fifo[*source] // those that have something, in turn
}

// source is what a link brings for the channels of one name, in the order of coming.
type source struct {
	link *Link
	name string

	// Guarded by room.inboxes.mu.
	inbox   *inbox // nil: nobody here has asked for the name
	waiting fifo[arrival]
	isReady bool // it stands in inbox.ready
	isLeft  bool // its link is gone
	open    int  // channels of the name
}

// inboxes are all of a room. mu may be taken while a link's mutex for what comes in is held, never the other way round.
type inboxes struct {
	mu        sync.Mutex
	named     map[string]*inbox // of the room's channels; "" is channel 0
	listeners map[string]*Listener
	left      int // bytes that wait of links that are gone
}

func newInbox(r *Room) *inbox {
	return &inbox{room: r, wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

func (b *inbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// put takes what came. It doesn't block: how much may come was announced.
func (s *source) put(a arrival) {
	mu := &s.link.room.inboxes.mu
	mu.Lock()
	defer mu.Unlock()
	s.waiting.push(a)
	s.readyLocked()
}

func (s *source) readyLocked() {
	if s.inbox == nil || s.isReady || s.waiting.len() == 0 {
		return
	}
	s.isReady = true
	s.inbox.ready.push(s)
	s.inbox.ring()
}

// assignLocked has what comes from now on, and what waits, go to another inbox.
func (s *source) assignLocked(to *inbox) {
	if s.isReady && s.inbox != nil {
		s.isReady = false
		old := s.inbox.ready
		s.inbox.ready = fifo[*source]{}
		old.each(func(o *source) {
			if o != s {
				s.inbox.ready.push(o)
			}
		})
	}
	s.inbox = to
	s.readyLocked()
}

// next takes the next message: of each link one, in turn.
func (b *inbox) next() (arrival, *Link, bool) {
	mu := &b.room.inboxes.mu
	mu.Lock()
	defer mu.Unlock()
	if b.ready.len() == 0 {
		return arrival{}, nil, false
	}
	s := b.ready.pop()
	a := s.waiting.pop()
	if s.isLeft {
		b.room.inboxes.left -= a.size()
	}
	if s.waiting.len() > 0 {
		b.ready.push(s)
	} else {
		s.isReady = false
	}
	if b.ready.len() > 0 {
		b.ring() // others may wait, too
	}
	return a, s.link, true
}

// receive waits for the next message.
func (b *inbox) receive(ctx context.Context) (Message, error) {
	for {
		over := isClosed(b.room.done)
		if isClosed(b.closed) || over && b.room.ended == ErrClosed {
			return Message{}, ErrClosed
		}
		if a, l, ok := b.next(); ok {
			return l.toMessage(a), nil
		}
		if over {
			return Message{}, b.room.ended
		}
		select {
		case <-b.wake:
		case <-b.closed:
		case <-b.room.done:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// discard gives back what waits in a source that nobody reads any more, and has the other side stop.
func (l *Link) discard(s *source) {
	l.incoming.mu.Lock()
	for _, c := range l.incoming.in.channels {
		if c.sink == s && c.id != 0 && !c.refused {
			l.incoming.in.refuse(c)
			l.sendStop(c)
		}
	}
	l.room.inboxes.mu.Lock()
	waiting := s.waiting
	s.waiting = fifo[arrival]{}
	l.room.inboxes.mu.Unlock()
	for waiting.len() > 0 {
		l.incoming.in.taken(waiting.pop())
	}
	ask := l.askLocked()
	l.incoming.mu.Unlock()
	l.ask(ask)
}

// end is called when a channel of the source is closed.
func (s *source) end(bool) {
	mu := &s.link.room.inboxes.mu
	mu.Lock()
	defer mu.Unlock()
	if s.open--; s.open == 0 && s.inbox == nil && s.waiting.len() == 0 && s.link.sources[s.name] == s {
		delete(s.link.sources, s.name)
	}
}

// openSource is called when the other side has opened a channel. It tells whether it is one that nobody here has asked for.
func (l *Link) openSource(name string) (s *source, unclaimed bool) {
	mu := &l.room.inboxes.mu
	mu.Lock()
	defer mu.Unlock()
	s = l.sourceLocked(name)
	s.open++
	return s, s.inbox == nil
}

// sourceLocked is the source of a name, which is made if it isn't there.
func (l *Link) sourceLocked(name string) *source {
	s := l.sources[name]
	if s == nil {
		s = &source{link: l, name: name, inbox: l.inboxLocked(name)}
		l.sources[name] = s
	}
	return s
}

func (l *Link) inboxLocked(name string) *inbox {
	if b := l.inboxes[name]; b != nil {
		return b
	}
	return l.room.inboxes.named[name]
}

// maxLeft bounds what waits of links that are gone, in bytes: members come and go faster than an application may receive.
const maxLeft = 64 << 20

// leave is called at the link's end. What has come waits still, unless that is too much, or nobody here has asked for it.
func (l *Link) leave() {
	b := &l.room.inboxes
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, s := range l.sources {
		size := 0
		s.waiting.each(func(a arrival) { size += a.size() })
		if s.inbox == nil || b.left+size > maxLeft {
			s.assignLocked(nil)
			s.waiting = fifo[arrival]{}
			delete(l.sources, name)
			continue
		}
		s.isLeft = true
		b.left += size
	}
}

// size is what a message takes here.
func (a arrival) size() int { return len(a.data) + frameCost }

// unclaimed are the names of channels that the other side has opened and nobody here has asked for.
func (l *Link) unclaimed() (names []string) {
	l.room.inboxes.mu.Lock()
	defer l.room.inboxes.mu.Unlock()
	for name, s := range l.sources {
		if s.inbox == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
