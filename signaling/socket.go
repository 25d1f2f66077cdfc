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
)

// socket is a WebSocket connection that knows no rooms. Any goroutine may send
// to it; one goroutine, run, reads and owns its end.
//
// Reading goes through gorilla. Writing doesn't: frames come finished, wait in a
// queue bounded in bytes, and the first to wait starts a goroutine that writes
// until none is left. Pongs and closes go the same way, so nothing overtakes.
type socket struct {
	// Set at construction.
	ws       *websocket.Conn
	conn     net.Conn // under ws
	maxQueue int      // bytes
	writers  *sync.WaitGroup

	// Read by the sweep, in Unix ns.
	helloBy atomic.Int64 // when the first message must have come; 0: it has
	heardAt atomic.Int64 // when the other side was last heard
	pingAt  atomic.Int64 // when the next ping is due

	mu       sync.Mutex
	queue    []frame
	queued   int // bytes in queue and in the block being written
	writing  bool
	slow     bool      // closed because the queue was full
	readDone bool      // run has ended; whoever writes last closes conn
	closeBy  time.Time // set once a close is queued: nothing follows it
}

// receiver takes what a socket reads, in the socket's own goroutine.
type receiver interface {
	// limit is the size of the longest message to take now, in bytes.
	limit() int
	// message takes one. The data is valid until it returns.
	message(data []byte)
	// refuse takes the reason why the socket reads no further messages.
	refuse(*Error)
	// ended is the last call. bye tells whether the other side closed with 1000 or 1001.
	ended(bye bool)
}

func newSocket(ws *websocket.Conn, maxQueue int, writers *sync.WaitGroup) *socket {
	s := &socket{ws: ws, conn: ws.NetConn(), maxQueue: maxQueue, writers: writers}
	s.heard()
	ws.SetPingHandler(func(data string) error {
		s.heard()
		s.send(makeFrame(opPong, []byte(data)))
		return nil
	})
	ws.SetPongHandler(func(string) error {
		s.heard()
		return nil
	})
	ws.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = websocket.CloseNormalClosure
		}
		s.end(closeFrame(code))
		return nil
	})
	return s
}

func (s *socket) heard() { s.heardAt.Store(time.Now().UnixNano()) }

// run reads until the connection ends.
func (s *socket) run(r receiver) {
	bye := s.read(r)
	r.ended(bye)
	s.mu.Lock()
	s.readDone = true
	last := !s.writing
	s.mu.Unlock()
	if last {
		s.conn.Close()
	}
}

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (s *socket) read(r receiver) (bye bool) {
	for {
		kind, message, err := s.ws.NextReader()
		if err != nil {
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
		limit := r.limit()
		data := readBuffers.Get().(*bytes.Buffer)
		data.Reset()
		_, err = data.ReadFrom(io.LimitReader(message, int64(limit)+1))
		switch {
		case err != nil:
			return false
		case data.Len() > limit:
			r.refuse(refusef(CodeTooBig, "That message is too long; %d bytes are allowed.", limit))
		default:
			r.message(data.Bytes())
		}
		readBuffers.Put(data)
	}
}

var (
	errSlow   = errors.New("slow")
	errEnding = errors.New("ending")
)

// send queues f. The error is errEnding once a close was queued, and errSlow if
// the queue is full, which closes the socket, or was.
func (s *socket) send(f frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.slow:
		return errSlow
	case !s.closeBy.IsZero() || s.readDone:
		return errEnding
	case s.queued+len(f) > s.maxQueue:
		s.slow = true
		s.drop()
		refusal := refusef(CodeSlow, "You didn't read: %d bytes were waiting for you. Connect again.", s.maxQueue)
		s.endLocked(messageFrame(refusal), closeFrame(closeCodes[CodeSlow]))
		return errSlow
	}
	s.enqueue(f)
	return nil
}

// close says why, and ends the connection after that: when the other side has
// closed too, or after closeWait.
func (s *socket) close(e *Error) {
	s.end(messageFrame(e), closeFrame(closeCodes[e.Code]))
}

func (s *socket) end(last ...frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(last...)
}

func (s *socket) endLocked(last ...frame) {
	if !s.closeBy.IsZero() || s.readDone {
		return
	}
	s.closeBy = time.Now().Add(closeWait)
	for _, f := range last {
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
		s.queued -= len(f)
	}
	s.queue = nil
}

// enqueue needs mu.
func (s *socket) enqueue(f frame) {
	s.queue = append(s.queue, f)
	s.queued += len(f)
	if !s.writing {
		s.writing = true
		s.writers.Go(s.write)
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
			s.conn.Close() // ends run, too
		}
	}
}

// next takes the frames to write, after written bytes were. It returns nil when
// there are none.
func (s *socket) next(block []byte, written int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued -= written
	if len(s.queue) == 0 {
		s.queue = nil
		s.writing = false
		if s.readDone {
			s.conn.Close()
		}
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
func (s *socket) check(now time.Time, ping, timeout time.Duration) {
	s.mu.Lock()
	closeBy := s.closeBy
	s.mu.Unlock()
	nanos := now.UnixNano()
	helloBy := s.helloBy.Load()
	switch {
	case !closeBy.IsZero():
		if now.After(closeBy) {
			s.conn.Close()
		}
	case helloBy != 0 && nanos > helloBy:
		s.close(refusef(CodeTimeout, "No hello came in time. Say hello first."))
	case nanos > s.heardAt.Load()+int64(timeout):
		s.close(refusef(CodeTimeout, "You didn't answer for %v. Connect again.", timeout))
	case nanos >= s.pingAt.Load():
		s.pingAt.Store(nanos + int64(ping))
		s.send(pingFrame)
	}
}
