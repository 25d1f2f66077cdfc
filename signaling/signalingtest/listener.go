package signalingtest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Listener is a net.Listener of connections of memory, which block durably in a bubble of
// testing/synctest as no socket does. They have buffers, deadlines and ends like those of TCP.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// Listen makes a Listener.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial connects to whoever accepts, whatever the address. It fits
// NetDialContext of signaling.DialOptions and DialContext of http.Transport.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, hub := newPair(new(faults), memoryAddr, memoryAddr)
	if err := l.offer(ctx, hub); err != nil {
		return nil, err
	}
	return client, nil
}

// offer waits until somebody accepts c.
func (l *Listener) offer(ctx context.Context, c net.Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.done:
		return errRefused
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and has Dial refused. Connections go on.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is a loopback address, so that Origins on loopback are let in.
func (l *Listener) Addr() net.Addr { return memoryAddr }

var (
	memoryAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Addr: memoryAddr, Err: syscall.ECONNREFUSED}
)
