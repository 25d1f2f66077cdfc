package turn

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// patience is how long a test waits for what has to happen, and quiet for what mustn't.
const (
	patience = 20 * time.Second
	quiet    = 150 * time.Millisecond
)

var loopback4, loopback6 = netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")

// lab is a server on loopback, over UDP and TCP.
type lab struct {
	*Server
	t        *testing.T
	udp, tcp net.Addr
}

func newLab(t *testing.T, o Options) *lab {
	t.Helper()
	before := runtime.NumGoroutine()
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.PacketConns, o.Listeners = append(o.PacketConns, u), append(o.Listeners, l)
	if o.Relays == nil {
		o.Relays = []Relay{{loopback4, loopback4}}
		if hasIPv6() {
			o.Relays = append(o.Relays, Relay{loopback6, loopback6})
		}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := s.Stats().Allocations; n != 0 {
			t.Errorf("%d allocations are left", n)
		}
		within(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	})
	return &lab{s, t, u.LocalAddr(), l.Addr()}
}

func hasIPv6() bool {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func within(t *testing.T, what string, happens func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happens(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it doesn't happen that %s", what)
		}
	}
}

// raw is a client that says what a test wants it to.
type raw struct {
	t    *testing.T
	conn net.Conn
	Credential
	realm, nonce string
	data         chan []byte // of Data indications and ChannelData
	answers      chan *stun.Message
}

// raw connects over udp or tcp.
func (l *lab) raw(network string, c Credential) *raw {
	l.t.Helper()
	to := l.udp
	if network == "tcp" {
		to = l.tcp
	}
	conn, err := net.Dial(network, to.String())
	if err != nil {
		l.t.Fatal(err)
	}
	return rawOn(l.t, conn, c)
}

func rawOn(t *testing.T, conn net.Conn, c Credential) *raw {
	r := &raw{t: t, conn: conn, Credential: c, data: make(chan []byte, 1000), answers: make(chan *stun.Message, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.receive()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return r
}

func (r *raw) receive() {
	var in net.PacketConn = turn.NewSTUNConn(r.conn)
	if r.conn.LocalAddr().Network() == "udp" {
		in = packets{r.conn}
	}
	b := make([]byte, 4096)
	for {
		n, _, err := in.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) || err != nil && r.conn.LocalAddr().Network() != "udp" {
			return
		}
		m := &stun.Message{Raw: append([]byte(nil), b[:n]...)}
		switch {
		case err != nil: // refused by the other side's machine
		case n > 4 && b[0]>>6 == 1:
			r.data <- append([]byte(nil), b[4:4+binary.BigEndian.Uint16(b[2:])]...)
		case m.Decode() != nil:
			r.t.Errorf("it isn't STUN: %x", b[:n])
		case m.Type == stun.NewType(stun.MethodData, stun.ClassIndication):
			data, _ := m.Get(stun.AttrData)
			r.data <- data
		default:
			r.answers <- m
		}
	}
}

// packets is a connected UDP socket as a net.PacketConn.
type packets struct{ net.Conn }

func (p packets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.RemoteAddr(), err
}

func (p packets) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }

// ask sends a request and returns the answer; nil if there is none.
func (r *raw) ask(method stun.Method, wait time.Duration, with ...stun.Setter) *stun.Message {
	r.t.Helper()
	setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, with...)
	if r.nonce != "" {
		setters = append(setters, stun.NewUsername(r.Username), stun.NewRealm(r.realm), stun.NewNonce(r.nonce),
			stun.NewLongTermIntegrity(r.Username, r.realm, r.Password))
	}
	m, err := stun.Build(setters...)
	if err != nil {
		r.t.Fatal(err)
	}
	end := time.NewTimer(wait)
	defer end.Stop()
	if _, err := r.conn.Write(m.Raw); err != nil {
		return nil
	}
	for {
		select {
		case a := <-r.answers:
			if a.TransactionID == m.TransactionID {
				return a
			}
		case <-end.C:
			return nil
		}
	}
}

