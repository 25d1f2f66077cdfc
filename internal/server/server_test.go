package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
)

// configured is a configuration from YAML, on a port of its own.
func configured(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snug.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{File: file, Environment: []string{"SNUG_LISTEN=127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// at is the default configuration at another address.
func at(listen string, lan bool) *config.Config {
	c := config.Default()
	c.Listen, c.LAN = listen, lan
	return c
}

func listen(t *testing.T, c *config.Config, o Options) *Server {
	t.Helper()
	if o.Log == nil {
		o.Log = io.Discard
	}
	s, err := Listen(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run serves until the test ends, and checks that this ends well.
func run(t *testing.T, s *Server) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, nil) }()
	end = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Serve doesn't end")
		}
	})
	t.Cleanup(end)
	return end
}

func TestInviteHasAHostThatReachesTheServer(t *testing.T) {
	for listenAt, host := range map[string]string{
		"127.0.0.1:0": "localhost", "127.0.0.2:0": "127.0.0.2", "localhost:0": "localhost", "0.0.0.0:0": "localhost", ":0": "localhost",
	} {
		s := listen(t, at(listenAt, false), Options{})
		run(t, s)
		text, err := s.Invite()
		if err != nil {
			t.Fatal(err)
		}
		invite, err := signaling.ParseInvite(text)
		if err != nil || invite.Hub.Hostname() != host || len(invite.Room) != 14 {
			t.Errorf("%s: %s, %v", listenAt, text, err)
		}
		if again, _ := s.Invite(); again == text {
			t.Errorf("%s: two invites are to one room", listenAt)
		}
	}
}

