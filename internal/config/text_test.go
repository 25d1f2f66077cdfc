package config

import (
	"strings"
	"testing"
)

func TestWrongICEServers(t *testing.T) {
	for _, good := range []string{
		"stun:stun.example.org", "stun:stun.example.org:3478", "stun:192.0.2.1:3478", "stun:[2001:db8::1]:3478", "turn:turn.example.org", "turn:192.0.2.1:3478?transport=udp",
		"turn:[2001:db8::1]:3478?transport=tcp", "turns:turn.example.org:443", "turns:turn.example.org?transport=tcp",
	} {
		if _, err := iceURL.parse(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "nonsense", "stun:", "stun::3478", "stun.example.org:3478", "stun://stun.example.org", "stun:stun.example.org:port", "stun:a b", "stun:[::1",
		"stun:stun.example.org?transport=udp", "stun:user@example.org", "stun:example.org/", "stun:example.org:0", "stun:example.org:65536",
		"stuns:stun.example.org", "https://example.org", "turn:", "turn:?transport=udp", "turn:turn.example.org?transport=tls", "turn:turn.example.org?", "turns:turn.example.org?transport=udp",
		"turn:turn.example.org?transport=udp&x", "turn:name:password@turn.example.org",
	} {
		if _, err := iceURL.parse(bad); err == nil || !strings.Contains(err.Error(), "no STUN or TURN server") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRelaysReachWhatCanBeNamed(t *testing.T) {
	for _, good := range []string{"10.0.0.0/8", "10.1.0.0/16", "192.168.1.7", "172.16.0.0/12", "100.64.0.0/10", "fd12::/16", "203.0.113.0/24"} {
		if _, err := relayable.parse(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"0.0.0.0/0", "::/0", "8.0.0.0/5", "127.0.0.1", "127.0.0.0/8", "::1", "169.254.169.254", "fe80::/10", "fd00:ec2::254", "fd00:ec2::/32", "100.100.100.200", "224.0.0.0/4", "255.255.255.255", "198.51.100.7/8"} {
		if _, err := relayable.parse(bad); err == nil {
			t.Errorf("relays may be told to reach %s", bad)
		}
	}
}

func TestPortsAndHosts(t *testing.T) {
	for _, good := range []string{"49152-65535", "1-1"} {
		if p, err := ports.parse(good); err != nil || ports.format(p) != good {
			t.Errorf("%s: %v, %v", good, p, err)
		}
	}
	for _, bad := range []string{"", "1", "0-1", "2-1", "1-65536", "-1", "1-", "a-b", "1-2-3"} {
		if _, err := ports.parse(bad); err == nil {
			t.Errorf("%q are ports", bad)
		}
	}
	for _, bad := range []string{"https://example.org", "example.org:443", "fe80::1%eth0", "[::1]"} {
		if _, err := maybeHost.parse(bad); err == nil {
			t.Errorf("%q is a host", bad)
		}
	}
	for _, bad := range []string{"", "example.org", "0.0.0.0", "::", "fe80::1%eth0", "224.0.0.1", "192.0.2.1:1"} {
		if _, err := ip.parse(bad); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
	for text, ok := range map[string]bool{"": true, "off": true, "0.0.0.0:5349": true, "on": false, "0.0.0.0": false} {
		if _, err := addressOrOff.parse(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWrongOrigins(t *testing.T) {
	for _, good := range []string{"https://example.org", "http://example.org:8080", "http://[2001:db8::1]:8080", "null", "moz-extension://0f0e"} {
		if _, err := origin.parse(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "*", "example.org", "example.org:8080", "//example.org", "https://", "https://example.org/", "https://example.org/chat", "https://user@example.org", "https://example.org?x"} {
		if _, err := origin.parse(bad); err == nil || !strings.Contains(err.Error(), "no origin") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDomainsAndAddresses(t *testing.T) {
	for _, good := range []string{"example.org", "a-b.example.org", "localhost", "xn--bcher-kva.example", "123.example"} {
		if _, err := domain.parse(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "example.org.", "*.example.org", "-a.example", "a-.example", "a b", "192.0.2.1", "::1", "bücher.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "a"} {
		if _, err := domain.parse(bad); err == nil {
			t.Errorf("%q is a host name", bad)
		}
	}
	for _, good := range []string{"example.org", "hub", "localhost", "192.0.2.1", "2001:db8::1"} {
		if _, err := hostName.parse(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "example.org:8080", "https://example.org", "192.0.2.1:80", "[::1]", "fe80::1%eth0", "*.example.org"} {
		if _, err := hostName.parse(bad); err == nil || !strings.Contains(err.Error(), "no host") {
			t.Errorf("%q is a host: %v", bad, err)
		}
	}
	for _, bad := range []string{"a", "Ann <ann@example.org>", "ann@", " ann@example.org"} {
		if _, err := email.parse(bad); err == nil {
			t.Errorf("%q is an e-mail address", bad)
		}
	}
}
