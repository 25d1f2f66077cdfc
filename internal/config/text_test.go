package config

import (
	"strings"
	"testing"
)

func TestWrongICEServers(t *testing.T) {
	for _, good := range []string{"stun:stun.example.org", "stun:stun.example.org:3478", "stun:192.0.2.1:3478", "stun:[2001:db8::1]:3478"} {
		if _, err := stunURL.parse(good); err != nil {
			t.Error(err)
		}
	}
	for bad, say := range map[string]string{
		"": "no STUN server", "nonsense": "no STUN server", "stun:": "no STUN server", "stun::3478": "no STUN server", "stun.example.org:3478": "no STUN server",
		"stun://stun.example.org": "no STUN server", "stun:stun.example.org:port": "no STUN server", "stun:a b": "no STUN server", "stun:[::1": "no STUN server",
		"stun:stun.example.org?transport=udp": "no STUN server", "stun:user@example.org": "no STUN server", "stun:example.org/": "no STUN server",
		"stun:example.org:0": "no STUN server", "stun:example.org:65536": "no STUN server",
		"stuns:stun.example.org": "no STUN server", "https://example.org": "no STUN server",
		"turn:turn.example.org": "name STUN servers only", "turns:turn.example.org:443": "name STUN servers only",
	} {
		if _, err := stunURL.parse(bad); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v", bad, err)
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
