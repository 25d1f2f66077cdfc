package signalingtest

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// portWait is how long Up waits for its port, which a connection going out may hold.
const portWait = 5 * time.Second

// Line is a way to a hub: an address, and faults of its own. Its methods may be called by any
// number of goroutines.
type Line struct {
	// URL is the hub's address, such as http://127.0.0.1:41234, without a slash at its end. In a
	// bubble it says nothing, and Dial is the way to the hub.
	URL string

	// Set at construction.
	hub    *Hub
	inner  *Listener // of what is let through
	server *http.Server
	faults faults
	work   sync.WaitGroup // every goroutine

	mu       sync.Mutex
	listener net.Listener // of TCP; nil in a bubble, and while the line is down
	address  string       // to listen at; empty in a bubble
	down     bool
	pairs    map[*pair]struct{}
}

// pair is a connection on a line: the client's end and the hub's.
type pair struct {
	client, hub *conn
}

func (p *pair) cut() { p.hub.cut() } // both directions, for both

// newLine makes a line. Without an address it is one of memory.
func newLine(h *Hub, address string) (*Line, error) {
	l := &Line{URL: "http://hub.test", hub: h, inner: Listen(), pairs: make(map[*pair]struct{})}
	l.server = &http.Server{Handler: l, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second}
	l.down = true
	l.address = address
	if err := l.Up(); err != nil {
		return nil, err
	}
	l.work.Go(func() { l.server.Serve(l.inner) })
	return l, nil
}

// Invite lets somebody into a room of the hub by this line.
func (l *Line) Invite(room string) signaling.Invite {
	u, err := url.Parse(l.URL)
	if err != nil {
		panic("signalingtest: " + err.Error()) // the URL was changed
	}
	return signaling.Invite{Hub: u, Room: room}
}

// DialOptions are for clients of package signaling: they need them in a bubble, and may have them elsewhere.
func (l *Line) DialOptions() *signaling.DialOptions {
	return &signaling.DialOptions{NetDialContext: l.Dial}
}

// Dial connects to the hub, whatever the address. It fits NetDialContext of
// signaling.DialOptions and DialContext of http.Transport.
func (l *Line) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l.mu.Lock()
	address := l.address
	l.mu.Unlock()
	if address != "" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	p, err := l.newPair(memoryAddr, memoryAddr)
	if err != nil {
		return nil, err
	}
	if err := l.inner.offer(ctx, p.hub); err != nil {
		p.cut()
		p.client.Close()
		p.hub.Close()
		return nil, err
	}
	return p.client, nil
}

// Down has new connections refused and resets those there are, as when the hub's process isn't
// running. The hub's memory stays. Up ends it.
func (l *Line) Down() {
	l.mu.Lock()
	l.down = true
	if l.listener != nil {
		l.listener.Close()
		l.listener = nil
	}
	l.mu.Unlock()
	l.Cut()
}

// Up ends Down. The error is that the line's port can't be had again.
func (l *Line) Up() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.down {
		return nil
	}
	if l.address != "" {
		listener, err := listen(l.address)
		if err != nil {
			return fmt.Errorf("signalingtest: listen: %w", err)
		}
		l.listener = listener
		if address := listener.Addr().String(); address != l.address { // the first time: after that, others read the URL
			l.address, l.URL = address, "http://"+address
		}
		l.work.Go(func() { l.accept(listener) })
	}
	l.down = false
	return nil
}

func listen(address string) (net.Listener, error) {
	for start := time.Now(); ; {
		listener, err := net.Listen("tcp", address)
		if err == nil || time.Since(start) > portWait {
			return listener, err
		}
		<-time.After(10 * time.Millisecond)
	}
}

// newPair makes a connection, unless the line is down.
func (l *Line) newPair(client, hub net.Addr) (*pair, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, errRefused
	}
	p := new(pair)
	p.client, p.hub = newPair(&l.faults, client, hub)
	closed := 0
	forget := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if closed++; closed == 2 {
			delete(l.pairs, p)
		}
	}
	p.client.closed, p.hub.closed = forget, forget
	l.pairs[p] = struct{}{}
	return p, nil
}

func (l *Line) all() []*pair {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.pairs))
}

// accept takes connections of TCP, and passes what comes on them through ones of memory.
func (l *Line) accept(listener net.Listener) {
	for {
		outer, err := listener.Accept()
		if err != nil {
			return
		}
		p, err := l.newPair(outer.RemoteAddr(), outer.LocalAddr())
		if err != nil {
			outer.Close()
			continue
		}
		l.work.Go(func() { l.carry(outer.(*net.TCPConn), p) })
	}
}

// carry passes bytes on until both ends are closed.
func (l *Line) carry(outer *net.TCPConn, p *pair) {
	defer p.client.Close()
	if err := l.inner.offer(context.Background(), p.hub); err != nil {
		p.hub.Close()
		outer.Close()
		return
	}
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(p.client, outer)
		p.client.out.end() // also after a reset: a half-open connection doesn't tell
	})
	io.Copy(outer, p.client)
	if p.client.in.isReset() {
		outer.SetLinger(0) // so that closing says reset
	}
	outer.Close()
	up.Wait()
}

// close ends the line and waits for all of it.
func (l *Line) close() {
	l.Down()
	l.server.Close()
	l.Cut() // what came in meanwhile
	l.work.Wait()
}
