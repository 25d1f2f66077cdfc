// Package turn is the hub's STUN and TURN server (RFC 8489, RFC 8656): what two members talk through when
// nothing direct gets from one to the other. The protocol itself is pion/turn's; here is what makes it safe to run.
//
//	credentials  time-limited, one for each session, and worth nothing once that has ended
//	addresses    an allow-list, asked for each permission and again for each datagram, both ways
//	quotas       allocations, bytes a second and age, for each session and in all
//	requests     whoever isn't known yet is answered so often, so that nobody is flooded by way of this server
//
// RFC 6062 (TCP to the peer) is refused, and so are reserved ports (EVEN-PORT).
package turn

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

// realm is what clients mix into the key. It says nothing to them.
const realm = "snug"

// Options configure a [Server].
type Options struct {
	// PacketConns are where datagrams of clients come in, Listeners where streams do: plain TCP, or what TLS has
	// been taken off. The server owns them from [New] on, and closes them.
	PacketConns []net.PacketConn
	Listeners   []net.Listener
	// Relays are the addresses that relays get, at most one of each family. Without any, this is a STUN server.
	Relays []Relay
	// Secret signs credentials. Nil: one that is drawn now, so that those of an earlier server hold no more.
	Secret []byte
	// Own are addresses of this machine beside those of its interfaces, which nobody is relayed to: those that a
	// NAT in front of it has.
	Own []netip.Addr
	// Limits can be changed later with [Server.Configure].
	Limits Limits
}

// Relay is an address that relays get.
type Relay struct {
	Address netip.Addr // as others reach it
	Bind    netip.Addr // as this machine has it; not valid: all of them, for a machine behind a NAT
}

// Limits are what members may use. The zero value of each field means its default.
type Limits struct {
	// Allow are networks that aren't public and may be relayed to all the same. See [CheckAllowed].
	Allow              []netip.Prefix
	Ports              Ports         // of relays; 49152 to 65535
	Allocations        int           // of a session; 256
	AddressAllocations int           // of an address, or a /64; 1,024
	TotalAllocations   int           // 4,096
	Bandwidth          int           // bytes a second through all relays of a session, each way; 2 MiB
	TotalBandwidth     int           // of all; 32 MiB
	Lifetime           time.Duration // of an allocation, from its beginning, however often it is refreshed; 24 h
	Validity           time.Duration // of a credential; 1 h
	Requests           float64       // a second, of an address (or a /64) that has no allocation; 100
	RequestBurst       int           // of these, at once; 1,000
}

// Ports are a range of ports, both ends included.
type Ports struct{ First, Last uint16 }

func (p Ports) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// Defaults are the limits of a server that was told none.
func Defaults() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	if l.Ports == (Ports{}) {
		l.Ports = Ports{49152, 65535}
	}
	setDefault(&l.Allocations, 256)
	setDefault(&l.AddressAllocations, 1024)
	setDefault(&l.TotalAllocations, 4096)
	setDefault(&l.Bandwidth, 2<<20)
	setDefault(&l.TotalBandwidth, 32<<20)
	setDefault(&l.Lifetime, 24*time.Hour)
	setDefault(&l.Validity, time.Hour)
	setDefault(&l.Requests, 100)
	setDefault(&l.RequestBurst, 1000)
	return l
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Server relays. Its methods may be called by any number of goroutines; none of them but Close waits for anything.
//
// There are three kinds of locks, taken in this order, and none of them while anything is waited for: Pion's; the
// server's; those of a relay and of the table of addresses.
type Server struct {
	// Set at construction.
	relays []Relay
	secret []byte
	pion   *turn.Server
	over   chan struct{} // closed by Close
	work   sync.WaitGroup
	ended  func() error // closes once

	limits   atomic.Pointer[Limits]
	own      atomic.Pointer[addresses]
	stats    counters
	requests requests
	in, out  bucket // of all relays

	mu       sync.RWMutex
	closed   bool
	sessions map[string]*session            // by tag
	live     map[netip.AddrPort]*relay      // by the address that others know
	clients  map[client]map[*relay]struct{} // by who made them
	networks map[netip.Prefix]int           // how many relays there are of each
	streams  map[*stream]struct{}           // that are read
}

