package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

const (
	relayedSize = 1200 // bytes: what WebRTC sends at once
	sendAgain   = 200 * time.Millisecond
	sendWait    = 4 * time.Second // for a datagram that is repeated
)

// relayed is what became of a try to relay.
type relayed struct {
	kind string
	with values
}

// allocation is one of a TURN server.
type allocation struct {
	net.PacketConn // the relay

	client *turn.Client
	socket net.PacketConn // to the server
	done   chan struct{}
}

// allocate asks a server for a relay. ctx bounds everything about it: with its end the socket is closed.
func (e *examination) allocate(ctx context.Context, s server) (*allocation, error) {
	to, err := resolve(ctx, s.host, s.port)
	if err != nil {
		return nil, err
	}
	socket, err := e.connect(ctx, s, to)
	if err != nil {
		return nil, err
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: to.String(), Conn: socket, Username: s.username, Password: s.credential, RequestedAddressFamily: familyOf(to.Addr()),
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		socket.Close()
		return nil, err
	}
	a := &allocation{client: client, socket: socket, done: make(chan struct{})}
	go a.read(ctx)
	if a.PacketConn, err = client.AllocateWithContext(ctx); err != nil {
		a.PacketConn = nil
		a.end()
		return nil, err
	}
	return a, nil
}

func familyOf(ip netip.Addr) turn.RequestedAddressFamily {
	if ip.Is4() {
		return turn.RequestedAddressFamilyIPv4
	}
	return turn.RequestedAddressFamilyIPv6
}

// read hands what comes to the client until the socket is closed.
func (a *allocation) read(ctx context.Context) {
	defer close(a.done)
	stop := context.AfterFunc(ctx, func() {
		a.client.Close()
		a.socket.Close()
	})
	defer stop()
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := a.socket.ReadFrom(buffer)
		if err != nil {
			a.client.Close() // whoever waits for an answer gets an error
			return
		}
		_, _ = a.client.HandleInbound(buffer[:n], from) // what can't be read is no answer
	}
}

// end gives the relay back, and waits until nothing reads any more.
func (a *allocation) end() {
	if a.PacketConn != nil {
		a.Close()
	}
	a.client.Close()
	a.socket.Close()
	<-a.done
}

// connect opens what a server is spoken to over.
func (e *examination) connect(ctx context.Context, s server, to netip.AddrPort) (net.PacketConn, error) {
	if s.way == overUDP {
		return net.ListenUDP("udp"+map[bool]string{true: "4", false: "6"}[to.Addr().Is4()], nil)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil || s.way == overTCP {
		return streamed(conn, err)
	}
	secure := e.TLS.Clone()
	secure.ServerName = s.host
	over := tls.Client(conn, secure)
	if err := over.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &tlsError{err}
	}
	return streamed(over, nil)
}

func streamed(conn net.Conn, err error) (net.PacketConn, error) {
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(conn), nil
}

// tlsError is a failed handshake.
type tlsError struct{ error }

func (e *tlsError) Unwrap() error { return e.error }

// relay sends bytes from one relay of a server to another, and back.
func (e *examination) relay(ctx context.Context, s server) relayed {
	with := values{"server": s.address(), "host": s.host, "port": s.port, "bytes": strconv.Itoa(relayedSize), "protocol": "TCP", "rule": "tcp"}
	asking, closed := ctx, func() bool { return false }
	if s.way == overUDP {
		with["protocol"], with["rule"] = "UDP", "udp"
		if to, err := resolve(ctx, s.host, s.port); err == nil {
			asking, closed = unlessRefused(ctx, to)
		}
	}
	start := time.Now()
	a, b, err := e.two(asking, s)
	if err != nil {
		if closed() {
			return relayed{"closed", with}
		}
		return relayed{whyNot(err), with.and("error", turnCause(err))}
	}
	var ending sync.WaitGroup
	defer func() {
		ending.Wait() // first: closed ends the connections over which relays are given back
		closed()
	}()
	defer ending.Go(a.end)
	defer ending.Go(b.end)
	with["relay"] = hostOf(b.LocalAddr())
	if err := errors.Join(permit(a, b.LocalAddr()), permit(b, a.LocalAddr())); err != nil {
		if code(err) == stun.CodeForbidden {
			return relayed{"forbidden", with}
		}
		return relayed{whyNot(err), with.and("error", turnCause(err))}
	}
	if !pass(ctx, a, b) || !pass(ctx, b, a) {
		return relayed{"lost", with}
	}
	return relayed{"ok", with.and("ms", milliseconds(time.Since(start)))}
}

