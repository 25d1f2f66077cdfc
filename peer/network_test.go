package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/transport/v5/vnet"
	"github.com/snug-chat/snug/signaling"
)

// freePort is one that was free a moment ago.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func TestPortIsFixed(t *testing.T) {
	port := freePort(t)
	ann, bob := openNetwork(t, &Options{Port: port}), openNetwork(t, nil)
	p := newRTCPair(t, ann, bob)
	p.mustOpen()
	for _, c := range p.ends[0].all() {
		if !strings.Contains(c.Candidate, fmt.Sprintf(" %d typ host", port)) {
			t.Errorf("%s isn't at port %d", c.Candidate, port)
		}
	}
}

func TestPortIsTaken(t *testing.T) {
	port := freePort(t)
	n := openNetwork(t, &Options{Port: port, TCPPort: port})
	for _, o := range []*Options{{Port: port}, {TCPPort: port}} {
		o := o.withDefaults()
		if second, err := newNetwork(o); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d can't be used", port)) {
			t.Errorf("got %v", err)
			second.close()
		}
	}
	n.close()
	openNetwork(t, &Options{Port: port, TCPPort: port}) // both are free again
}

// deafNet has UDP sockets that nothing leaves.
type deafNet struct{ transport.Net }

func (n deafNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	return deafConn{conn}, err
}

type deafConn struct{ transport.UDPConn }

func (deafConn) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

