package turn

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

const (
	// maxFrame is the largest message or ChannelData over a stream, in bytes: what fits into a packet of Ethernet, and some.
	maxFrame = 1600
	// idleWait is how long whoever has no allocation may say nothing. Whoever has one may as long as that lasts.
	idleWait = 30 * time.Second
	// frameWait is how long a frame may take from its first byte to its last one.
	frameWait = 10 * time.Second
	// writeWait is how long a client may not read before it is cut off.
	writeWait = 10 * time.Second

	stunHeader, channelHeader = 20, 4 // bytes
)

var (
	errFrame  = errors.New("turn: neither a STUN message nor ChannelData")
	errTooBig = errors.New("turn: a frame is too large")
)

// streams is where streams of clients come in.
type streams struct {
	net.Listener
	server *Server
	unread func() // nobody accepts any more
}

func (s *Server) newStreams(l net.Listener) *streams {
	s.work.Add(1)
	return &streams{Listener: l, server: s, unread: sync.OnceFunc(s.work.Done)}
}

// Accept waits for the next one. It survives what passes, such as too many open files: Pion would stop for good.
func (l *streams) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			if c := l.server.newStream(conn); c != nil {
				return c, nil
			}
			continue
		}
		select {
		case <-l.server.over:
			l.unread()
			return nil, net.ErrClosed
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			l.unread()
			return nil, err
		}
		l.server.pause()
	}
}

// stream is a client's connection. Each Read is one whole frame (RFC 8656, section 3.7) of a size that is allowed, so that
// what Pion keeps of it is bounded. One goroutine reads, any number write.
type stream struct {
	net.Conn
	server *Server
	client client
	in     *bufio.Reader
	unread func() // nobody reads any more
}

// newStream is nil if the server has ended.
func (s *Server) newStream(conn net.Conn) *stream {
	c := &stream{Conn: conn, server: s, client: clientOf(conn.RemoteAddr()), in: bufio.NewReaderSize(conn, maxFrame)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return nil
	}
	s.work.Add(1)
	s.streams[c] = struct{}{}
	c.unread = sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.streams, c)
		s.mu.Unlock()
		s.work.Done()
	})
	return c
}

// Read reads one frame into b, which has room for maxFrame.
func (c *stream) Read(b []byte) (int, error) {
	frame, err := c.next()
	if err != nil {
		c.unread() // Pion reads no more after this
		c.Conn.Close()
		return 0, err
	}
	n := copy(b, frame)
	c.in.Discard(len(frame))
	return n, nil
}

// next waits for a frame. It is valid until something is read again.
func (c *stream) next() ([]byte, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	head, err := c.peek(channelHeader)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	size := stunHeader + length
	switch head[0] >> 6 {
	case 0b00:
		if head, err = c.peek(stunHeader); err == nil && !stun.IsMessage(head) {
			err = errFrame
		}
	case 0b01:
		size = channelHeader + (length+3)&^3 // padded: section 12.5
	default:
		err = errFrame
	}
	if size > maxFrame {
		err = errTooBig
	}
	if err != nil {
		return nil, err
	}
	return c.peek(size)
}

// begin waits for the first byte of a frame.
func (c *stream) begin() error {
	for c.in.Buffered() == 0 {
		c.Conn.SetReadDeadline(time.Now().Add(idleWait))
		_, err := c.in.Peek(1)
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && c.server.knows(c.client)) {
			return err
		}
	}
	return nil
}

// peek waits for the rest of n bytes, which have begun to come.
func (c *stream) peek(n int) ([]byte, error) {
	if c.in.Buffered() < n {
		c.Conn.SetReadDeadline(time.Now().Add(frameWait))
	}
	return c.in.Peek(n)
}

// Write writes all of b, or ends the connection.
func (c *stream) Write(b []byte) (int, error) {
	c.Conn.SetWriteDeadline(time.Now().Add(writeWait))
	n, err := c.Conn.Write(b)
	if err != nil {
		c.abort()
	}
	return n, err
}

// abort closes what is under TLS, if there is any: TLS would wait to say goodbye.
func (c *stream) abort() {
	if under, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		under.NetConn().Close()
		return
	}
	c.Conn.Close()
}
