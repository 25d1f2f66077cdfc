package server

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/snug-chat/snug/internal/config"
)

// asks is the status of a hub's answer to a request for a host, in a page's place.
func asks(t *testing.T, s *Server, host string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(s.gate.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/v1/rooms/lobby", nil)
	r.Host = host
	r.Header.Set("Origin", "http://"+host)
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// A page whose name was pointed at this machine's own address is refused without a setting.
func TestHostsThatTheHubHasFromItsAddress(t *testing.T) {
	const taken, refused = http.StatusUpgradeRequired, http.StatusMisdirectedRequest
	for name, c := range map[string]struct {
		text  string
		lan   bool
		hosts map[string]int
	}{
		"on loopback":                      {"", false, map[string]int{"localhost": taken, "127.0.0.1:9": taken, "evil.example:8080": refused, "192.0.2.1": refused}},
		"on loopback, behind a proxy":      {"proxies: [127.0.0.1]", false, map[string]int{"localhost": taken, "chat.example.org": taken}},
		"in the local network":             {"", true, map[string]int{"localhost": taken, "192.168.1.5:8080": taken, "desk.local": taken}},
		"with hosts":                       {"hosts: [chat.example.org]", false, map[string]int{"localhost": taken, "chat.example.org": taken, "evil.example": refused}},
		"with hosts, behind a proxy":       {"hosts: [chat.example.org]\nproxies: [127.0.0.1]", false, map[string]int{"chat.example.org": taken, "evil.example": refused}},
		"with hosts, in the local network": {"hosts: [desk.local]", true, map[string]int{"desk.local:8080": taken, "localhost": taken, "evil.example": refused}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configured(t, c.text)
			cfg.LAN = c.lan
			s := listen(t, cfg, Options{})
			run(t, s)
			for host, want := range c.hosts {
				if got := asks(t, s, host); got != want {
					t.Errorf("%s: %d, want %d", host, got, want)
				}
			}
		})
	}
}

func TestHostsAreReloaded(t *testing.T) {
	cfg := configured(t, "")
	text := ""
	s := listen(t, cfg, Options{Load: func() (*config.Config, error) { return configured(t, text), nil }})
	run(t, s)
	for _, step := range []struct {
		text string
		want int
	}{{"hosts: [chat.example.org]", http.StatusUpgradeRequired}, {"", http.StatusMisdirectedRequest}} {
		text = step.text
		s.Reload()
		if got := asks(t, s, "chat.example.org"); got != step.want {
			t.Errorf("%s: %d, want %d", strings.TrimSpace(step.text), got, step.want)
		}
	}
}
