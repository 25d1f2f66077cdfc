package turn

import (
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

// special are addresses that nobody may be relayed to, each in the notations that a client can put it in.
var special = []struct{ what, address string }{
	{"loopback", "127.0.0.1"}, {"loopback", "127.255.255.254"}, {"loopback, mapped", "::ffff:127.0.0.1"}, {"loopback", "::1"}, {"loopback, by NAT64", "64:ff9b::7f00:1"},
	{"loopback, by 6to4", "2002:7f00:1::"}, {"loopback, by 6to4 with a host", "2002:7f00:1:1::1"}, {"loopback, by ISATAP", "2a00::5efe:7f00:1"}, {"loopback, by global ISATAP", "2a00::200:5efe:127.0.0.1"},
	{"loopback, compatible", "::127.0.0.1"}, {"loopback, translated", "::ffff:0:127.0.0.1"}, {"loopback, by a local NAT64", "64:ff9b:1::127.0.0.1"},
	{"loopback, by Teredo", "2001:0:7f00:1::80ff:fffe"},
	{"nothing", "0.0.0.0"}, {"this network", "0.1.2.3"}, {"nothing", "::"}, {"nothing, mapped", "::ffff:0.0.0.0"},
	{"metadata", "169.254.169.254"}, {"metadata, mapped", "::ffff:a9fe:a9fe"}, {"metadata, by NAT64", "64:ff9b::a9fe:a9fe"}, {"metadata, by 6to4", "2002:a9fe:a9fe::1"},
	{"metadata, of AWS", "fd00:ec2::254"}, {"metadata, of Google", "fd20:ce::254"}, {"metadata, of Alibaba", "100.100.100.200"}, {"metadata, of Oracle", "192.0.0.192"}, {"Azure's host", "168.63.129.16"},
	{"link-local", "169.254.0.1"}, {"link-local", "fe80::1"}, {"site-local", "fec0::1"},
	{"multicast", "224.0.0.1"}, {"multicast", "239.255.255.250"}, {"multicast", "ff02::1"}, {"multicast", "ff0e::1"}, {"multicast, by NAT64", "64:ff9b::e000:1"},
	{"broadcast", "255.255.255.255"}, {"reserved", "240.0.0.1"}, {"broadcast, mapped", "::ffff:255.255.255.255"},
	{"private", "10.0.0.1"}, {"private", "172.16.0.1"}, {"private", "172.31.255.255"}, {"private", "192.168.1.1"}, {"private, mapped", "::ffff:10.0.0.1"}, {"private, by NAT64", "64:ff9b::a00:1"},
	{"private, by 6to4", "2002:a00:1::1"}, {"private, by ISATAP", "2a00::5efe:10.0.0.1"}, {"private", "fc00::1"}, {"private", "fd12:3456::1"},
	{"behind a provider's NAT", "100.64.0.1"}, {"behind a provider's NAT", "100.127.255.255"},
	{"an example", "192.0.2.1"}, {"an example", "198.51.100.1"}, {"an example", "203.0.113.1"}, {"an example", "2001:db8::1"}, {"an example", "3fff::1"},
	{"a benchmark", "198.18.0.1"}, {"a benchmark", "198.19.255.255"}, {"a benchmark", "2001:2::1"},
	{"a protocol's", "192.0.0.1"}, {"an old 6to4 relay", "192.88.99.1"}, {"a protocol's", "2001::1"}, {"an identifier", "2001:20::1"},
	{"discarded", "100::1"}, {"segment routing", "5f00::1"}, {"not given out", "4000::1"}, {"not given out", "8000::1"},
}

// Whatever a client asks for, and in whatever notation, it gets no permission, no channel and no connection; and without asking, nothing is sent.
func TestSpecialAddressesAreRefused(t *testing.T) {
	l := newLab(t, Options{Relays: []Relay{{addr("198.51.100.7"), loopback4}, {addr("2001:db8::7"), loopback6}}})
	clients := map[string]*raw{}
	for _, network := range []string{"udp", "tcp"} {
		four := l.raw(network, l.Admit("lobby", "ann"))
		four.mustAllocate()
		clients["IPv4, by "+network] = four
		if hasIPv6() {
			six := l.raw(network, l.Admit("lobby", "bob"))
			six.mustAllocate(ofIPv6)
			clients["IPv6, by "+network] = six
		}
	}
	for _, s := range special {
		at := netip.AddrPortFrom(addr(s.address), 50000)
		for family, client := range clients {
			if code := client.permit(at); code != 403 && code != 443 {
				t.Errorf("%s (%s), a permission on %s: %d", s.address, s.what, family, code)
			}
			if code := client.bind(0x4001, at); code != 401 && code != 443 {
				t.Errorf("%s (%s), a channel on %s: %d", s.address, s.what, family, code)
			}
			if code := code(client.request(stun.MethodConnect, peer(at))); code != 403 && code != 443 {
				t.Errorf("%s (%s), a connection on %s: %d", s.address, s.what, family, code)
			}
			client.send(at, "hello")
			client.sendOn(0x4001, "hello")
		}
		// And if it had a permission, nothing would be sent, nor come in.
		if to, ok := l.route(at); ok {
			t.Errorf("%s (%s): sent to %s", s.address, s.what, to)
		}
		if from, ok := l.origin(at); ok {
			t.Errorf("%s (%s): received from %s", s.address, s.what, from)
		}
	}
	if got := clients["IPv4, by udp"].permit(netip.MustParseAddrPort("9.9.9.9:80")); got != 0 {
		t.Errorf("a public address: %d", got)
	}
	if s := l.Stats(); s.BytesSent != 0 || s.Refused[RefusedAddress] == 0 {
		t.Errorf("%+v", s)
	}
}

func TestPublicAddressesAreReached(t *testing.T) {
	l := newLab(t, Options{})
	for _, text := range []string{"1.1.1.1", "9.9.9.9", "172.32.0.1", "100.128.0.1", "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2606:4700::1111", "2a00::1", "2001:4860::8888"} {
		if to, ok := l.route(netip.AddrPortFrom(addr(text), 443)); !ok || to.Port() != 443 {
			t.Errorf("%s isn't reached", text)
		}
		for port, want := range map[uint16]bool{0: false, 53: false, 123: false, 1023: false, 1024: true, 65535: true} {
			at := netip.AddrPortFrom(addr(text), port)
			if _, ok := l.route(at); ok != want {
				t.Errorf("%s is reached: %v", at, ok)
			}
			if _, ok := l.origin(at); ok != want {
				t.Errorf("%s reaches: %v", at, ok)
			}
		}
	}
	if _, ok := l.route(netip.MustParseAddrPort("[2a00::1%eth0]:443")); ok {
		t.Error("an address with a zone is reached")
	}
}

// Private networks are reached if the operator names them, and of these, nothing that is special in itself.
func TestNamedNetworksAreReached(t *testing.T) {
	allow := prefixes("10.0.0.0/8", "100.64.0.0/10", "fc00::/7", "203.0.113.0/24")
	l := newLab(t, Options{Own: []netip.Addr{addr("10.9.9.9")}, Limits: Limits{Allow: allow}})
	for text, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "64:ff9b::a01:203": true, "2002:a01:203::1": true, "100.64.0.1": true, "fd12::1": true, "203.0.113.9": true,
		"192.168.1.1": false, "172.16.0.1": false, "198.51.100.1": false, "100.100.100.200": false, "fd00:ec2::254": false, "127.0.0.1": false, "fe80::1": false,
		"10.9.9.9": false, "2002:a09:909::1": false, "64:ff9b::a09:909": false,
	} {
		if _, ok := l.route(netip.AddrPortFrom(addr(text), 443)); ok != want {
			t.Errorf("%s: %v", text, ok)
		}
		if ok := l.mayPermit(addr(text)); ok != want && text != "127.0.0.1" { // where the relays are
			t.Errorf("a permission for %s: %v", text, ok)
		}
	}
	l.Configure(Limits{})
	if _, ok := l.route(netip.MustParseAddrPort("10.1.2.3:443")); ok {
		t.Error("what is named no more is still reached")
	}
}

