package signalingtest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how many bytes are on their way in one direction before the writer
// has to wait, as in a kernel's buffers.
const window = 64 << 10

// stream is one direction of a connection of memory. What its writer writes comes
// to its reader in order, later, slower or not at all, as the faults say.
type stream struct {
	faults *faults
	way    Way
	filter filter

	mu      sync.Mutex
	changed *sync.Cond // on mu
	chunks  []chunk
	size    int       // bytes in chunks
	lastDue time.Time // when what was written last arrives
	held    bool      // nothing comes out, as long as that holds
	ended   bool      // the writer has closed; that comes behind the chunks
	left    bool      // the reader has closed
	reset   bool
	readBy  deadline
	writeBy deadline
}

// chunk is some bytes, and when they arrive.
type chunk struct {
	data []byte
	due  time.Time
}

func newStream(f *faults, way Way) *stream {
	s := &stream{faults: f, way: way, filter: filter{way: way}}
	s.changed = sync.NewCond(&s.mu)
	s.readBy.passed = s.wake
	s.writeBy.passed = s.wake
	return s
}

// wake has reader and writer look again.
func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		now := time.Now()
		silent := s.held || s.faults.paused.Load()
		switch {
		case s.left:
			return 0, net.ErrClosed
		case s.reset:
			return 0, syscall.ECONNRESET
		case s.readBy.isOver(now):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case silent:
		case len(s.chunks) > 0 && !s.chunks[0].due.After(now):
			return s.take(b), nil
		case len(s.chunks) > 0:
			time.AfterFunc(s.chunks[0].due.Sub(now), s.wake)
		case s.ended && s.lastDue.After(now):
			time.AfterFunc(s.lastDue.Sub(now), s.wake)
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// take moves bytes that are due to b. Needs mu.
func (s *stream) take(b []byte) int {
	if s.faults.oneByte.Load() {
		b = b[:1]
	}
	first := &s.chunks[0]
	n := copy(b, first.data)
	first.data = first.data[n:]
	if len(first.data) == 0 {
		s.chunks[0] = chunk{}
		s.chunks = s.chunks[1:]
	}
	s.size -= n
	s.changed.Broadcast()
	return n
}

func (s *stream) write(b []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for written < len(b) {
		silent := s.held || s.faults.paused.Load()
		switch {
		case s.ended:
			return written, net.ErrClosed
		case s.reset, s.left && !silent: // who is cut off doesn't hear of a close
			return written, syscall.EPIPE
		case s.writeBy.isOver(time.Now()):
			return written, os.ErrDeadlineExceeded
		case s.size >= window:
			s.changed.Wait()
			continue
		}
		part := b[written:min(len(b), written+window-s.size)]
		s.add(s.filter.pass(part, s.faults))
		written += len(part)
	}
	return written, nil
}

// add puts bytes on their way. Needs mu.
func (s *stream) add(data []byte) {
	if len(data) == 0 {
		return
	}
	s.chunks = append(s.chunks, chunk{data, s.due(len(data))})
	s.size += len(data)
	s.changed.Broadcast()
}

// due is when the next bytes arrive. Needs mu.
func (s *stream) due(bytes int) time.Time {
	due := time.Now().Add(time.Duration(s.faults.delay.Load()))
	if due.Before(s.lastDue) {
		due = s.lastDue // what was sent first comes first
	}
	if rate := s.faults.rate.Load(); rate > 0 {
		due = due.Add(time.Duration(bytes) * time.Second / time.Duration(rate))
	}
	s.lastDue = due
	return due
}

// end says that nothing more is written.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.due(0)
		s.changed.Broadcast()
	}
}

// leave says that nothing more is read.
func (s *stream) leave() { s.set(&s.left) }

func (s *stream) hold() { s.set(&s.held) }

// cut ends the stream for both sides, at once.
func (s *stream) cut() { s.set(&s.reset) }

func (s *stream) set(state *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*state = true
	s.changed.Broadcast()
}

func (s *stream) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	s.changed.Broadcast()
}

// isReset tells how the stream ended, for who passes that on.
func (s *stream) isReset() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reset
}

// deadline is a net.Conn's deadline in one direction.
type deadline struct {
	passed func()
	at     time.Time
	timer  *time.Timer
}

func (d *deadline) isOver(now time.Time) bool { return !d.at.IsZero() && !now.Before(d.at) }

// setDeadline sets one of the stream's deadlines.
func (s *stream) setDeadline(d *deadline, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.at = at
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if wait := time.Until(at); !at.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, d.passed)
	}
	s.changed.Broadcast()
}
