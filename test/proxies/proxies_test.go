//go:build proxies

package proxies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
)

const here = "127.0.0.1"

// believes is a hub that believes the proxy.
func believes() *signaling.Options {
	return &signaling.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix(here + "/32")}}
}

func TestMembersMeet(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		s := serve(t, r, newHub(t, believes()).addr)
		for _, transport := range []string{signaling.TransportWebSocket, signaling.TransportHTTP} {
			room := "meet-" + transport
			ann := s.join(t, room, "Ann", here, transport)
			bob := s.join(t, room, "Bob", here, transport)
			if c := receive[signaling.RosterChange](t, ann); len(c.Joined) != 1 || c.Joined[0].Name != "Bob" {
				t.Errorf("Ann is told %+v", c)
			}
			for i, size := range []int{1, 1000, 60_000} { // bytes; a message may have 65,536
				body := fmt.Sprintf(`"%d%s"`, i, strings.Repeat("x", size))
				began := time.Now()
				send(t, ann, bob, body)
				if got := receive[signaling.Signal](t, bob); string(got.Body) != body || got.From != ann.Welcome().You {
					t.Errorf("over %s, Bob gets %.40s", transport, got.Body)
				}
				send(t, bob, ann, body)
				if got := receive[signaling.Signal](t, ann); string(got.Body) != body {
					t.Errorf("over %s, Ann gets %.40s", transport, got.Body)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("over %s, %d bytes there and back take %v: they are kept on the way", transport, size, took)
				}
			}
		}
	})
}

func get(t *testing.T, c *http.Client, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

var links = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

func TestPageAndWhatItLoads(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		s := serve(t, r, newHub(t, nil).addr)
		c := s.client(t, here)
		for _, page := range []string{"/", "/r/lobby"} {
			answer, html := get(t, c, s.url(page))
			if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %s", page, answer.Status)
			}
			found := links.FindAllStringSubmatch(html, -1)
			if len(found) < 3 {
				t.Errorf("%s has %d links", page, len(found))
			}
			for _, link := range found {
				u, err := answer.Request.URL.Parse(link[1])
				if err != nil {
					t.Fatal(err)
				}
				if a, body := get(t, c, u.String()); a.StatusCode != http.StatusOK || body == "" || !strings.HasPrefix(u.Path, r.path+"/") {
					t.Errorf("%s loads %s: %s", page, u, a.Status)
				}
			}
		}
		answer, sdk := get(t, c, s.url("/sdk.js"))
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/javascript") || !strings.Contains(sdk, "export") {
			t.Errorf("the SDK: %s, %v", answer.Status, answer.Header)
		}
		if r.path == "" {
			return
		}
		answer, _ = get(t, c, s.origin()+r.path)
		if to, err := answer.Location(); err != nil || to.String() != s.url("/") {
			t.Errorf("%s leads to %v, %v", r.path, to, err)
		}
		if answer, _ = get(t, c, s.origin()+"/r/lobby"); answer.StatusCode == http.StatusOK && answer.Header.Get("Content-Security-Policy") != "" {
			t.Errorf("the page is there outside of %s, too", r.path)
		}
	})
}

func TestOriginsAreToldApart(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		s := serve(t, r, newHub(t, nil).addr)
		c := s.client(t, here)
		for origin, want := range map[string]int{s.origin(): http.StatusUpgradeRequired, "https://evil.example": http.StatusForbidden, "https://" + r.name: http.StatusForbidden} {
			answer, body := get(t, c, s.url("/v1/rooms/lobby"), "Origin", origin)
			if answer.StatusCode != want || !strings.Contains(body, `"type":"error"`) {
				t.Errorf("from %s: %s, %.200s", origin, answer.Status, body)
			}
		}
		for origin, want := range map[string]int{s.origin(): http.StatusSwitchingProtocols, "https://evil.example": http.StatusForbidden} {
			if ws, answer, _ := s.upgrade(t, http.Header{"Origin": {origin}}); answer == nil || answer.StatusCode != want {
				t.Errorf("an upgrade from %s: %+v", origin, answer)
			} else if ws != nil {
				ws.Close()
			}
		}
	})
}

// upgrade opens a WebSocket from an address that is no other client's.
func (s *site) upgrade(t *testing.T, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: s.trusted, NetDialContext: s.dialer("127.0.0.2"), Subprotocols: []string{signaling.Subprotocol}}
	return d.DialContext(t.Context(), strings.Replace(s.url("/v1/rooms/lobby"), "https", "wss", 1), header)
}

