package peer

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/snug-chat/snug/signaling"
)

// newTURNServer relays on loopback, over UDP and TCP at the same port.
func newTURNServer(t *testing.T) (port int) {
	t.Helper()
	generator := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	anybody := turn.PermissionHandler(func(net.Addr, net.IP) bool { return true })
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "test",
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, "test", "secret"), a.Username == "member"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: generator, PermissionHandler: anybody}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: generator, PermissionHandler: anybody}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return port
}

func relayed(t *testing.T, port int, transport, secret string) *network {
	t.Helper()
	n := openNetwork(t, &Options{Net: oneAddress{systemNet(t)}, RelayOnly: true})
	n.use([]signaling.ICEServer{{
		URLs:       []string{fmt.Sprintf("turn:127.0.0.1:%d?transport=%s", port, transport)},
		Username:   "member",
		Credential: secret,
	}})
	return n
}

func TestRelayIsTheLeg(t *testing.T) {
	port := newTURNServer(t)
	for transport, want := range map[string]Path{"udp": PathRelayUDP, "tcp": PathRelayTCP} {
		t.Run(transport, func(t *testing.T) {
			direct := openNetwork(t, &Options{Net: oneAddress{systemNet(t)}})
			p := newRTCPair(t, relayed(t, port, transport, "secret"), direct)
			p.mustOpen()
			p.exchange("through a relay")
			if f := p.ends[0].facts(); f.relays != 1 || !f.turn {
				t.Errorf("facts: %+v", f)
			}
			legs := [2]Path{}
			for i, e := range p.ends {
				s, ok := e.stats()
				if !ok || s.sent == 0 || s.received == 0 || s.roundTrip <= 0 || s.roundTrip > 10*time.Second {
					t.Errorf("stats: %+v, %v", s, ok)
				}
				legs[i] = s.leg
			}
			if legs != [2]Path{want, PathRelayUDP} {
				t.Errorf("legs: %v, want %v and relay-udp", legs, want)
			}
		})
	}
}

func TestRelayRefuses(t *testing.T) {
	n := relayed(t, newTURNServer(t), "udp", "wrong")
	p := newRTCPair(t, n, openNetwork(t, nil))
	p.negotiate(false)
	if got, want := p.ends[0].facts(), (facts{turn: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Bytes count on over a restart, which is a new pair of candidates.
func TestBytesCountOverARestart(t *testing.T) {
	n := func() *network { return openNetwork(t, &Options{Net: oneAddress{systemNet(t)}}) }
	p := newRTCPair(t, n(), n())
	if s, ok := p.ends[0].stats(); ok {
		t.Errorf("stats before there is a path: %+v", s)
	}
	p.mustOpen()
	p.exchange("before")
	before, ok := p.ends[0].stats()
	if !ok {
		t.Fatal("no stats")
	}
	p.negotiate(true)
	p.exchange("after")
	// What was sent is counted only once the socket took it, which may be after its arrival.
	for patience := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		after, ok := p.ends[0].stats()
		if ok && after.sent > before.sent && after.received > before.received {
			return
		}
		if time.Now().After(patience) {
			t.Fatalf("after: %+v, %v; before: %+v", after, ok, before)
		}
	}
}

func BenchmarkStats(b *testing.B) {
	nic := func() *Options { return &Options{Net: oneAddress{systemNet(b)}} }
	p := newRTCPair(b, openNetwork(b, nic()), openNetwork(b, nic()))
	p.mustOpen()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.ends[0].stats(); !ok {
			b.Fatal("no stats")
		}
	}
}

func BenchmarkUsableAddresses(b *testing.B) {
	n := openNetwork(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		usableAddresses(n.interfaces)
	}
}

func BenchmarkInterfacesOfTheSystem(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		usableAddresses(freshNet{})
	}
}
