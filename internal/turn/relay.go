package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxPeers is how many addresses one allocation may have permissions for, and how many channels. A browser has some ten.
const maxPeers = 512

// relay is the socket of an allocation: a net.PacketConn that sends to nobody and receives from nobody but those
// that it may, and no more than there is bandwidth for. Pion reads it in one goroutine and writes it in others.
type relay struct {
	// Set at construction.
	server  *Server
	session *session
	socket  *net.UDPConn
	known   netip.AddrPort // as others reach it
	local   netip.AddrPort // as this machine reaches it
	age     *time.Timer
	close   func() error
	unread  func() // nobody reads any more

	ended  atomic.Bool // nothing passes any more
	client *client     // who made it; nil until Pion has said so. The server's mutex guards it

	mu       sync.Mutex
	peers    map[netip.Addr]struct{} // that there are permissions for
	channels int
}

// ReadFrom waits for the next datagram of a peer that has a permission.
func (r *relay) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, raw, err := r.socket.ReadFromUDPAddrPort(b)
		if r.ended.Load() || errors.Is(err, net.ErrClosed) {
			r.unread()
			return 0, nil, net.ErrClosed
		}
		if err != nil { // of what was sent before (Windows), or of one datagram
			r.server.pause()
			continue
		}
		from, ok := r.server.origin(raw)
		if !ok {
			r.server.stats.refuse(RefusedAddress)
			continue
		}
		if !r.permits(from.Addr()) {
			continue // Pion would drop it, too; but it mustn't use up the session's bandwidth
		}
		if !takeBoth(&r.session.in, &r.server.in, n) {
			r.server.stats.refuse(RefusedBandwidth)
			continue
		}
		r.server.stats.received.Add(uint64(n))
		return n, net.UDPAddrFromAddrPort(from), nil
	}
}

// WriteTo sends to a peer. What may not be sent is dropped, as a network drops it: a client gets no answer
// to data, whatever becomes of it.
func (r *relay) WriteTo(b []byte, a net.Addr) (int, error) {
	if r.ended.Load() {
		return 0, net.ErrClosed
	}
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("turn: no address to relay to: %T", a)
	}
	to, ok := r.server.route(udp.AddrPort())
	if !ok {
		r.server.stats.refuse(RefusedAddress)
		return len(b), nil
	}
	if !takeBoth(&r.session.out, &r.server.out, len(b)) {
		r.server.stats.refuse(RefusedBandwidth)
		return len(b), nil
	}
	if _, err := r.socket.WriteToUDPAddrPort(b, to); errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	r.server.stats.sent.Add(uint64(len(b)))
	return len(b), nil
}

// Close frees the port. Pion notices by its ReadFrom, and forgets the allocation.
func (r *relay) Close() error { return r.close() }

func (r *relay) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(r.known) }
func (r *relay) SetDeadline(t time.Time) error      { return r.socket.SetDeadline(t) }
func (r *relay) SetReadDeadline(t time.Time) error  { return r.socket.SetReadDeadline(t) }
func (r *relay) SetWriteDeadline(t time.Time) error { return r.socket.SetWriteDeadline(t) }

func (r *relay) permits(ip netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.peers[ip]
	return ok
}

// full tells whether r may have no permission for ip, because it has so many.
func (r *relay) full(ip netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.peers[ip]
	return r.channels >= maxPeers || !known && len(r.peers) >= maxPeers
}