func TestAddressOfAClientIsBelievedOnlyOfTheProxy(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		for _, c := range []struct {
			options *signaling.Options
			want    string
		}{{believes(), "127.0.0.2"}, {nil, here}} {
			hub := newHub(t, c.options)
			s := serve(t, r, hub.addr)
			// It says that it is somebody else, as whoever evades a limit would.
			ws, _, err := s.upgrade(t, http.Header{"X-Forwarded-For": {"198.51.100.7"}, "X-Real-Ip": {"198.51.100.7"}, "Forwarded": {"for=198.51.100.7"}})
			if err != nil {
				t.Fatal(err)
			}
			hello := signaling.Hello{Secret: signaling.NewSecret(), Name: "Mal", Kind: "go"}
			say(t, ws, hello)
			s.join(t, "lobby", "Ann", "127.0.0.2", signaling.TransportHTTP)
			members, _ := hub.Members("lobby")
			if len(members) != 2 {
				t.Fatalf("there are %+v", members)
			}
			for _, m := range members {
				if m.Address != c.want {
					t.Errorf("%s over %s is said to come from %s, not %s", m.Name, m.Transport, m.Address, c.want)
				}
			}
			ws.Close()
		}
	})
}

// say says hello and waits for the welcome.
func say(t *testing.T, ws *websocket.Conn, hello signaling.Hello) {
	t.Helper()
	secret, _ := hello.Secret.MarshalText()
	message := fmt.Sprintf(`{"type":"hello","secret":%q,"name":%q,"kind":%q}`, secret, hello.Name, hello.Kind)
	if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		t.Fatal(err)
	}
	ws.SetReadDeadline(time.Now().Add(patience))
	if _, m, err := ws.ReadMessage(); err != nil || !strings.Contains(string(m), `"welcome"`) {
		t.Fatalf("%.200s, %v", m, err)
	}
}

const (
	readTimeout = 2 * time.Second // of the proxy, in place of a minute
	idle        = 3 * readTimeout
)

// silent waits while nothing is said, and returns what ended that.
func silent(t *testing.T, c *signaling.Conn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), idle)
	defer cancel()
	for {
		if _, err := c.Receive(ctx); err != nil {
			return err
		}
	}
}

func TestPingsKeepAnIdleWebSocket(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		var shorter []edit
		if strings.HasPrefix(r.file, "nginx") { // Caddy has no such bound
			shorter = []edit{{"proxy_read_timeout 60s", "proxy_read_timeout 2s"}}
		}
		o := believes()
		o.PingInterval = readTimeout / 4 // as 15 s are a quarter of a minute
		s := serve(t, r, newHub(t, o).addr, shorter...)
		if err := silent(t, s.join(t, "idle", "Ann", here, signaling.TransportWebSocket)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it is cut: %v", err)
		}
		if shorter == nil {
			return
		}
		o.PingInterval = time.Hour // and the test sees a cut
		s = serve(t, r, newHub(t, o).addr, shorter...)
		if err := silent(t, s.join(t, "idle", "Ann", here, signaling.TransportWebSocket)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without pings it isn't cut: %v", err)
		}
	})
}

// A request that waits for 25 s isn't cut, and is answered as soon as there is something.
func TestWaitingRequestStays(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		o := believes()
		o.PingInterval, o.PongTimeout = time.Hour, 2*time.Hour // which would answer it before
		s := serve(t, r, newHub(t, o).addr)
		ann := s.join(t, "poll", "Ann", here, signaling.TransportHTTP)
		bob := s.join(t, "poll", "Bob", here, signaling.TransportHTTP)
		receive[signaling.RosterChange](t, ann)
		ctx, cancel := context.WithTimeout(t.Context(), 27*time.Second)
		defer cancel()
		// Whatever ends a Receive early has ended the connection.
		late := make(chan signaling.Message, 1)
		failed := make(chan error, 1)
		go func() {
			m, err := ann.Receive(t.Context())
			if err != nil {
				failed <- err
				return
			}
			late <- m
		}()
		select {
		case <-ctx.Done():
		case err := <-failed:
			t.Fatalf("it is cut: %v", err)
		case m := <-late:
			t.Fatalf("Ann gets %+v", m)
		}
		began := time.Now()
		send(t, bob, ann, `"hi"`)
		select {
		case <-late:
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(patience):
			t.Fatal("nothing comes")
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it takes %v", took)
		}
	})
}
