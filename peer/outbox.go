package peer

import (
	"context"
	"errors"
	"sync"
)

// maxUnacknowledged is how much waits for the other side to have taken it, in bytes. Send waits when it is full.
const maxUnacknowledged = 1 << 20

// outbox keeps what was sent on the reliable channel until the other side has it: another carrier sends it again.
type outbox struct {
	resending sync.WaitGroup
	room      chan struct{} // a token: it isn't full any more

	mu     sync.Mutex
	frames [][]byte // the first has the sequence acked + 1
	bytes  int
	acked  uint64
}

func newOutbox() *outbox { return &outbox{room: make(chan struct{}, 1)} }

// wait waits until there is room.
func (o *outbox) wait(ctx context.Context, stop <-chan struct{}) error {
	for !o.fits() {
		select {
		case <-o.room:
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return errStopped
		}
		if o.fits() {
			o.ring() // others may wait, too
		}
	}
	return nil
}

func (o *outbox) ring() {
	select {
	case o.room <- struct{}{}:
	default:
	}
}

func (o *outbox) fits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes < maxUnacknowledged
}

// add keeps a frame, the next in sequence.
func (o *outbox) add(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
}

var errAck = errors.New("peer: more was acknowledged than was sent")

// acknowledged drops what the other side has: n messages in all.
func (o *outbox) acknowledged(n uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n > o.acked+uint64(len(o.frames)) {
		return errAck
	}
	for ; o.acked < n; o.acked++ {
		o.bytes -= len(o.frames[0])
		o.frames[0] = nil
		o.frames = o.frames[1:]
	}
	if len(o.frames) == 0 {
		o.frames = nil
	}
	o.ring()
	return nil
}

// kept are the frames that the other side hasn't acknowledged.
func (o *outbox) kept() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([][]byte(nil), o.frames...)
}
