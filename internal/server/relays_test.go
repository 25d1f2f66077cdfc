package server

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/snug-chat/snug/internal/config"
)

func ips(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func TestPickRelays(t *testing.T) {
	for _, c := range []struct {
		local   []netip.Addr
		both    bool
		outward []netip.Addr
		want    []netip.Addr
	}{
		{ips("127.0.0.1", "10.0.0.1", "9.9.9.9"), true, nil, ips("9.9.9.9")},
		{ips("10.0.0.1", "192.168.1.7"), true, ips("192.168.1.7"), ips("192.168.1.7")},
		{ips("8.8.8.8", "9.9.9.9", "2a00::1", "2a00::2", "fd00::1", "fe80::1"), true, ips("9.9.9.9", "2a00::2"), ips("9.9.9.9", "2a00::2")},
		{ips("8.8.8.8", "2a00::1"), false, nil, ips("8.8.8.8")},
		{ips("10.0.0.1", "fd00::1"), true, nil, ips("10.0.0.1")},
		{ips("fd00::1", "::1"), true, nil, ips("fd00::1")},
		{ips("127.0.0.1", "::1"), true, nil, ips("127.0.0.1")},
	} {
		if got := pickRelays(c.local, c.both, c.outward); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, not %v", c.local, got, c.want)
		}
	}
	for _, c := range []struct{ ip, listens, want string }{
		{"9.9.9.9", "0.0.0.0", "9.9.9.9"}, {"8.8.8.8", "0.0.0.0", "invalid IP"}, {"8.8.8.8", "10.0.0.1", "10.0.0.1"}, {"2a00::1", "10.0.0.1", "invalid IP"},
	} {
		if got := bindFor(netip.MustParseAddr(c.ip), netip.MustParseAddr(c.listens), ips("9.9.9.9", "10.0.0.1")); got.String() != c.want {
			t.Errorf("%s is bound to %s, not %s", c.ip, got, c.want)
		}
	}
}

// A machine that has private addresses only is told about, with the key that helps.
func TestPrivateAddressesAreWarnedOf(t *testing.T) {
	for _, c := range []struct {
		what, listen string
		local, named []netip.Addr
		lan, warns   bool
	}{
		{what: "private", local: ips("127.0.0.1", "10.0.0.1", "fd00::1"), warns: true},
		{what: "a provider's NAT", local: ips("100.64.0.1"), warns: true},
		{what: "no network", local: ips("127.0.0.1"), warns: true},
		{what: "public", local: ips("10.0.0.1", "9.9.9.9")},
		{what: "public, of IPv6", local: ips("10.0.0.1", "2a00::1")},
		{what: "named", local: ips("10.0.0.1"), named: ips("9.9.9.9")},
		{what: "in the local network", local: ips("10.0.0.1"), lan: true},
		{what: "on this machine", listen: "127.0.0.1:0", local: ips("10.0.0.1")},
	} {
		t.Run(c.what, func(t *testing.T) {
			if c.listen == "" {
				c.listen = ":0"
			}
			udp, err := listenUDP(c.listen, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer udp[0].Close()
			cfg := config.Default()
			cfg.LAN, cfg.TURN.Addresses = c.lan, c.named
			var log logBuffer
			b := relayBuilder{server: &Server{logs: newLogs(&log, cfg.Log)}, config: cfg, udp: udp}
			if relays := b.relays(c.local, nil); len(relays) == 0 || !relays[0].Address.IsValid() {
				t.Errorf("the relays are %v", relays)
			}
			if said := log.String(); strings.Contains(said, "(turn.addresses)") != c.warns || c.warns && !strings.Contains(said, "ports=49152-65535") {
				t.Errorf("it says %s", said)
			}
		})
	}
}