// New starts a server. Its error says which option is wrong; then everything that it was given is closed.
func New(o Options) (*Server, error) {
	s := &Server{
		relays:   o.Relays,
		secret:   o.Secret,
		over:     make(chan struct{}),
		sessions: make(map[string]*session),
		live:     make(map[netip.AddrPort]*relay),
		clients:  make(map[client]map[*relay]struct{}),
		networks: make(map[netip.Prefix]int),
		streams:  make(map[*stream]struct{}),
	}
	s.ended = sync.OnceValue(s.close)
	if s.secret == nil {
		s.secret = make([]byte, 32)
		rand.Read(s.secret)
	}
	s.Configure(o.Limits)
	for _, r := range o.Relays {
		o.Own = append(o.Own, r.Address)
	}
	s.look(o.Own)
	if err := s.start(o); err != nil {
		for _, c := range o.PacketConns {
			c.Close()
		}
		for _, l := range o.Listeners {
			l.Close()
		}
		return nil, fmt.Errorf("turn: %w", err)
	}
	s.work.Go(func() { s.keepLooking(o.Own) })
	return s, nil
}

func (s *Server) start(o Options) (err error) {
	c := turn.ServerConfig{
		Realm:         realm,
		AuthHandler:   s.authenticate,
		QuotaHandler:  s.mayAllocate,
		EventHandler:  s.events(),
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		// Whoever comes over IPv6 and doesn't say which family it wants, gets what there is.
		StrictAddressFamily: !s.has(netip.IPv6Unspecified()),
		InboundMTU:          maxFrame + 1, // Pion drops what fills its buffer
	}
	for _, p := range o.PacketConns {
		c.PacketConnConfigs = append(c.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: s.newDatagrams(p), RelayAddressGenerator: (*generator)(s), PermissionHandler: s.permit,
		})
	}
	for _, l := range o.Listeners {
		c.ListenerConfigs = append(c.ListenerConfigs, turn.ListenerConfig{
			Listener: s.newStreams(l), RelayAddressGenerator: (*generator)(s), PermissionHandler: s.permit,
		})
	}
	s.pion, err = turn.NewServer(c)
	return err
}

// has tells whether there is an address for relays of ip's family.
func (s *Server) has(ip netip.Addr) bool {
	for _, r := range s.relays {
		if r.Address.Is4() == ip.Is4() {
			return true
		}
	}
	return false
}

// Configure replaces the limits. Allocations that are there stay, whatever their number; how long they may last was
// decided when they were made.
func (s *Server) Configure(l Limits) {
	l = l.withDefaults()
	s.limits.Store(&l)
	s.requests.configure(l.Requests, l.RequestBurst)
	s.in.configure(l.TotalBandwidth)
	s.out.configure(l.TotalBandwidth)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sessions {
		one.in.configure(l.Bandwidth)
		one.out.configure(l.Bandwidth)
	}
}

// Close ends every allocation and every connection, and waits until nothing reads or writes any more. Calls after
// the first wait likewise.
func (s *Server) Close() error { return s.ended() }

func (s *Server) close() error {
	s.mu.Lock()
	s.closed = true
	close(s.over)
	relays, streams := make([]*relay, 0, len(s.live)), make([]*stream, 0, len(s.streams))
	for _, r := range s.live {
		relays = append(relays, r)
	}
	for c := range s.streams {
		streams = append(streams, c)
	}
	s.mu.Unlock()
	err := s.pion.Close()
	for _, c := range streams { // first: a relay may be writing to one that doesn't read
		c.abort()
	}
	for _, r := range relays {
		r.Close()
	}
	s.work.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
