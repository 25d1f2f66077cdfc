package signaling

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// fragmentOverhead is what a fragment adds to a message at most: the header of a
// frame from a client (RFC 6455 §5.2).
const fragmentOverhead = 14 // bytes

const (
	closeWait = 2 * time.Second // for the other side's close, once ours is queued
	blockSize = 16 << 10        // bytes written at once, unless one frame is longer

	// Pings and pongs from a client: many more than any answers or sends in earnest.
	maxControls   = 100
	controlsReset = 10 * time.Second
)

// socket is a WebSocket connection that knows no rooms. Any goroutine may send
// to it; one goroutine, run, reads and owns its end.
//
// Frames to write come finished. What the kernel takes at once is written at once; the rest waits in a
// queue bounded in bytes, and the first to wait starts a goroutine that writes
// until none is left. Pongs and closes go the same way, so nothing overtakes.
type socket struct {
	// Set at construction.
	hub    *Hub
	conn   net.Conn
	direct direct // nil: all is written by the writer

	// Read by the sweep, in Unix ns.
	helloBy atomic.Int64 // when the first message must have come; 0: it has
	heardAt atomic.Int64 // when the other side was last heard
	pingAt  atomic.Int64 // when the next ping is due

	// Owned by run.
	in         incoming
	controls   int       // pings and pongs
	controlsAt time.Time // since when

	writer sync.WaitGroup // joined by run

	mu       sync.Mutex
	room     *room // whose bytes are what waits; nil before the hello
	begun    frame // what the writer begins with; a part may have been written
	queue    []frame
	queued   int // bytes in both, and in the block being written
	writing  bool
	readDone bool      // nothing is queued any more
	closeBy  time.Time // set once a close is queued: nothing follows it
	why      *Error    // what that close said; nil if it was the client's
}

// receiver takes what a socket reads, in the socket's own goroutine.
type receiver interface {
	// limit is the size of the longest message to take now, in bytes.
	limit() int
	// message takes one. The data is valid until it returns.
	message(data []byte)
	// refuse takes the reason why the socket reads no further messages.
	refuse(*Error)
	// ended is the last call. bye tells whether the other side closed with 1000 or
	// 1001; why is what the socket was closed for, nil if it was not.
	ended(bye bool, why *Error)
}

func newSocket(conn net.Conn, h *Hub) *socket {
	s := &socket{hub: h, conn: conn}
	s.in.begin(conn)
	s.direct = newDirect(conn)
	s.heard()
	s.pingAt.Store(time.Now().Add(h.options.Load().PingInterval).UnixNano())
	return s
}

var errControls = errors.New("too many pings")

// countControl takes note of a ping or pong.
func (s *socket) countControl() error {
	now := time.Now()
	if now.Sub(s.controlsAt) > controlsReset {
		s.controls, s.controlsAt = 0, now
	}
	if s.controls++; s.controls > maxControls {
		return errControls
	}
	return nil
}

func (s *socket) heard() { s.heardAt.Store(time.Now().UnixNano()) }

// run reads until the connection ends, and then writes what is left: the other side may
// have closed without reading it.
func (s *socket) run(r receiver) {
	bye := s.read(r)
	s.mu.Lock()
	why := s.why
	s.mu.Unlock()
	r.ended(bye, why)
	s.mu.Lock()
	s.readDone = true
	s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(closeWait))
	s.writer.Wait()
	s.abort()
}

func (s *socket) read(r receiver) (bye bool) {
	defer s.in.release()
	for {
		err := s.in.next()
		if err == nil {
			s.heard()
			if s.in.header.opcode >= opClose {
				bye, err = s.control(r)
			} else {
				err = s.data(r)
			}
		}
		switch err {
		case nil:
			continue
		case errBroken, errFragments, errControls:
			s.broken(r, err)
			s.in.drain() // a close while something is unread would have the kernel drop what we said
		}
		return bye
	}
}

// data takes a frame of a message, and the message if that is whole.
func (s *socket) data(r receiver) error {
	if s.closing() {
		return s.in.skip()
	}
	if op := s.in.header.opcode; op == opBinary {
		r.refuse(refusef(CodeMalformed, "Binary messages are no part of %s.", Subprotocol))
		return s.in.skip()
	} else if op > opBinary {
		return errBroken
	}
	limit := r.limit()
	message, err := s.in.data(limit, s.hub.options.Load().Limits.Fragments*fragmentOverhead)
	switch {
	case err == errTooBig:
		r.refuse(refusef(CodeTooBig, "That message is too long; %d bytes are allowed.", limit))
		return s.in.skip()
	case err == nil && message != nil:
		s.helloBy.Store(0)
		r.message(message)
	}
	return err
}

// control takes a ping, pong or close. After a close, the error is io.EOF.
func (s *socket) control(r receiver) (bye bool, err error) {
	payload, err := s.in.control()
	if err != nil {
		return false, err
	}
	switch s.in.header.opcode {
	case opPing:
		s.send(makeFrame(opPong, payload))
	case opPong:
	case opClose:
		code, ok := closeCode(payload)
		if !ok {
			return false, errBroken
		}
		bye = code == codeNormal || code == codeGoingAway
		if code == codeNoStatus {
			code = codeNormal
		}
		s.end(nil, closeFrame(code))
		return bye, io.EOF
	default:
		return false, errBroken
	}
	return false, s.countControl()
}

