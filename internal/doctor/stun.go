package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/pion/stun/v4"
)

const (
	firstAgain = 250 * time.Millisecond // a question is repeated; the wait doubles
	stunWait   = 5 * time.Second        // for the answer of a STUN server
	refuseWait = time.Second            // for an ICMP message that says that nobody is there
)

// prober is one UDP socket that asks STUN servers, and sends to others. Only one goroutine reads it.
type prober struct {
	*net.UDPConn

	mu        sync.Mutex
	waiting   map[[stun.TransactionIDSize]byte]chan *stun.Message
	forbidden bool // this machine lets nothing out
	done      chan struct{}
}

func newProber() (*prober, error) {
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	p := &prober{UDPConn: conn, waiting: make(map[[stun.TransactionIDSize]byte]chan *stun.Message), done: make(chan struct{})}
	go p.read()
	return p, nil
}

// close ends it, and waits for that.
func (p *prober) close() {
	p.Close()
	<-p.done
}

func (p *prober) read() {
	defer close(p.done)
	buffer := make([]byte, 2048)
	for {
		n, _, err := p.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !stun.IsMessage(buffer[:n]) {
			continue
		}
		m := &stun.Message{Raw: append([]byte(nil), buffer[:n]...)}
		if m.Decode() != nil {
			continue
		}
		p.mu.Lock()
		if c := p.waiting[m.TransactionID]; c != nil {
			delete(p.waiting, m.TransactionID)
			c <- m // which has room
		}
		p.mu.Unlock()
	}
}

// send sends, and remembers if this machine's firewall doesn't let it.
func (p *prober) send(b []byte, to netip.AddrPort) {
	if _, err := p.WriteToUDPAddrPort(b, to); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		p.mu.Lock()
		p.forbidden = true
		p.mu.Unlock()
	}
}

func (p *prober) isForbidden() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.forbidden
}

// ask asks a server by which address it sees this socket (RFC 8489, section 3), until it answers or ctx ends.
func (p *prober) ask(ctx context.Context, to netip.AddrPort) (*stun.Message, bool) {
	question := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	answer := make(chan *stun.Message, 1)
	p.mu.Lock()
	p.waiting[question.TransactionID] = answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, question.TransactionID)
		p.mu.Unlock()
	}()
	for wait := firstAgain; ; wait *= 2 {
		p.send(question.Raw, to)
		select {
		case m := <-answer:
			return m, m.Type.Class == stun.ClassSuccessResponse
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, false
		}
	}
}

// mapped is the address that an answer names.
func mapped(m *stun.Message) (netip.AddrPort, bool) {
	var a stun.XORMappedAddress
	if a.GetFrom(m) != nil {
		return netip.AddrPort{}, false
	}
	ip, ok := netip.AddrFromSlice(a.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port)), ok
}

// other is another address of the same server, if it has one (RFC 5780, section 7.4).
func other(m *stun.Message) (netip.AddrPort, bool) {
	var a stun.OtherAddress
	if a.GetFrom(m) != nil {
		return netip.AddrPort{}, false
	}
	ip, ok := netip.AddrFromSlice(a.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port)), ok && ip.IsValid() && !ip.IsUnspecified() && a.Port != 0
}

// refused tells whether somebody says that nothing listens at a UDP port: the machine itself, or a firewall that rejects.
func refused(ctx context.Context, to string) bool {
	ctx, cancel := context.WithTimeout(ctx, refuseWait)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", to)
	if err != nil {
		return false
	}
	defer conn.Close()
	until, _ := ctx.Deadline()
	_ = conn.SetDeadline(until)
	question := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	for range 2 {
		_, err = conn.Write(question.Raw)
		if err == nil {
			_, err = conn.Read(make([]byte, 1500))
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return true
		}
	}
	return false
}

// unlessRefused is ctx, until somebody says that nothing listens at a UDP port; closed waits for that, and tells.
func unlessRefused(ctx context.Context, to netip.AddrPort) (until context.Context, closed func() bool) {
	until, stop := context.WithCancel(ctx)
	answer := make(chan bool, 1)
	go func() {
		nobody := refused(ctx, to.String())
		if nobody {
			stop()
		}
		answer <- nobody
	}()
	return until, func() bool {
		nobody := <-answer
		stop()
		return nobody
	}
}

// resolve is the address of a server, of IPv4 if it has one, since relays mostly do.
func resolve(ctx context.Context, host, port string) (netip.AddrPort, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(n)), nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, ip := range found {
		if ip.Unmap().Is4() {
			return netip.AddrPortFrom(ip.Unmap(), uint16(n)), nil
		}
	}
	return netip.AddrPortFrom(found[0], uint16(n)), nil
}
