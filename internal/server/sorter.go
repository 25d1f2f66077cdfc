package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// protocolTURN is what a client of TURN may ask TLS for (RFC 7443).
const protocolTURN = "stun.turn"

// acceptPause is how long is waited after an Accept that failed, and may not the next time.
const acceptPause = 50 * time.Millisecond

// sorter takes connections to one port and hands them on by what they speak: HTTP or TURN. With TLS it is found out inside that.
// A browser says which protocol it wants in the handshake (RFC 7301). Of whoever doesn't, the first byte tells: that of every request
// of STUN and TURN is zero (RFC 8489, section 5), and no line of HTTP has one. A connection has readHeaderTimeout for that, and a goroutine
// of its own; how many there may be, the gate has decided.
type sorter struct {
	net.Listener
	tls        *tls.Config // nil: plain TCP
	http, turn *sorted     // turn is nil if nobody takes that
	life       context.Context
	end        context.CancelFunc
	work       sync.WaitGroup
}

// newSorter begins to take connections from l. The two listeners are closed each by itself; the port is when that of HTTP is.
func newSorter(l net.Listener, t *tls.Config, turn bool) *sorter {
	s := &sorter{Listener: l, tls: t}
	s.life, s.end = context.WithCancel(context.Background())
	s.http = newSorted(s, s.close)
	if turn {
		s.turn = newSorted(s, func() error { return nil })
	}
	s.work.Go(s.accept)
	return s
}

// close closes the port, and waits until nothing is sorted any more.
func (s *sorter) close() error {
	s.end()
	err := s.Listener.Close()
	s.work.Wait()
	return err
}

func (s *sorter) accept() {
	for {
		conn, err := s.Listener.Accept()
		switch {
		case err == nil:
			s.work.Go(func() { s.sort(conn) })
		case errors.Is(err, net.ErrClosed) || s.life.Err() != nil:
			s.http.fail(net.ErrClosed)
			return
		default:
			s.http.fail(err) // for the log of net/http, which asks again
			select {
			case <-time.After(acceptPause):
			case <-s.life.Done():
			}
		}
	}
}

// sort hands a connection on, or closes it.
func (s *sorter) sort(conn net.Conn) {
	stop := context.AfterFunc(s.life, func() { conn.SetDeadline(time.Unix(1, 0)) })
	conn.SetDeadline(time.Now().Add(readHeaderTimeout))
	sorted, to, err := s.recognize(conn)
	if !stop() || err != nil {
		conn.Close()
		return
	}
	conn.SetDeadline(time.Time{})
	to.give(sorted)
}

// recognize says who takes a connection, and as what.
func (s *sorter) recognize(conn net.Conn) (net.Conn, *sorted, error) {
	if s.tls == nil {
		return s.byFirst(conn)
	}
	t := tls.Server(conn, s.tls)
	if err := t.HandshakeContext(s.life); err != nil {
		return nil, nil, answer(err)
	}
	switch t.ConnectionState().NegotiatedProtocol {
	case "":
		return s.byFirst(t)
	case protocolTURN:
		if s.turn == nil {
			return nil, nil, errors.New("nobody speaks TURN here")
		}
		return t, s.turn, nil
	}
	return t, s.http, nil
}

// answer tells whoever speaks HTTP where TLS is spoken, as net/http does.
func answer(err error) error {
	var wrong tls.RecordHeaderError
	if errors.As(err, &wrong) && wrong.Conn != nil {
		switch string(wrong.RecordHeader[:]) {
		case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
			io.WriteString(wrong.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
	}
	return err
}

// byFirst waits for the first byte.
func (s *sorter) byFirst(conn net.Conn) (net.Conn, *sorted, error) {
	if s.turn == nil {
		return conn, s.http, nil
	}
	conn, first, err := peek(conn)
	if err == nil && first == 0 {
		return conn, s.turn, nil
	}
	return conn, s.http, err
}

// begun is a connection of which the first byte has been read.
type begun struct {
	net.Conn
	first []byte
}

// newBegun reads the first byte.
func newBegun(conn net.Conn) (net.Conn, byte, error) {
	b := &begun{conn, make([]byte, 1)}
	_, err := conn.Read(b.first)
	return b, b.first[0], err
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) == 0 || len(p) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

// CloseWrite is what net/http wants of a connection whose last answer has to arrive.
func (b *begun) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// NetConn is what is under TLS, for whoever has to close that at once.
func (b *begun) NetConn() net.Conn {
	if t, ok := b.Conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return b.Conn
}

// sorted is a listener for connections of one kind.
type sorted struct {
	addr   net.Addr
	conns  chan net.Conn
	failed chan error
	over   chan struct{}
	close  func() error
}

func newSorted(s *sorter, close func() error) *sorted {
	l := &sorted{addr: s.Addr(), conns: make(chan net.Conn), failed: make(chan error), over: make(chan struct{})}
	l.close = sync.OnceValue(func() error {
		l.end()
		return close()
	})
	return l
}

func (l *sorted) end() { close(l.over) }

// give waits until somebody takes conn; it is closed if nobody will.
func (l *sorted) give(conn net.Conn) {
	select {
	case l.conns <- conn:
	case <-l.over:
		conn.Close()
	}
}

// fail waits until somebody takes an error.
func (l *sorted) fail(err error) {
	select {
	case l.failed <- err:
	case <-l.over:
	}
}

func (l *sorted) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case err := <-l.failed:
		return nil, err
	case <-l.over:
		return nil, net.ErrClosed
	}
}

func (l *sorted) Addr() net.Addr { return l.addr }
func (l *sorted) Close() error   { return l.close() }
