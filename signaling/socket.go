package signaling

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

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
// Reading goes through gorilla. Writing doesn't: frames come finished, wait in a
// queue bounded in bytes, and the first to wait starts a goroutine that writes
// until none is left. Pongs and closes go the same way, so nothing overtakes.
type socket struct {
	// Set at construction.
	hub   *Hub
	ws    *websocket.Conn
	conn  net.Conn // under ws
	meter *meter   // likewise

	// Read by the sweep, in Unix ns.
	helloBy atomic.Int64 // when the first message must have come; 0: it has
	heardAt atomic.Int64 // when the other side was last heard
	pingAt  atomic.Int64 // when the next ping is due

	// Owned by run.
	controls   int       // pings and pongs
	controlsAt time.Time // since when

	writer sync.WaitGroup // joined by run

	mu       sync.Mutex
	room     *room // whose bytes are what waits; nil before the hello
	queue    []frame
	queued   int // bytes in queue and in the block being written
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

func newSocket(ws *websocket.Conn, m *meter, h *Hub) *socket {
	s := &socket{hub: h, ws: ws, conn: ws.NetConn(), meter: m}
	s.heard()
	s.pingAt.Store(time.Now().Add(h.options.Load().PingInterval).UnixNano())
	ws.SetPingHandler(func(data string) error {
		s.send(makeFrame(opPong, []byte(data)))
		return s.control()
	})
	ws.SetPongHandler(func(string) error { return s.control() })
	ws.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = websocket.CloseNormalClosure
		}
		s.end(nil, closeFrame(code))
		return nil
	})
	return s
}

var errControls = errors.New("too many pings")

// control takes note of a ping or pong, which renews what may be read for a message.
func (s *socket) control() error {
	s.heard()
	now := time.Now()
	if now.Sub(s.controlsAt) > controlsReset {
		s.controls, s.controlsAt = 0, now
	}
	if s.controls++; s.controls > maxControls {
		return errControls
	}
	s.meter.left += 256 // what surrounds it, and more
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

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (s *socket) read(r receiver) (bye bool) {
	for {
		limit := r.limit()
		s.meter.next(limit, s.hub.options.Load().Limits.Fragments)
		kind, message, err := s.ws.NextReader()
		if err != nil {
			s.broken(r, err)
			return websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway)
		}
		s.heard()
		if s.closing() {
			continue // NextReader passes over the rest
		}
		if kind != websocket.TextMessage {
			r.refuse(refusef(CodeMalformed, "Binary messages are no part of %s.", Subprotocol))
			continue
		}
		data := readBuffers.Get().(*bytes.Buffer)
		data.Reset()
		_, err = data.ReadFrom(io.LimitReader(message, int64(limit)+1))
		switch {
		case err != nil:
			s.broken(r, err)
			return false
		case data.Len() > limit:
			r.refuse(refusef(CodeTooBig, "That message is too long; %d bytes are allowed.", limit))
		default:
			s.helloBy.Store(0)
			r.message(data.Bytes())
		}
		readBuffers.Put(data)
	}
}

// broken says what the client did, if reading was given up for that.
func (s *socket) broken(r receiver, err error) {
	if s.closing() {
		return
	}
	switch {
	case errors.Is(err, errFragments):
		r.refuse(refusef(CodeTooBig, "That message came in too many fragments."))
	case errors.Is(err, errControls):
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
	var conn net.Conn = s.meter.Conn
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

// enqueue needs mu.
func (s *socket) enqueue(f frame) {
	s.queue = append(s.queue, f)
	s.queued += len(f)
	if !s.writing {
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
