package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Stream is a stream of bytes to and from a member: a [net.Conn]. Each direction waits when its reader is slow, and ends
// by itself. Its methods may be called by any number of goroutines. It must be closed.
type Stream struct {
	link     *Link
	name     string
	lane     *lane // our direction
	answered chan struct{}
	wake     chan struct{} // a token: there is something to read
	closed   chan struct{}

	read, write deadline

	mu      sync.Mutex
	in      *inChannel // the other direction; nil until there is an answer
	waiting fifo[arrival]
	rest    []byte  // of current
	current arrival // that is being read
	ended   error   // nothing more will come: io.EOF or errReset
	refused bool    // the other side reads no more
	half    bool    // CloseWrite was called
	isOver  bool    // Close was
}

var errReset = errors.New("peer: the other side has ended the stream")

// Addr is one end of a [Stream].
type Addr struct {
	Member string // its id
	Name   string // of the stream
}

func (Addr) Network() string { return "snug" }

func (a Addr) String() string { return a.Member + "/" + a.Name }

func newStream(l *Link, name string) *Stream {
	s := &Stream{
		link:     l,
		name:     name,
		lane:     newLane(l, name, kindStream),
		answered: make(chan struct{}),
		wake:     make(chan struct{}, 1),
		closed:   make(chan struct{}),
	}
	s.lane.stream = s
	s.read.init()
	s.write.init()
	return s
}

// LocalAddr is an [Addr].
func (s *Stream) LocalAddr() net.Addr { return Addr{s.link.room.self.ID, s.name} }

// RemoteAddr is an [Addr]: it tells the member at the other end.
func (s *Stream) RemoteAddr() net.Addr { return Addr{s.link.id, s.name} }

// Read reads what came. After the other side's CloseWrite or Close it is [io.EOF]; what has come can still be read when
// the link is gone, and then it is a [*GoneError].
func (s *Stream) Read(b []byte) (int, error) {
	for {
		done := s.read.wait()
		if isClosed(s.closed) {
			return 0, net.ErrClosed
		}
		if isClosed(done) {
			return 0, os.ErrDeadlineExceeded
		}
		gone := isClosed(s.link.gone)
		n, ok, err := s.next(b)
		switch {
		case ok || err != nil:
			return n, err
		case gone:
			return 0, s.link.goneError()
		}
		select {
		case <-s.wake:
		case <-done:
		case <-s.closed:
		case <-s.link.gone:
		}
	}
}

// next takes what there is.
func (s *Stream) next(b []byte) (n int, ok bool, err error) {
	s.mu.Lock()
	if len(s.rest) == 0 {
		if s.waiting.len() == 0 {
			defer s.mu.Unlock()
			return 0, false, s.ended
		}
		s.current = s.waiting.pop()
		s.rest = s.current.data
	}
	n = copy(b, s.rest)
	s.rest = s.rest[n:]
	var read arrival
	if len(s.rest) == 0 {
		read, s.current = s.current, arrival{}
	}
	if len(s.rest) > 0 || s.waiting.len() > 0 || s.ended != nil {
		s.ring() // others may read, too
	}
	s.mu.Unlock()
	if read.channel != nil {
		s.link.take(read)
	}
	return n, n > 0 || len(b) == 0, nil
}

func (s *Stream) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Write sends b. It waits while the other side doesn't read, and returns when all is kept here for it. It is
// [io.ErrClosedPipe] when the other side reads no more, and after CloseWrite.
func (s *Stream) Write(b []byte) (n int, err error) {
	ctx := s.write.context()
	if err := s.lane.lock(ctx); err != nil {
		return 0, s.writeError(err)
	}
	defer s.lane.unlock()
	for n < len(b) || n == 0 {
		if ctx.Err() != nil || s.lane.c == nil {
			return n, s.writeError(ctx.Err())
		}
		if len(b) == 0 {
			return 0, nil
		}
		end := min(len(b), n+maxPayload)
		if err := s.lane.piece(ctx, 0, b[n:end]); err != nil {
			return n, s.writeError(err)
		}
		n = end
	}
	return n, nil
}

func (s *Stream) writeError(err error) error {
	switch {
	case isClosed(s.closed):
		return net.ErrClosed
	case errors.Is(err, errStopped):
		return s.link.goneError()
	case err == nil || errors.Is(err, ErrUnwanted):
		return io.ErrClosedPipe
	}
	return err
}

// CloseWrite ends our direction: the other side reads what was written, and then io.EOF. It waits for the link's turn, as
// Write does.
func (s *Stream) CloseWrite() error {
	s.mu.Lock()
	was := s.half
	s.half = true
	s.mu.Unlock()
	if was {
		return nil
	}
	if err := s.lane.close(s.write.context(), nil, false); err != nil {
		return s.writeError(err)
	}
	return nil
}

// Close ends both directions. What was written arrives; if the other side still writes, it is told that nobody reads.
func (s *Stream) Close() error {
	s.mu.Lock()
	if s.isOver {
		s.mu.Unlock()
		return nil
	}
	s.isOver = true
	s.mu.Unlock()
	close(s.closed)
	s.read.set(time.Unix(1, 0)) // whoever waits returns
	s.write.set(time.Unix(1, 0))
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	s.lane.close(ctx, nil, false) // if that fails, the link is gone or stuck
	s.discard()
	return nil
}

// discard gives back what nobody will read, and has the other side stop.
func (s *Stream) discard() {
	l := s.link
	l.incoming.mu.Lock()
	s.mu.Lock()
	waiting, current, in := s.waiting, s.current, s.in
	s.waiting, s.current, s.rest = fifo[arrival]{}, arrival{}, nil
	s.mu.Unlock()
	if in != nil && !in.closed && !in.refused {
		l.incoming.in.refuse(in)
		l.sendStop(in)
	}
	if current.channel != nil {
		l.incoming.in.taken(current)
	}
	for waiting.len() > 0 {
		l.incoming.in.taken(waiting.pop())
	}
	ask := l.askLocked()
	l.incoming.mu.Unlock()
	l.ask(ask)
}

// SetDeadline implements [net.Conn].
func (s *Stream) SetDeadline(t time.Time) error {
	s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline implements [net.Conn].
func (s *Stream) SetReadDeadline(t time.Time) error {
	if isClosed(s.closed) {
		return net.ErrClosed
	}
	s.read.set(t)
	return nil
}

// SetWriteDeadline implements [net.Conn].
func (s *Stream) SetWriteDeadline(t time.Time) error {
	if isClosed(s.closed) {
		return net.ErrClosed
	}
	s.write.set(t)
	return nil
}

// put takes a piece that came.
func (s *Stream) put(a arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting.push(a)
	s.ring()
}

// end is called when nothing more will come.
func (s *Stream) end(dropped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = io.EOF
	if dropped {
		s.ended = errReset
	}
	s.ring()
}

// unread is called when the other side reads no more.
func (s *Stream) unread() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refused {
		s.refused = true
		if s.in == nil {
			close(s.answered)
		}
	}
}
