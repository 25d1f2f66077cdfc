package turn

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// Whoever isn't known is answered so often and no more, with little; whoever has an allocation isn't bounded.
func TestUnknownAddressesAreAnsweredRarely(t *testing.T) {
	const burst = 20
	l := newLab(t, Options{Limits: Limits{Requests: 0.001, RequestBurst: burst}})
	known := l.raw("udp", l.Admit("lobby", "ann"))
	known.mustAllocate() // takes two
	stranger := l.raw("udp", Credential{})
	asked, answered := 0, 0
	for range 2 * burst {
		m := message(t)
		asked += len(m)
		if _, err := stranger.conn.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	within(t, "the rest is refused", func() bool { return l.refused(RefusedRequests) == burst+2 })
	bytes := 0
	for answered < burst-2 {
		select {
		case a := <-stranger.answers:
			answered++
			bytes += len(a.Raw)
			var seen stun.XORMappedAddress
			if err := seen.GetFrom(a); err != nil || seen.String() != stranger.conn.LocalAddr().String() {
				t.Fatalf("it is seen at %v, %v", seen, err)
			}
		case <-time.After(patience):
			t.Fatalf("%d answers", answered)
		}
	}
	select {
	case <-stranger.answers:
		t.Error("it is answered more often")
	case <-time.After(quiet):
	}
	if bytes > 2*answered*20 || asked != 2*burst*20 { // of a shortest question, per answer: twice at most
		t.Errorf("%d bytes in %d answers", bytes, answered)
	}
	for range 2 * burst {
		if code := code(known.ask(stun.MethodRefresh, patience)); code != 0 {
			t.Fatalf("a refresh: %d", code)
		}
	}
}

// What isn't a request isn't answered, and costs whoever is unknown nothing.
func TestNoiseIsNotAnswered(t *testing.T) {
	l := newLab(t, Options{})
	stranger := l.raw("udp", Credential{})
	indication, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := stun.Build(stun.TransactionID, stun.BindingSuccess)
	if err != nil {
		t.Fatal(err)
	}
	for _, noise := range [][]byte{{}, {0}, []byte("hello"), channelData("hello"), make([]byte, 1500), indication.Raw, answer.Raw, message(t)[:19]} {
		stranger.conn.Write(noise)
	}
	if code := code(stranger.ask(stun.MethodBinding, patience)); code != 0 {
		t.Errorf("the server answers %d", code)
	}
	if n := len(stranger.answers); n > 0 {
		t.Errorf("%d answers to noise", n)
	}
}

func TestRequestsAreCountedByNetwork(t *testing.T) {
	var r requests
	r.configure(1, 2)
	now := time.Now()
	take := func(ip string, want bool) {
		t.Helper()
		if got := r.take(netip.MustParseAddr(ip), now); got != want {
			t.Errorf("%s: %v", ip, got)
		}
	}
	take("192.0.2.1", true)
	take("::ffff:192.0.2.1", true)
	take("192.0.2.1", false)
	take("192.0.2.2", true)
	take("2001:db8::1", true)
	take("2001:db8::2", true)
	take("2001:db8::3", false) // the same /64
	take("2001:db8:0:1::1", true)
	now = now.Add(time.Second)
	take("192.0.2.1", true)
	take("192.0.2.1", false)
	// However many addresses there are, few are remembered.
	for i := range 5 * maxRemembered {
		r.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if n := len(r.newer) + len(r.older); n > 2*maxRemembered {
		t.Errorf("%d are remembered", n)
	}
}

// A server goes on accepting after what passes, such as too many open files.
func TestAcceptSurvivesFaults(t *testing.T) {
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, Options{Listeners: []net.Listener{&faulty{Listener: inner, faults: 3}}})
	l.tcp = inner.Addr()
	l.raw("tcp", l.Admit("lobby", "ann")).mustAllocate()
}

type faulty struct {
	net.Listener
	faults int
}

func (f *faulty) Accept() (net.Conn, error) {
	if f.faults > 0 {
		f.faults--
		return nil, &net.OpError{Op: "accept", Err: net.UnknownNetworkError("too many open files")}
	}
	return f.Listener.Accept()
}