// Of this machine, live relays are reached, by their exact address and port, and nothing else: neither the next port nor
// what else listens, though a permission knows no ports.
func TestOwnRelaysAreReachedAndNothingElse(t *testing.T) {
	l := newLab(t, Options{})
	hub, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	a, b := l.raw("udp", l.Admit("lobby", "ann")), l.raw("udp", l.Admit("lobby", "bob"))
	at, bt := a.mustAllocate(), b.mustAllocate()
	hubAt := hub.LocalAddr().(*net.UDPAddr).AddrPort()
	if code := a.permit(bt); code != 0 {
		t.Fatalf("a permission for a relay: %d", code)
	}
	if code := b.permit(at); code != 0 {
		t.Fatalf("a permission for a relay: %d", code)
	}
	before := l.refused(RefusedAddress)
	a.send(hubAt, "to the hub")
	a.send(netip.AddrPortFrom(bt.Addr(), bt.Port()+1), "to the next port")
	a.send(l.udp.(*net.UDPAddr).AddrPort(), "to TURN itself")
	if code := a.bind(0x4001, hubAt); code != 0 { // it knows no ports
		t.Fatalf("a channel: %d", code)
	}
	a.sendOn(0x4001, "to the hub")
	within(t, "all are refused", func() bool { return l.refused(RefusedAddress) == before+4 })
	a.send(bt, "to the relay")
	b.receives("to the relay")
	if _, ok := l.route(netip.AddrPortFrom(addr("::ffff:127.0.0.1"), bt.Port())); !ok {
		t.Error("a relay isn't reached by its address in another notation")
	}
	// What others on this machine send doesn't come in, though there is a permission for its address.
	if _, err := hub.WriteTo([]byte("from the hub"), net.UDPAddrFromAddrPort(at)); err != nil {
		t.Fatal(err)
	}
	within(t, "it is refused", func() bool { return l.refused(RefusedAddress) == before+5 })
	a.receivesNothing()
	// The relay is reached as long as it lives.
	l.End("lobby", "bob")
	within(t, "the relay is gone", func() bool { return l.Stats().Allocations == 1 })
	a.send(bt, "to a relay that was")
	within(t, "it is refused", func() bool { return l.refused(RefusedAddress) == before+6 })
	hub.SetReadDeadline(nowPlus(quiet))
	if n, _, err := hub.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("the hub received %d bytes", n)
	}
}

