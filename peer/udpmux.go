package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/transport/v5"
)

// A full socket buffer loses packets, which looks like congestion.
const socketBuffer = 4 << 20 // bytes

// A server's answer is asked for anew each time: what is remembered is remembered by mappings.
const noCache = time.Nanosecond

var errNoSocket = errors.New("peer: no socket at this address")

// udpMux is the UDP sockets that all links of a room share, one for each address of this
// machine. It follows the addresses: adapt adds sockets and retires them.
//
// Pion's own mux is made once for the addresses of that moment. Its methods, those of
// [ice.UDPMux], are called by Pion; all may be called by any number of goroutines.
type udpMux struct {
	// Set at construction.
	nic      transport.Net
	port     uint16 // of every socket; 0: any
	log      logging.LeveledLogger
	mappings *mappings

	mu      sync.Mutex
	sockets map[netip.Addr]*muxSocket
	order   []netip.Addr // the addresses that are there
	closed  bool
}

// muxSocket is guarded by udpMux.mu.
type muxSocket struct {
	mux   *ice.UniversalUDPMuxDefault
	local netip.AddrPort
	users map[string]struct{} // the ICE agents that have it, by their ufrags
	gone  bool                // the address is; it is kept while a link uses it
}

var _ ice.UDPMux = (*udpMux)(nil)

// newUDPMux has no sockets before adapt is called.
func newUDPMux(nic transport.Net, port uint16, log logging.LeveledLogger) *udpMux {
	return &udpMux{
		nic:      nic,
		port:     port,
		log:      log,
		mappings: newMappings(),
		sockets:  make(map[netip.Addr]*muxSocket),
	}
}

// adapt makes the sockets be those of these addresses, and tells whether anything changed. The
// error is about addresses that can't be used now; they may be later, as an IPv6 address that the
// system still examines.
//
// A socket whose address is gone isn't offered any more. It is closed when no link uses it: that
// address may come back, and then the link just goes on.
func (m *udpMux) adapt(addresses []netip.Addr) (changed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, net.ErrClosed
	}
	there := make(map[netip.Addr]bool, len(addresses))
	m.order = m.order[:0]
	for _, a := range addresses {
		there[a] = true
		s := m.sockets[a]
		switch {
		case s == nil || s.mux.IsClosed(): // Pion closes one that can't be read
			if s, openErr := m.open(a); openErr != nil {
				err = errors.Join(err, openErr)
				continue
			} else {
				m.sockets[a] = s
			}
			changed = true
		case s.gone:
			s.gone, changed = false, true
		}
		m.order = append(m.order, a)
	}
	for a, s := range m.sockets {
		if there[a] {
			continue
		}
		changed = changed || !s.gone
		s.gone = true
		m.dropUnusedLocked(a, s)
	}
	if changed {
		m.mappings.forget()
	}
	return changed, err
}

func (m *udpMux) open(a netip.Addr) (*muxSocket, error) {
	conn, err := m.nic.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, m.port)))
	if err != nil {
		return nil, err
	}
	growBuffers(conn)
	mux := ice.NewUniversalUDPMuxDefault(ice.UniversalUDPMuxParams{
		UDPConn: conn, Net: m.nic, Logger: m.log, XORMappedAddrCacheTTL: noCache,
	})
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		mux.Close()
		return nil, fmt.Errorf("peer: not a UDP address: %v", conn.LocalAddr())
	}
	return &muxSocket{
		mux:   mux,
		local: netip.AddrPortFrom(a, uint16(local.Port)),
		users: make(map[string]struct{}),
	}, nil
}

func (m *udpMux) dropUnusedLocked(a netip.Addr, s *muxSocket) {
	if s.gone && len(s.users) == 0 {
		delete(m.sockets, a)
		s.mux.Close()
	}
}

// live are the sockets whose address is there.
func (m *udpMux) live() []*muxSocket {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*muxSocket, 0, len(m.order))
	for _, a := range m.order {
		all = append(all, m.sockets[a])
	}
	return all
}

// GetListenAddresses are those that are offered.
func (m *udpMux) GetListenAddresses() []net.Addr {
	live := m.live()
	all := make([]net.Addr, len(live))
	for i, s := range live {
		all[i] = net.UDPAddrFromAddrPort(s.local)
	}
	return all
}

// GetConn is the share that an ICE agent has of a socket.
func (m *udpMux) GetConn(ufrag string, address net.Addr) (net.PacketConn, error) {
	local, ok := address.(*net.UDPAddr)
	if !ok {
		return nil, errNoSocket
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sockets[local.AddrPort().Addr().Unmap()]
	if m.closed || s == nil || s.local.Port() != uint16(local.Port) {
		return nil, errNoSocket
	}
	conn, err := s.mux.GetConn(ufrag, s.mux.LocalAddr())
	if err != nil {
		return nil, err
	}
	s.users[ufrag] = struct{}{}
	if fast, ok := conn.(ice.AddrPortReaderWriter); ok {
		return fastMuxConn{muxConn{conn}, fast}, nil
	}
	return muxConn{conn}, nil
}

// RemoveConnByUfrag is called when an ICE agent has ended, or restarts under another ufrag.
func (m *udpMux) RemoveConnByUfrag(ufrag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a, s := range m.sockets {
		s.mux.RemoveConnByUfrag(ufrag)
		delete(s.users, ufrag)
		m.dropUnusedLocked(a, s)
	}
}

// Close closes all sockets. It may be called more than once.
func (m *udpMux) Close() error {
	m.mu.Lock()
	m.closed = true
	m.order = nil
	for a, s := range m.sockets {
		delete(m.sockets, a)
		s.mux.Close()
	}
	m.mu.Unlock()
	m.mappings.close()
	return nil
}

// mapped asks a server for the address that it sees behind each socket of its family, and calls
// found with every answer. It returns when all have come or given up, or ctx has ended. Answers
// from before since aren't taken.
func (m *udpMux) mapped(ctx context.Context, server netip.AddrPort, since time.Time, found func(local, mapped netip.AddrPort)) {
	var asking sync.WaitGroup
	defer asking.Wait()
	for _, s := range m.live() {
		if s.local.Addr().Is4() != server.Addr().Is4() {
			continue
		}
		asking.Go(func() {
			seen, err := m.mappings.get(ctx, mappingKey{s.mux, server}, since)
			if err == nil {
				found(s.local, seen)
			}
		})
	}
}

// muxConn is one agent's share of a socket. Pion takes io.ErrClosedPipe of a write for the end of
// the whole transport, and an ICE restart closes candidates while SCTP may be writing to one; as
// any other error it is a lost packet.
type muxConn struct{ net.PacketConn }

func (c muxConn) WriteTo(b []byte, to net.Addr) (int, error) {
	n, err := c.PacketConn.WriteTo(b, to)
	return n, lost(err)
}

// fastMuxConn is one that needs no net.Addr.
type fastMuxConn struct {
	muxConn
	fast ice.AddrPortReaderWriter
}

func (c fastMuxConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return c.fast.ReadFromAddrPort(b)
}

func (c fastMuxConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	n, err := c.fast.WriteToAddrPort(b, to)
	return n, lost(err)
}

func lost(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return net.ErrClosed
	}
	return err
}
