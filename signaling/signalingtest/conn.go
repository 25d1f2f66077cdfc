package signalingtest

import (
	"io"
	"net"
	"sync"
	"time"
)

// conn is one end of a connection of memory: a net.Conn with deadlines and, unlike
// those of net.Pipe, with buffers. It blocks durably in a bubble of testing/synctest.
type conn struct {
	in, out       *stream
	local, remote net.Addr
	once          sync.Once
	closed        func() // called once
}

// newPair makes both ends of a connection.
func newPair(f *faults, client, hub net.Addr) (clientEnd, hubEnd *conn) {
	up, down := newStream(f, ToHub), newStream(f, ToClient)
	clientEnd = &conn{in: down, out: up, local: client, remote: hub, closed: func() {}}
	hubEnd = &conn{in: up, out: down, local: hub, remote: client, closed: func() {}}
	return clientEnd, hubEnd
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.wrap("read", err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.wrap("write", err)
}

// wrap makes of err what a TCP connection returns.
func (c *conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// Close ends both directions for this side. The other one learns it as it would over a network.
func (c *conn) Close() error {
	c.out.end()
	c.in.leave()
	c.once.Do(c.closed)
	return nil
}

// cut resets the connection.
func (c *conn) cut() {
	c.in.cut()
	c.out.cut()
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readBy, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeBy, t)
	return nil
}