// request asks, with a nonce of the server.
func (r *raw) request(method stun.Method, with ...stun.Setter) *stun.Message {
	r.t.Helper()
	if r.nonce == "" {
		a := r.ask(method, patience, with...)
		if a == nil {
			r.t.Fatal("it doesn't answer")
		}
		var realm stun.Realm
		var nonce stun.Nonce
		if errors.Join(realm.GetFrom(a), nonce.GetFrom(a)) != nil {
			r.t.Fatalf("it asks for no credential: %v", a)
		}
		r.realm, r.nonce = realm.String(), nonce.String()
	}
	return r.ask(method, patience, with...)
}

// code is that of an answer: 0 for success, -1 for none.
func code(m *stun.Message) int {
	if m == nil {
		return -1
	}
	var e stun.ErrorCodeAttribute
	if e.GetFrom(m) != nil {
		return 0
	}
	return int(e.Code)
}

var (
	overUDP = stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	overTCP = stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{6, 0, 0, 0}}
	ofIPv6  = stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{2, 0, 0, 0}}
)

// allocate is the relay's address, and the answer's code.
func (r *raw) allocate(with ...stun.Setter) (netip.AddrPort, int) {
	r.t.Helper()
	a := r.request(stun.MethodAllocate, append([]stun.Setter{overUDP}, with...)...)
	var relayed stun.XORMappedAddress
	if a == nil || relayed.GetFromAs(a, stun.AttrXORRelayedAddress) != nil {
		return netip.AddrPort{}, code(a)
	}
	ip, _ := netip.AddrFromSlice(relayed.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(relayed.Port)), 0
}

// mustAllocate is allocate where nothing may go wrong.
func (r *raw) mustAllocate(with ...stun.Setter) netip.AddrPort {
	r.t.Helper()
	at, code := r.allocate(with...)
	if code != 0 {
		r.t.Fatalf("no allocation: %d", code)
	}
	return at
}

// peer is XOR-PEER-ADDRESS, of the family that the address says it is: an IPv4 address in an IPv6 one stays there.
type peer netip.AddrPort

func (p peer) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	ip := a.Addr().AsSlice()
	value := make([]byte, 4+len(ip))
	value[1] = 1
	if len(ip) == 16 {
		value[1] = 2
	}
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	binary.BigEndian.PutUint16(value[2:], a.Port()^0x2112)
	for i, b := range ip {
		value[4+i] = b ^ mask[i]
	}
	m.Add(stun.AttrXORPeerAddress, value)
	return nil
}

func (r *raw) permit(p netip.AddrPort) int {
	r.t.Helper()
	return code(r.request(stun.MethodCreatePermission, peer(p)))
}

func (r *raw) bind(channel uint16, p netip.AddrPort) int {
	r.t.Helper()
	number := binary.BigEndian.AppendUint16(nil, channel)
	return code(r.request(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: append(number, 0, 0)}, peer(p)))
}

// send sends an indication.
func (r *raw) send(p netip.AddrPort, text string) {
	r.t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peer(p), stun.RawAttribute{Type: stun.AttrData, Value: []byte(text)})
	if err == nil {
		_, err = r.conn.Write(m.Raw)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// sendOn sends ChannelData.
func (r *raw) sendOn(channel uint16, text string) {
	r.t.Helper()
	b := binary.BigEndian.AppendUint16(nil, channel)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) receives(text string) {
	r.t.Helper()
	select {
	case b := <-r.data:
		if string(b) != text {
			r.t.Fatalf("it receives %q, not %q", b, text)
		}
	case <-time.After(patience):
		r.t.Fatalf("it doesn't receive %q", text)
	}
}

func (r *raw) receivesNothing() {
	r.t.Helper()
	select {
	case b := <-r.data:
		r.t.Errorf("it receives %q", b)
	case <-time.After(quiet):
	}
}

// refused is how often the server has refused something for a reason.
func (l *lab) refused(reason string) uint64 { return l.Stats().Refused[reason] }

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("there is no /proc:", strings.TrimSpace(err.Error()))
	}
	return len(all)
}