func systemNet(t testing.TB) transport.Net {
	t.Helper()
	n, err := stdnet.NewNet()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTCPWhereUDPIsBlocked(t *testing.T) {
	for _, listens := range []string{"the offerer", "the answerer"} {
		t.Run(listens+" listens", func(t *testing.T) {
			bot := &Options{Net: deafNet{systemNet(t)}, TCPPort: freePort(t)}
			networks := []*network{openNetwork(t, bot), openNetwork(t, &Options{Net: deafNet{systemNet(t)}})}
			if listens == "the answerer" {
				networks[0], networks[1] = networks[1], networks[0]
			}
			p := newRTCPair(t, networks[0], networks[1])
			p.mustOpen()
			p.exchange("over TCP")
			pair, err := p.ends[0].pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			if err != nil || pair.Local.Protocol.String() != "tcp" {
				t.Errorf("goes over %v, %v", pair, err)
			}
			p.negotiate(true)
			p.exchange("over TCP, after a restart")
		})
	}
}

func TestTCPOnlyWhereUDPIsBlocked(t *testing.T) {
	ann, bob := openNetwork(t, &Options{TCPPort: freePort(t)}), openNetwork(t, nil)
	p := newRTCPair(t, ann, bob)
	p.mustOpen()
	pair, err := p.ends[1].pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair.Local.Protocol.String() != "udp" {
		t.Errorf("goes over %v, %v", pair, err)
	}
}

func TestConnectionsOfStrangersAreBounded(t *testing.T) {
	port := freePort(t)
	inner, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	l := &boundedListener{Listener: &failingListener{Listener: inner}, slots: make(chan struct{}, 1), done: make(chan struct{})}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	tooMany := dial()
	tooMany.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := tooMany.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one too many isn't closed: %v", err)
	}
	first.Close()
	first.Close() // as Pion may
	dial()
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// failingListener runs out of descriptors at first.
type failingListener struct {
	net.Listener
	once sync.Once
}

func (l *failingListener) Accept() (net.Conn, error) {
	var err error
	l.once.Do(func() { err = errors.New("too many open files") })
	if err != nil {
		return nil, err
	}
	return l.Listener.Accept()
}

func TestFactsOfGathering(t *testing.T) {
	turn := []signaling.ICEServer{{URLs: []string{"turn:127.0.0.1:9?transport=tcp"}, Username: "u", Credential: "c"}}
	for _, c := range []struct {
		name    string
		options *Options
		servers []signaling.ICEServer
		want    facts
	}{
		{"no TURN", &Options{Net: oneAddress{systemNet(t)}}, nil, facts{candidates: 1}},
		{"no TURN, relays only", &Options{RelayOnly: true}, nil, facts{}},
		{"TURN out of reach", &Options{Net: oneAddress{systemNet(t)}}, turn, facts{candidates: 1, turn: true}},
		{"TURN out of reach, relays only", &Options{RelayOnly: true}, turn, facts{turn: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := openNetwork(t, c.options)
			n.use(c.servers)
			p := newRTCPair(t, n, openNetwork(t, nil))
			p.negotiate(false)
			if got := p.ends[0].facts(); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// oneAddress has loopback only.
type oneAddress struct{ transport.Net }

func (oneAddress) Interfaces() ([]*transport.Interface, error) {
	i := transport.NewInterface(net.Interface{Index: 1, Name: "lo", Flags: net.FlagUp | net.FlagLoopback})
	i.AddAddress(&net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)})
	return []*transport.Interface{i}, nil
}

func TestRelayOnlyTellsNoAddress(t *testing.T) {
	ann, bob := openNetwork(t, &Options{RelayOnly: true}), openNetwork(t, &Options{TCPPort: freePort(t)})
	p := newRTCPair(t, ann, bob)
	p.negotiate(false)
	if c := p.ends[0].all(); len(c) > 0 {
		t.Errorf("told of %v", c)
	}
	if p.opened(time.Second) {
		t.Error("connected without a relay")
	}
}

func TestNewServersServeTheNextRestart(t *testing.T) {
	n := openNetwork(t, &Options{Net: oneAddress{systemNet(t)}})
	p := newRTCPair(t, n, openNetwork(t, &Options{Net: oneAddress{systemNet(t)}}))
	p.mustOpen()
	if p.ends[0].facts().turn {
		t.Error("a TURN server before one was named")
	}
	n.use([]signaling.ICEServer{{URLs: []string{"turn:127.0.0.1:9?transport=tcp"}, Username: "u", Credential: "c"}})
	if err := p.ends[0].useServers(); err != nil {
		t.Fatal(err)
	}
	p.negotiate(true)
	if got, want := p.ends[0].facts(), (facts{candidates: 1, turn: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	p.exchange("after a restart")
}

// natLab is members behind a NAT each, and a STUN server outside. Who was sent to may answer, nobody else.
type natLab struct {
	t       *testing.T
	wan     *vnet.Router
	outside *vnet.Net
	members int
	server  netip.AddrPort
	asked   chan netip.AddrPort // by the STUN server
}

func newNATLab(t *testing.T) *natLab {
	t.Helper()
	l := &natLab{t: t, server: netip.MustParseAddrPort("203.0.113.1:3478"), asked: make(chan netip.AddrPort, 64)}
	var err error
	l.wan, err = vnet.NewRouter(&vnet.RouterConfig{CIDR: "203.0.113.0/24", MinDelay: 10 * time.Millisecond, LoggerFactory: pionLogs{slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	l.outside, err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{l.server.Addr().String()}})
	if err := errors.Join(err, l.wan.AddNet(l.outside)); err != nil {
		t.Fatal(err)
	}
	return l
}

// join is a member behind a NAT with this address.
func (l *natLab) join(nat string) *network {
	l.t.Helper()
	l.members++
	lan, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR:          "192.168.0.0/24",
		StaticIPs:     []string{nat},
		LoggerFactory: pionLogs{slog.New(slog.DiscardHandler)},
		NATType: &vnet.NATType{
			MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrPortDependent, MappingLifeTime: time.Minute,
		},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	nic, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{fmt.Sprintf("192.168.0.%d", 1+l.members)}})
	if err := errors.Join(err, lan.AddNet(nic), l.wan.AddRouter(lan)); err != nil {
		l.t.Fatal(err)
	}
	if l.members == 1 {
		err = l.wan.Start()
		l.t.Cleanup(func() { l.wan.Stop() })
		l.serve()
	} else {
		err = lan.Start()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	n := openNetwork(l.t, &Options{Net: nic})
	n.use([]signaling.ICEServer{{URLs: []string{"stun:" + l.server.String()}}})
	return n
}

// serve answers binding requests.
func (l *natLab) serve() {
	conn, err := l.outside.ListenPacket("udp4", l.server.String())
	if err != nil {
		l.t.Fatal(err)
	}
	var serving sync.WaitGroup
	l.t.Cleanup(serving.Wait)
	l.t.Cleanup(func() { conn.Close() })
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			m := &stun.Message{Raw: buf[:n]}
			if m.Decode() != nil {
				continue
			}
			seen := from.(*net.UDPAddr)
			l.asked <- seen.AddrPort()
			answer := stun.MustBuild(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: seen.IP, Port: seen.Port}, stun.Fingerprint)
			conn.WriteTo(answer.Raw, from)
		}
	})
}

func TestMembersMeetBehindNATs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newNATLab(t)
		ann, bob := l.join("203.0.113.10"), l.join("203.0.113.20")
		p := newRTCPair(t, ann, bob)
		p.mustOpen()
		p.exchange("through two NATs")
		for i, nat := range []string{"203.0.113.10", "203.0.113.20"} {
			// One socket serves for all: it has one address outside.
			if all := p.ends[i].all(); len(all) != 2 || !strings.Contains(all[0].Candidate+all[1].Candidate, nat) {
				t.Errorf("told of %v", all)
			}
			if s, ok := p.ends[i].stats(); !ok || s.leg != PathDirect || s.roundTrip < 20*time.Millisecond || s.sent == 0 || s.received == 0 {
				t.Errorf("got %+v, %v", s, ok)
			}
		}
		if n := len(l.asked); n != 2 {
			t.Errorf("the server was asked %d times, want 2", n)
		}
	})
}

func TestLinksOfAMomentAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newNATLab(t)
		ann, bob, eve := l.join("203.0.113.10"), l.join("203.0.113.20"), l.join("203.0.113.30")
		first := newRTCPair(t, ann, bob)
		first.mustOpen()
		newRTCPair(t, ann, eve).mustOpen()
		if n := len(l.asked); n != 3 {
			t.Errorf("two links of three members had the server asked %d times, want 3", n)
		}
		first.negotiate(true) // the network may be another one
		if n := len(l.asked); n != 5 {
			t.Errorf("and a restart %d times, want 5", n)
		}
		first.exchange("after a restart")
	})
}

func TestSilentServerDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newNATLab(t)
		ann, bob := l.join("203.0.113.10"), l.join("203.0.113.20")
		servers := []signaling.ICEServer{{URLs: []string{"stun:203.0.113.99:3478", "stun:" + l.server.String()}}}
		ann.use(servers)
		bob.use(servers)
		p := newRTCPair(t, ann, bob)
		var negotiating sync.WaitGroup
		defer negotiating.Wait()
		start := time.Now()
		negotiating.Go(func() { p.negotiate(false) }) // it ends when the silent one is given up
		if !p.opened(10 * time.Second) {
			t.Fatal("not open")
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("open after %v", d)
		}
	})
}

func TestUsableAddresses(t *testing.T) {
	iface := func(flags net.Flags, addresses ...string) *transport.Interface {
		i := transport.NewInterface(net.Interface{Flags: flags})
		for _, a := range addresses {
			ip, n, err := net.ParseCIDR(a)
			if err != nil {
				t.Fatal(err)
			}
			i.AddAddress(&net.IPNet{IP: ip, Mask: n.Mask})
		}
		return i
	}
	loopback := iface(net.FlagUp|net.FlagLoopback, "127.0.0.1/8", "::1/128", "10.9.9.9/32")
	for _, c := range []struct {
		name string
		all  fixedInterfaces
		want string
	}{
		{"nothing", nil, "[]"},
		{"loopback only", fixedInterfaces{loopback, iface(0, "192.168.1.2/24")}, "[127.0.0.1 ::1 10.9.9.9]"},
		{"both families", fixedInterfaces{loopback, iface(net.FlagUp, "192.168.1.2/24", "2001:db8::2/64", "fd00::2/64")}, "[192.168.1.2 2001:db8::2 fd00::2]"},
		{"IPv4 link-local", fixedInterfaces{loopback, iface(net.FlagUp, "169.254.1.2/16")}, "[169.254.1.2]"},
		{"what nobody reaches", fixedInterfaces{loopback, iface(net.FlagUp, "fe80::2/64", "fec0::2/64", "::/128")}, "[127.0.0.1 ::1 10.9.9.9]"},
		{"the same twice", fixedInterfaces{iface(net.FlagUp, "192.168.1.2/24"), iface(net.FlagUp, "192.168.1.2/32")}, "[192.168.1.2]"},
	} {
		if got := fmt.Sprint(usableAddresses(c.all)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	var many []string
	for i := range 2 * maxAddresses {
		many = append(many, fmt.Sprintf("10.0.0.%d/24", i+1))
	}
	if n := len(usableAddresses(fixedInterfaces{iface(net.FlagUp, many...)})); n != maxAddresses {
		t.Errorf("%d addresses", n)
	}
}

type fixedInterfaces []*transport.Interface

func (f fixedInterfaces) Interfaces() ([]*transport.Interface, error) { return f, nil }

// An ICE restart closes the candidates that are being written to: that must not end the transport.
func TestRestartsWhileMuchIsSent(t *testing.T) {
	p := newRTCPair(t, openNetwork(t, nil), openNetwork(t, nil))
	p.mustOpen()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var working sync.WaitGroup
	defer working.Wait()
	defer p.ends[1].close() // ends the reading
	defer cancel()
	working.Go(func() {
		for frame := make([]byte, 1000); ctx.Err() == nil; {
			if err := p.ends[0].write(ctx, dataReliable, frame); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	hundreds := make(chan struct{})
	working.Go(func() {
		buf := make([]byte, maxFrame)
		for n := 1; ; n++ {
			if _, err := p.ends[1].read(dataReliable, buf); err != nil {
				return
			}
			if n%100 == 0 {
				select {
				case hundreds <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for restart := range 10 {
		// More than was on its way before.
		for range 10 {
			select {
			case <-hundreds:
			case <-ctx.Done():
				t.Fatalf("nothing comes after %d restarts", restart)
			}
		}
		p.negotiate(true)
	}
}