// broken says what the client did, for which reading is given up.
func (s *socket) broken(r receiver, err error) {
	if s.closing() {
		return
	}
	switch err {
	case errBroken:
		s.end(nil, closeFrame(codeBroken))
	case errFragments:
		r.refuse(refusef(CodeTooBig, "That message came in too many fragments."))
	case errControls:
		r.refuse(limited(LimitMessages, controlsReset, "Too many pings came. %d in %v are allowed.", maxControls, controlsReset))
	}
}

// send queues f. If too much waits already, the socket is closed.
func (s *socket) send(f frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closeBy.IsZero() || s.readDone {
		return false
	}
	limit := s.hub.options.Load().Limits.Queue
	if s.queued+len(f) <= limit && (s.room == nil || s.room.take(len(f), s.queued)) {
		s.enqueue(f)
		return true
	}
	why := refusef(CodeSlow, "You didn't read: %d bytes were waiting for you. Connect again.", s.queued)
	s.drop()
	s.endLocked(why, messageFrame(why), closeFrame(closeCodes[CodeSlow]))
	return false
}

// close says why, and ends the connection after that: when the other side has
// closed too, or after closeWait.
func (s *socket) close(why *Error) {
	s.end(why, messageFrame(why), closeFrame(why.closeCode()))
}

// abort closes what is under TLS: TLS itself may wait for seconds to say goodbye to a
// client that doesn't read.
func (s *socket) abort() {
	conn := s.conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	conn.Close()
}

func (s *socket) charge(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = r
	r.bytes.Add(int64(s.queued))
	r.hub.bytes.Add(int64(s.queued))
}

func (s *socket) describe() (kind string, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "websocket", s.queued
}

func (s *socket) end(why *Error, last ...frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(why, last...)
}

func (s *socket) endLocked(why *Error, last ...frame) {
	if !s.closeBy.IsZero() || s.readDone {
		return
	}
	s.closeBy = time.Now().Add(closeWait)
	if s.why = why; why != nil {
		s.hub.counters.refused(why)
	}
	for _, f := range last {
		if s.room != nil {
			s.room.bytes.Add(int64(len(f)))
			s.room.hub.bytes.Add(int64(len(f)))
		}
		s.enqueue(f)
	}
}

func (s *socket) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closeBy.IsZero()
}

// drop forgets what waits; what is being written goes on. Needs mu.
func (s *socket) drop() {
	for _, f := range s.queue {
		s.done(len(f))
	}
	s.queue = nil
}

// done takes note that bytes wait no more. Needs mu.
func (s *socket) done(bytes int) {
	s.queued -= bytes
	if s.room != nil {
		s.room.give(bytes)
	}
}

// direct writes as much as can be written without waiting, and tells how much that was.
type direct func(frame) int

// enqueue has f written: now, if nothing waits and the kernel takes it. Needs mu.
func (s *socket) enqueue(f frame) {
	s.queued += len(f)
	if s.writing {
		s.queue = append(s.queue, f)
		return
	}
	if s.direct != nil {
		n := s.direct(f)
		s.done(n)
		f = f[n:]
	}
	if len(f) > 0 {
		s.begun = f
		s.writing = true
		s.writer.Go(s.write)
	}
}

var blocks = sync.Pool{New: func() any { b := make([]byte, 0, blockSize); return &b }}

// write writes until the queue is empty, as many frames at a time as fit into a
// block, or one that is longer.
func (s *socket) write() {
	block := blocks.Get().(*[]byte)
	defer blocks.Put(block)
	written := 0
	for {
		out := s.next((*block)[:0], written)
		if out == nil {
			return
		}
		written = len(out)
		if _, err := s.conn.Write(out); err != nil {
			s.abort() // ends run, too
		}
	}
}

// next takes the frames to write, after written bytes were. It returns nil when
// there are none.
func (s *socket) next(block []byte, written int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done(written)
	if begun := s.begun; begun != nil {
		s.begun = nil
		return begun
	}
	if len(s.queue) == 0 {
		s.queue = nil
		s.writing = false
		return nil
	}
	taken := 0
	for taken < len(s.queue) && len(block)+len(s.queue[taken]) <= cap(block) {
		block = append(block, s.queue[taken]...)
		taken++
	}
	if taken == 0 {
		block = s.queue[0]
		taken = 1
	}
	clear(s.queue[:taken])
	s.queue = s.queue[taken:]
	return block
}

// check does what is due at now: it pings, gives up, or closes what should be
// closed by now.
func (s *socket) check(now time.Time, o *Options) {
	s.mu.Lock()
	closeBy := s.closeBy
	s.mu.Unlock()
	nanos := now.UnixNano()
	helloBy := s.helloBy.Load()
	switch {
	case !closeBy.IsZero():
		if now.After(closeBy) {
			s.abort()
		}
	case helloBy != 0 && nanos > helloBy:
		s.close(refusef(CodeTimeout, "No hello came in time. Say hello first."))
	case nanos > s.heardAt.Load()+int64(o.PongTimeout):
		s.close(refusef(CodeTimeout, "Nothing came from you for %v. Connect again.", o.PongTimeout))
	case nanos >= s.pingAt.Load():
		s.pingAt.Store(nanos + int64(o.PingInterval))
		s.send(pingFrame)
	}
}