func TestServerIsHubAndPage(t *testing.T) {
	s := listen(t, configured(t, "ice: {servers: ['stun:stun.example.org:3478']}\norigins: ['https://example.org']"), Options{})
	run(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	text, err := s.Invite()
	if err != nil {
		t.Fatal(err)
	}
	invite, _ := signaling.ParseInvite(text)
	conn, err := signaling.Dial(ctx, invite, signaling.Hello{Secret: signaling.NewSecret(), Name: "Ann", Kind: "go"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ice := conn.Welcome().ICE.Servers; len(ice) != 1 || ice[0].URLs[0] != "stun:stun.example.org:3478" {
		t.Errorf("the ICE servers are %v", ice)
	}
	for path, want := range map[string]int{"/": 200, "/r/" + invite.Room: 200, "/sdk.js": 200, "/nothing": 404, "/v1/rooms/lobby": 426, "/v1/": 404, "/livez": 200, "/readyz": 200, "/metrics": 404, "/v1/stats": 404, "/debug/pprof/": 404} {
		if got := status(t, ctx, "http://"+s.listener.Addr().String()+path, ""); got != want {
			t.Errorf("%s: %d, not %d", path, got, want)
		}
	}
	for origin, want := range map[string]int{"https://example.org": 426, "https://example.com": 403} {
		if got := status(t, ctx, "http://"+s.listener.Addr().String()+"/v1/rooms/lobby", origin); got != want {
			t.Errorf("from %s: %d, not %d", origin, got, want)
		}
	}
	conn.Close()
}

func status(t *testing.T, ctx context.Context, url, origin string) int {
	t.Helper()
	r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestGreeting(t *testing.T) {
	s := listen(t, at("127.0.0.1:0", false), Options{})
	run(t, s)
	var out bytes.Buffer
	if err := s.Greet(&out); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^    http://localhost:\d+/r/[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$`).Match(out.Bytes()) {
		t.Errorf("no line is an invite: %s", out.String())
	}
	if strings.ContainsAny(out.String(), "█▀▄\x1b") || strings.Contains(out.String(), "Anyone") {
		t.Errorf("on this machine alone, it says %s", out.String())
	}
}

func TestGreetingInTheLocalNetwork(t *testing.T) {
	s := listen(t, at("127.0.0.1:0", true), Options{})
	run(t, s)
	var out bytes.Buffer
	greeted := s.Greet(&out)
	address, err := lanAddress()
	if err != nil { // this machine is in no network
		if greeted == nil || greeted.Error() != err.Error() || out.Len() > 0 {
			t.Errorf("got %v and %q; %v", greeted, out.String(), err)
		}
		return
	}
	found := regexp.MustCompile(`(?m)^    (http://\S+)/r/\S+$`).FindSubmatch(out.Bytes())
	if greeted != nil || found == nil || !strings.Contains(out.String(), "Anyone in your network can come in.") || strings.Count(out.String(), "██") < 20 {
		t.Fatalf("%v: %s", greeted, out.String())
	}
	u, _ := url.Parse(string(found[1]))
	if u.Hostname() != address {
		t.Errorf("the invite is to %s, not %s", u.Hostname(), address)
	}
	if got := status(t, t.Context(), string(found[1])+"/", ""); got != http.StatusOK {
		t.Errorf("the page there: %d", got)
	}
}

func TestLANAddress(t *testing.T) {
	ips := func(all ...string) (found []net.IP) {
		for _, s := range all {
			found = append(found, net.ParseIP(s))
		}
		return found
	}
	for _, c := range []struct {
		found []net.IP
		want  string
	}{
		{ips("192.168.1.7"), "192.168.1.7"},
		{ips("172.28.0.1", "192.168.1.9"), "192.168.1.9"}, // the way out
		{ips("203.0.113.1", "10.0.0.4"), "10.0.0.4"},
		{ips("fd00::2", "203.0.113.1"), "203.0.113.1"},
		{ips("2001:db8::1"), "2001:db8::1"},
		{ips("172.16.0.9", "10.0.0.4"), "172.16.0.9"}, // of two alike, the first interface's
	} {
		if got, err := choose(c.found, net.IPv4(192, 168, 1, 9)); err != nil || got != c.want {
			t.Errorf("of %v: %s, %v; want %s", c.found, got, err, c.want)
		}
	}
	if got, err := choose(nil, nil); err == nil || !strings.Contains(err.Error(), "leave --lan out") {
		t.Errorf("in no network: %q, %v", got, err)
	}
}

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		listen string
		lan    bool
		want   string
	}{
		{"127.0.0.1:8080", false, "127.0.0.1:8080"},
		{"127.0.0.1:8080", true, ":8080"},
		{":8080", true, ":8080"},
		{"192.168.1.7:8080", true, "192.168.1.7:8080"}, // that interface and no other
		{"[::1]:0", false, "[::1]:0"},
		{":65535", false, ":65535"},
	} {
		if got := address(c.listen, c.lan); got != c.want {
			t.Errorf("%s became %s", c.listen, got)
		}
	}
}

func TestWhyItCannotListen(t *testing.T) {
	bind := func(err error) error {
		return &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", err)}
	}
	for _, c := range []struct {
		addr string
		err  error
		want string
	}{
		{"127.0.0.1:8080", bind(syscall.EADDRINUSE), "port 8080 is in use by another program: end that, or choose another port with --listen 127.0.0.1:8081"},
		{"[::1]:8081", bind(syscall.EADDRINUSE), "port 8081 is in use by another program: end that, or choose another port with --listen [::1]:8082"},
		{":443", bind(syscall.EACCES), "port 443 needs more rights than you have: choose one above 1023 with --listen :8080"},
		{"203.0.113.9:80", bind(syscall.EADDRNOTAVAIL), "203.0.113.9 is no address of this machine: choose one that is, or 0.0.0.0 for all, with --listen"},
		{"x:80", errors.New("strange"), "can't listen on x:80: strange"},
	} {
		if got := explain(c.addr, "--listen", c.err).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	l := listen(t, at("127.0.0.1:0", false), Options{})
	run(t, l)
	if _, err := Listen(at(l.listener.Addr().String(), false), Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("twice: %v", err)
	}
}

// A room is sealed where browsers have what that takes; where they don't, it is said why.
func TestGreetingOfASealedRoom(t *testing.T) {
	sealed := func(hub *url.URL) signaling.Invite { return signaling.Invite{Hub: hub, Room: "~x", Key: "key"} }
	for host, want := range map[string]bool{"127.0.0.1": true, "127.0.0.2": true, "0.0.0.0": true} {
		s := listen(t, at(host+":0", false), Options{Invite: sealed})
		run(t, s)
		var out bytes.Buffer
		if err := s.Greet(&out); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "/r/~x#key\n"); got != want || strings.Contains(out.String(), "without a key") == want {
			t.Errorf("%s: %s", host, out.String())
		}
	}
	for address, want := range map[string]bool{
		"https://hub.example": true, "http://localhost:8080": true, "http://[::1]:8080": true, "http://127.9.9.9": true,
		"http://hub.example": false, "http://192.168.1.5:8080": false, "http://localhost.example": false,
	} {
		if u, _ := url.Parse(address); secure(u) != want {
			t.Errorf("%s is secure: %v", address, !want)
		}
	}
	s := listen(t, at("127.0.0.1:0", true), Options{Invite: sealed})
	run(t, s)
	if _, err := lanAddress(); err != nil {
		t.Skip("this machine is in no network")
	}
	var out bytes.Buffer
	if err := s.Greet(&out); err != nil || strings.Contains(out.String(), "#") || !strings.Contains(out.String(), "The room is open, without a key: browsers encrypt only at https://") {
		t.Errorf("%v: %s", err, out.String())
	}
}