// The addresses of this machine aren't reached even if they are public.
func TestOwnPublicAddressIsNotReached(t *testing.T) {
	l := newLab(t, Options{Own: []netip.Addr{addr("9.9.9.9"), addr("2a00::9")}})
	for _, text := range []string{"9.9.9.9", "::ffff:9.9.9.9", "64:ff9b::909:909", "2002:909:909::1", "2a00::5efe:9.9.9.9", "2a00::9"} {
		if l.mayPermit(addr(text)) {
			t.Errorf("there are permissions for %s", text)
		}
		if _, ok := l.route(netip.AddrPortFrom(addr(text), 443)); ok {
			t.Errorf("%s is reached", text)
		}
	}
	found, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found {
		ip, _ := netip.AddrFromSlice(a.(*net.IPNet).IP)
		if _, ok := l.route(netip.AddrPortFrom(ip, 443)); ok {
			t.Errorf("%s is reached", ip)
		}
	}
}

// What all in a network of this machine have isn't reached, even if the network is named.
func TestBroadcastIsNotReached(t *testing.T) {
	for text, want := range map[string]string{"10.1.2.3/8": "10.255.255.255", "198.51.100.7/25": "198.51.100.127", "9.9.9.9/30": "9.9.9.11", "9.9.9.9/31": "", "9.9.9.9/32": "", "fd00::2/64": ""} {
		ip, n, _ := net.ParseCIDR(text)
		n.IP = ip
		if got, ok := broadcast(n); ok != (want != "") || ok && got.String() != want {
			t.Errorf("of %s: %s", text, got)
		}
	}
	l := newLab(t, Options{Limits: Limits{Allow: nameable}})
	found, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found {
		if all, ok := broadcast(a.(*net.IPNet)); ok && l.mayPermit(all) {
			t.Errorf("%s may be sent to", all)
		}
	}
}

// RFC 6062, and reserved ports.
func TestTCPToPeersIsRefused(t *testing.T) {
	l := newLab(t, Options{})
	for _, network := range []string{"udp", "tcp"} {
		a := l.raw(network, l.Admit("lobby", "ann"))
		if code := code(a.request(stun.MethodAllocate, overTCP)); code != 508 {
			t.Errorf("an allocation of TCP over %s: %d", network, code)
		}
		a.mustAllocate()
		if code := code(a.request(stun.MethodConnect, peer(netip.MustParseAddrPort("9.9.9.9:443")))); code != 447 {
			t.Errorf("a connection over %s: %d", network, code)
		}
		if code := code(a.request(stun.MethodConnectionBind, stun.RawAttribute{Type: stun.AttrConnectionID, Value: []byte{0, 0, 0, 1}})); code != 400 && code != -1 {
			t.Errorf("a connection that isn't there, over %s: %d", network, code)
		}
	}
	if l.refused(RefusedTCP) != 4 {
		t.Errorf("refused: %v", l.Stats().Refused)
	}
	even := l.raw("udp", l.Admit("lobby", "bob"))
	if _, code := even.allocate(stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}}); code != 508 {
		t.Errorf("an even port: %d", code)
	}
}
