package doctor

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// line is a TCP proxy that does something to connections on which nothing has passed for a while.
type line struct {
	net.Listener
	to    string
	after time.Duration
	cuts  bool // or else it forgets them
	work  sync.WaitGroup
}

// newLine leads to a server, until the end of the test.
func newLine(t *testing.T, to string, after time.Duration, cuts bool) *line {
	t.Helper()
	listener, err := net.Listen("tcp4", here+":0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{Listener: listener, to: to, after: after, cuts: cuts}
	l.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			l.work.Go(func() { l.pass(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		l.work.Wait()
	})
	return l
}

func (l *line) pass(client net.Conn) {
	server, err := net.Dial("tcp", l.to)
	if err != nil {
		client.Close()
		return
	}
	forgotten := make(chan struct{})
	silent := time.AfterFunc(l.after, func() {
		if !l.cuts {
			close(forgotten)
			return
		}
		client.Close()
		server.Close()
	})
	defer silent.Stop()
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		both.Go(func() {
			defer to.Close()
			buffer := make([]byte, 4096)
			for {
				n, err := from.Read(buffer)
				if err != nil {
					return
				}
				select {
				case <-forgotten:
					continue
				default:
				}
				silent.Reset(l.after)
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
		})
	}
	both.Wait()
}

func TestProxyThatCutsSilentConnections(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ping, after time.Duration }{
		"soon": {8 * time.Second, 2 * time.Second},
		"10 s": {15 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := (&lab{name: here, hub: signaling.Options{PingInterval: c.ping}}).start(t)
			l.target.Hub.Host = newLine(t, l.target.Hub.Host, c.after, true).Addr().String()
			r := l.run(t, Options{Idle: 20 * time.Second})
			finds(t, r, found{"idle": "cut"})
			for _, one := range r.Results {
				if want := "is cut after " + seconds(c.after) + " s; the hub gives a sign of life only every " + seconds(c.ping) + " s."; one.ID == "idle" && !strings.Contains(one.What, want) {
					t.Errorf("it says: %s", one.What)
				}
			}
		})
	}
}

func TestNetworkThatForgetsSilentConnections(t *testing.T) {
	t.Parallel()
	l := (&lab{hub: signaling.Options{PingInterval: 8 * time.Second}}).start(t)
	l.target.Hub.Host = newLine(t, l.target.Hub.Host, 3*time.Second, false).Addr().String()
	finds(t, l.run(t, Options{Idle: 13 * time.Second}), found{"idle": "swallowed"})
}

func TestSilenceIsBounded(t *testing.T) {
	t.Parallel()
	l := (&lab{hub: signaling.Options{PingInterval: time.Minute}}).start(t)
	if r := l.run(t, Options{Idle: time.Second}); r.kind("idle") != "stayed" {
		t.Errorf("silence: %q", r.kind("idle"))
	}
}

// A proxy that gives up waiting for an answer to a request says so with an answer of its own.
func TestProxyThatCutsLongRequests(t *testing.T) {
	t.Parallel()
	l := (&lab{hub: signaling.Options{PingInterval: 6 * time.Second}, between: func(hub http.Handler) http.Handler {
		bounded := http.TimeoutHandler(hub, 2*time.Second, "Gateway Timeout")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != "" {
				hub.ServeHTTP(w, r)
				return
			}
			bounded.ServeHTTP(w, r)
		})
	}}).start(t)
	finds(t, l.run(t, Options{Idle: 12 * time.Second}), found{"idle": "cut"})
}

// A proxy that takes the upgrade and passes nothing on.
func TestWebSocketThatNothingComesThrough(t *testing.T) {
	t.Parallel()
	l := (&lab{between: func(hub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				hub.ServeHTTP(w, r)
				return
			}
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		})
	}}).start(t)
	finds(t, l.run(t, Options{Timeout: brief}), found{"websocket": "silent"})
}

func TestHubThatNeverAnswers(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(over)
	u, err := url.Parse(silent.URL)
	if err != nil {
		t.Fatal(err)
	}
	finds(t, Run(t.Context(), Target{Hub: u}, Options{Timeout: 300 * time.Millisecond}), found{"hub": "silent"})
}
