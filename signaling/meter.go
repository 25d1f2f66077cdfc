package signaling

import (
	"errors"
	"net"
)

// fragmentOverhead is what a fragment adds to a message at most: the header of a
// frame from a client (RFC 6455 §5.2).
const fragmentOverhead = 14 // bytes

// meter is a connection that bounds how much is read for one message, with all
// that is around it: gorilla counts neither fragments nor empty ones.
type meter struct {
	net.Conn
	left int // bytes; owned by who reads
}

var errFragments = errors.New("too many fragments")

// next allows for another message of at most size bytes.
func (m *meter) next(size, fragments int) {
	m.left = size + fragments*fragmentOverhead + 2<<10 // the last read took a bufferful more
}

func (m *meter) Read(b []byte) (int, error) {
	if m.left <= 0 {
		return 0, errFragments
	}
	n, err := m.Conn.Read(b)
	m.left -= n
	return n, err
}
