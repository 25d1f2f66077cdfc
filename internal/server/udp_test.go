package server

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// Whatever address of this machine a client asks at, it is answered from there.
func TestEachAddressAnswersForItself(t *testing.T) {
	conns, err := listenUDP("0.0.0.0:0", ips("127.0.0.1", "127.0.0.2", "fe80::1", "192.0.2.77"))
	if err != nil {
		t.Fatal(err)
	}
	if len(conns) != 2 { // not what this machine doesn't have
		t.Errorf("it listens at %d addresses", len(conns))
	}
	port := conns[0].LocalAddr().(*net.UDPAddr).Port
	for _, c := range conns {
		defer c.Close()
		go func() {
			b := make([]byte, 10)
			n, from, err := c.ReadFrom(b)
			if err == nil {
				c.WriteTo(b[:n], from)
			}
		}()
		at := c.LocalAddr().(*net.UDPAddr)
		if at.Port != port {
			t.Errorf("it listens at %s and at port %d", at, port)
		}
		client, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		client.WriteTo([]byte("hello"), at)
		client.SetReadDeadline(time.Now().Add(turnPatience))
		if _, from, err := client.ReadFrom(make([]byte, 10)); err != nil || from.String() != at.String() {
			t.Errorf("asked at %s, it answers from %v, %v", at, from, err)
		}
	}
	for _, at := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		one, err := listenUDP(at, ips("127.0.0.1"))
		if err != nil || len(one) != 1 {
			t.Fatalf("%s: %d, %v", at, len(one), err)
		}
		one[0].Close()
	}
}

func TestWhatTheHubsPortCovers(t *testing.T) {
	for _, c := range []struct {
		hub, turn string
		want      bool
	}{
		{"0.0.0.0:443", "192.0.2.1:443", true}, {"[::]:443", "0.0.0.0:443", true}, {"192.0.2.1:443", "192.0.2.1:443", true}, {"192.0.2.1:443", "0.0.0.0:443", true},
		{"192.0.2.1:443", "192.0.2.2:443", false}, {"0.0.0.0:443", "0.0.0.0:3478", false},
	} {
		hub, turn := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.hub)), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.turn))
		if covers(hub, turn) != c.want {
			t.Errorf("%+v", c)
		}
	}
}

// On the page's own port, STUN and TURN over UDP stand beside it, and TCP is the page's.
func TestTURNOverUDPOnThePagesPort(t *testing.T) {
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	t.Chdir(t.TempDir())
	c := configured(t, "turn: {mode: on, listen: '"+at+"'}")
	c.Listen = at
	s := listen(t, c, Options{})
	run(t, s)
	l := &lab{t: t, Server: s}
	told := turnOf(t, l.join("http"))
	if len(told.URLs) != 2 || told.URLs[0] != "turn:"+at+"?transport=udp" || told.URLs[1] != "turn:"+at+"?transport=tcp" {
		t.Errorf("the URLs are %v", told.URLs)
	}
	for _, url := range told.URLs {
		relayed(t, url, told)
	}
}
