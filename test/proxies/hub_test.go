//go:build proxies

package proxies

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/web"
)

// hub is one with its page, on this machine.
type hub struct {
	*signaling.Hub
	addr string
}

func newHub(t *testing.T, o *signaling.Options) *hub {
	t.Helper()
	var told signaling.Options
	if o != nil {
		told = *o
	}
	told.LogAddresses = true // for Members, too
	h := signaling.NewHub(&told)
	mux := http.NewServeMux()
	mux.Handle("/v1/rooms/", h)
	mux.Handle("/", web.Handler())
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return &hub{h, server.Listener.Addr().String()}
}

// dialer connects to 127.0.0.1, whatever the name, from an address of this machine.
func (s *site) dialer(from string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		return d.DialContext(ctx, "tcp", "127.0.0.1:"+s.port)
	}
}

// join joins a room through the proxy, by the room's invite.
func (s *site) join(t *testing.T, room, name, from, transport string) *signaling.Conn {
	t.Helper()
	invite, err := signaling.ParseInvite(s.url("/r/" + room))
	if err != nil {
		t.Fatal(err)
	}
	hello := signaling.Hello{Secret: signaling.NewSecret(), Name: name, Kind: "go"}
	c, err := signaling.Dial(t.Context(), invite, hello, &signaling.DialOptions{NetDialContext: s.dialer(from), TLSConfig: s.trusted, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if c.Transport() != transport {
		t.Fatalf("%s came in over %s", name, c.Transport())
	}
	return c
}

// receive waits for a message of a type, and passes over others.
func receive[M signaling.Message](t *testing.T, c *signaling.Conn) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := m.(M); ok {
			return got
		}
	}
}

func send(t *testing.T, from, to *signaling.Conn, body string) {
	t.Helper()
	if _, err := from.Signal(t.Context(), to.Welcome().You, jsontext.Value(body)); err != nil {
		t.Fatal(err)
	}
}
