package server

import (
	"strings"
	"testing"
)

func TestWrongICEServers(t *testing.T) {
	for _, good := range []string{"stun:stun.example.org", "stun:stun.example.org:3478", "stun:192.0.2.1:3478", "stun:[2001:db8::1]:3478"} {
		if err := checkICEServer(good); err != nil {
			t.Error(err)
		}
	}
	for bad, say := range map[string]string{
		"": "no STUN server", "nonsense": "no STUN server", "stun:": "no STUN server", "stun::3478": "no STUN server", "stun.example.org:3478": "no STUN server",
		"stun://stun.example.org": "no STUN server", "stun:stun.example.org:port": "no STUN server", "stun:a b": "no STUN server", "stun:[::1": "no STUN server",
		"stun:stun.example.org?transport=udp": "no STUN server", "stun:user@example.org": "no STUN server", "stun:example.org/": "no STUN server",
		"stuns:stun.example.org": "no STUN server", "https://example.org": "no STUN server",
		"turn:turn.example.org": "name STUN servers only", "turns:turn.example.org:443": "name STUN servers only",
	} {
		if _, err := Listen(Options{Listen: "127.0.0.1:0", ICEServers: []string{"stun:stun.example.org", bad}}); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWrongOrigins(t *testing.T) {
	for _, good := range []string{"https://example.org", "http://example.org:8080", "http://[2001:db8::1]:8080", "null", "moz-extension://0f0e"} {
		if err := checkOrigin(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "*", "example.org", "example.org:8080", "//example.org", "https://", "https://example.org/", "https://example.org/chat", "https://user@example.org", "https://example.org?x"} {
		if _, err := Listen(Options{Listen: "127.0.0.1:0", Origins: []string{bad}}); err == nil || !strings.Contains(err.Error(), "no origin") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
