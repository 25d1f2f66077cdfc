package turn

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// retryPause is how long is waited after an error that may pass.
const retryPause = 20 * time.Millisecond

// pause waits a moment, or until the server is closed.
func (s *Server) pause() {
	t := time.NewTimer(retryPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.over:
	}
}

// datagrams is where datagrams of clients come in. Of whoever has no allocation, only requests get to Pion, and only so many.
type datagrams struct {
	net.PacketConn
	server *Server
	unread func() // nobody reads any more
}

func (s *Server) newDatagrams(c net.PacketConn) *datagrams {
	s.work.Add(1)
	return &datagrams{PacketConn: c, server: s, unread: sync.OnceFunc(s.work.Done)}
}

// ReadFrom waits for the next datagram that is worth an answer.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := d.PacketConn.ReadFrom(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			d.unread()
			return 0, nil, err
		case err != nil: // of what was sent before (Windows), or of one datagram: Pion would stop for good
			d.server.pause()
		case d.server.hears(b[:n], from):
			return n, from, nil
		}
	}
}

func (s *Server) hears(b []byte, from net.Addr) bool {
	c := clientOf(from)
	if s.knows(c) {
		return true
	}
	if !isRequest(b) {
		return false
	}
	if !s.requests.take(c.address.Addr(), time.Now()) {
		s.stats.refuse(RefusedRequests)
		return false
	}
	return true
}

// isRequest tells whether b is a STUN request (RFC 8489, section 5).
func isRequest(b []byte) bool {
	return stun.IsMessage(b) && b[0]&0b11 == 0 && b[1]&0b10000 == 0
}
