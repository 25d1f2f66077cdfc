package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/config"
)

// faraway is a listener on this machine whose connections seem to come from elsewhere: client
// says from where the next one does.
type faraway struct {
	net.Listener
	mu     sync.Mutex
	client string
}

type farawayConn struct {
	net.Conn
	from net.Addr
}

func (c *farawayConn) RemoteAddr() net.Addr { return c.from }

func (f *faraway) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return &farawayConn{conn, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(f.client), 5000))}, nil
}

func (f *faraway) from(client string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client = client
}

func TestProxyThatIsNotNamedIsWarnedOf(t *testing.T) {
	for proxies, warned := range map[string]int{"": 1, "proxies: [127.0.0.1]": 0, "proxies: [10.0.0.0/8]": 1} {
		var out logBuffer
		s := listen(t, configured(t, proxies), Options{Log: &out})
		run(t, s)
		for range 2 {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.gate.Addr().String()+"/livez", nil)
			r.Header.Set("X-Forwarded-For", "192.0.2.7")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		}
		if n := strings.Count(out.String(), "name it\" proxies=127.0.0.1"); n != warned || strings.Contains(out.String(), "192.0.2.7") {
			t.Errorf("with %q it says %s", proxies, out.String())
		}
	}
}

// behind is a gate over real sockets, with clients from anywhere.
func behind(t *testing.T, c *config.Config, log io.Writer) (*gate, *faraway) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &faraway{Listener: l, client: "192.0.2.1"}
	g := newGate(f, newLogs(log, c.Log))
	g.configure(c)
	t.Cleanup(func() { g.Close() })
	return g, f
}

func TestConnectionsOfAnAddressAreBounded(t *testing.T) {
	c := config.Default()
	c.Limits.Connections = 2 // and twice as many at the gate
	c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct {
		name    string
		clients []string // in turn
		dialed  int
		let     int
	}{
		{"one address", []string{"192.0.2.1"}, 9, 4},
		{"two addresses", []string{"192.0.2.1", "192.0.2.2"}, 18, 8},
		{"one /64 of IPv6", []string{"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"}, 9, 4},
		{"two /64 of IPv6", []string{"2001:db8::1", "2001:db8:0:1::1"}, 18, 8},
		{"IPv4 in IPv6 is IPv4", []string{"192.0.2.1", "::ffff:192.0.2.1"}, 9, 4},
		{"a trusted proxy", []string{"10.1.2.3"}, 9, 9},
		{"this machine", []string{"127.0.0.1", "::1"}, 9, 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, f := behind(t, c, io.Discard)
			var let []net.Conn
			accepted := make(chan net.Conn)
			go func() {
				for {
					conn, err := g.Accept()
					if err != nil {
						close(accepted)
						return
					}
					accepted <- conn
				}
			}()
			for i := range test.dialed {
				f.from(test.clients[i%len(test.clients)])
				if conn := knock(t, g.Addr().String(), accepted); conn != nil {
					let = append(let, conn)
				}
			}
			if len(let) != test.let {
				t.Errorf("%d were let in, not %d", len(let), test.let)
			}
			for _, conn := range let { // each makes room for one, however often it is closed
				conn.Close()
				conn.Close()
			}
			f.from(test.clients[0])
			for i := range 4 {
				if knock(t, g.Addr().String(), accepted) == nil {
					t.Errorf("after all had gone, %d were let in", i)
				}
			}
			g.Close()
			<-accepted
		})
	}
}

// knock connects, and returns the other end; nil if it was reset.
func knock(t *testing.T, addr string, accepted <-chan net.Conn) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	reset := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		reset <- err
	}()
	select {
	case other := <-accepted:
		return other
	case <-reset:
		return nil
	case <-time.After(10 * time.Second):
		t.Fatal("neither let in nor refused")
		return nil
	}
}

// A thousand connections that say nothing, or half of it, from one address, cost what the
// limit allows, and nobody else waits for them.
func TestHalfOpenHandshakesKeepNobodyOut(t *testing.T) {
	var log logBuffer
	c := config.Default()
	c.Limits.Connections = 8
	g, f := behind(t, c, &log)
	s := listen(t, at("127.0.0.1:0", false), Options{})
	s.listener.Close()
	s.gate, s.listener = g, g
	s.http.ReadHeaderTimeout = 2 * time.Second
	run(t, s)
	var idle []net.Conn
	for i := range 1000 {
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			io.WriteString(conn, "GET /v1/rooms/lobby HTTP/1.1\r\nHost: x\r\nUpgra")
		}
		idle = append(idle, conn)
	}
	within(t, "the flood is over", func() bool { return g.count() == 16 && g.pending(idle) == 16 })
	f.from("192.0.2.2")
	start := time.Now()
	if got := status(t, t.Context(), "http://"+g.Addr().String()+"/v1/rooms/lobby", ""); got != http.StatusUpgradeRequired || time.Since(start) > time.Second {
		t.Errorf("somebody else gets %d after %v", got, time.Since(start))
	}
	within(t, "those who said nothing are closed", func() bool { return g.count() == 0 })
	if text := log.String(); strings.Count(text, "more were refused") != 1 || strings.Contains(text, "192.0.2") || !strings.Contains(text, "limit=16") {
		t.Errorf("the log says %s", text)
	}
}

// Whoever sends a request's body slowly, or never reads an answer, is cut as well.
func TestRequestsThatNeverEndAreCut(t *testing.T) {
	c := config.Default()
	g, _ := behind(t, c, io.Discard)
	s := listen(t, at("127.0.0.1:0", false), Options{})
	s.listener.Close()
	s.gate, s.listener = g, g
	s.http.ReadTimeout, s.http.WriteTimeout = time.Second, time.Second
	run(t, s)
	slow, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	io.WriteString(slow, "POST /v1/rooms/lobby/connect HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 4096\r\n\r\n{")
	deaf, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	deaf.(*net.TCPConn).SetReadBuffer(4 << 10)
	deaf.SetWriteDeadline(time.Now().Add(10 * time.Second))
	go func() {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(deaf, strings.Repeat("GET /sdk.js HTTP/1.1\r\nHost: x\r\n\r\n", 100))
		}
	}()
	within(t, "both are in", func() bool { return g.count() == 2 })
	within(t, "both are cut", func() bool { return g.count() == 0 })
}

// count is how many connections count.
func (g *gate) count() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, open := range g.open {
		n += open
	}
	return n
}

// pending is how many of conns aren't closed by the other side.
func (*gate) pending(conns []net.Conn) (n int) {
	for _, conn := range conns {
		conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		var late net.Error
		if _, err := conn.Read(make([]byte, 1)); errors.As(err, &late) && late.Timeout() {
			n++
		}
	}
	return n
}

// within waits until something is so.
func within(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	s := listen(t, configured(t, "limits: {header: 8KiB}"), Options{})
	run(t, s)
	for name, headers := range map[string]string{
		"one large header":   "X-A: " + strings.Repeat("a", 64<<10) + "\r\n",
		"ten thousand of it": strings.Repeat("X-A: a\r\n", 10_000),
	} {
		conn, err := net.Dial("tcp", s.gate.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: x\r\n"+headers+"\r\n")
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}