// two allocates twice, over connections of their own.
func (e *examination) two(ctx context.Context, s server) (a, b *allocation, err error) {
	a, err = e.allocate(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	b, err = e.allocate(ctx, s)
	if err != nil {
		a.end()
		return nil, nil, err
	}
	return a, b, nil
}

// permit has a relay take what comes from an address; a second time if only the nonce was too old.
func permit(a *allocation, from net.Addr) error {
	err := a.client.CreatePermission(from)
	if err != nil && strings.Contains(err.Error(), "try again") {
		err = a.client.CreatePermission(from)
	}
	return err
}

// pass sends a datagram from one relay to another until it has arrived.
func pass(ctx context.Context, from, to net.PacketConn) bool {
	relay, ok := to.LocalAddr().(*net.UDPAddr)
	if !ok {
		return false
	}
	_, arrived := send(ctx, func(b []byte) { _, _ = from.WriteTo(b, relay) }, to)
	return arrived
}

// send has a datagram sent again and again until it arrives, and tells where it came from.
func send(ctx context.Context, write func([]byte), to net.PacketConn) (from net.Addr, arrived bool) {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	data := make([]byte, relayedSize)
	rand.Read(data)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer cancel()
	writing.Go(func() {
		tick := time.NewTicker(sendAgain)
		defer tick.Stop()
		for {
			write(data)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	until, _ := ctx.Deadline()
	if to.SetReadDeadline(until) != nil {
		return nil, false
	}
	buffer := make([]byte, 2*relayedSize)
	for {
		n, from, err := to.ReadFrom(buffer)
		if err != nil {
			return nil, false
		}
		if bytes.Equal(buffer[:n], data) {
			return from, true
		}
	}
}

// code is what a TURN server answered; 0 if it didn't.
func code(err error) stun.ErrorCode {
	var answer *stun.TurnError
	if errors.As(err, &answer) {
		return answer.ErrorCodeAttr.Code
	}
	return 0
}

// whyNot is the case that an error of a TURN server is.
func whyNot(err error) string {
	var lookup *net.DNSError
	var secure *tlsError
	var bad *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &lookup):
		return "name"
	case errors.As(err, &bad), errors.As(err, &unknown):
		return "certificate"
	case isTimeout(err), errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.EHOSTUNREACH):
		return "silent"
	case errors.As(err, &secure):
		return "tls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "closed"
	case errors.Is(err, stun.ErrAttributeNotFound): // it asks for no password
		return "refused"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "blocked"
	}
	switch code(err) {
	case 0:
		return "silent" // all that the client says then is that its questions weren't answered
	case stun.CodeUnauthorized, stun.CodeWrongCredentials:
		return "credentials"
	case stun.CodeAllocQuotaReached, stun.CodeInsufficientCapacity:
		return "quota"
	}
	return "refused"
}

func turnCause(err error) string {
	var answer *stun.TurnError
	if errors.As(err, &answer) {
		return strconv.Itoa(int(answer.ErrorCodeAttr.Code)) + " " + string(answer.ErrorCodeAttr.Reason)
	}
	return cause(err)
}

func hostOf(a net.Addr) string {
	if udp, ok := a.(*net.UDPAddr); ok {
		return udp.AddrPort().Addr().Unmap().String()
	}
	return a.String()
}
