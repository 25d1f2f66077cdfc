package signaling_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

const (
	growthRest = 25 * time.Hour
	growthIdle = 500 // members, to see what those take
)

// Many come and go, by all the ways that there are, from many addresses, to many rooms, under many identities. When all of them
// are gone, and what a kick holds is over, the hub takes as much as before, but for 1 % of what a process takes in which
// there are 500 idle members. That is some 30 KB, so that of 50,000 each may leave less than a byte behind. With -soak, and
// without -race, there are a million.
func TestMemoryDoesNotGrowWithThoseWhoComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		joins := visitors
		if *soak > 0 && visitors == 50_000 {
			joins = 1_000_000
		}
		g := newGrowth(t)
		g.batch() // tables and pools have their size after that
		g.batch()
		idle := g.idle()
		before, goroutines := g.rested(), runtime.NumGoroutine()
		for done := 0; done < joins; done += batch {
			g.batch()
		}
		after := g.rested()
		t.Logf("%d came and went in %d ways: %.1f KiB before, %.1f after, %.1f with %d idle members; %d left, %d were refused",
			joins, len(ways), kib(before), kib(after), kib(idle), growthIdle, sum(g.hub.Stats().Leaves), sum(g.hub.Stats().Refusals))
		if grown := after - before; grown*100 > idle {
			t.Errorf("%d bytes more are in use than before: more than 1 %% of %d", grown, idle)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines, %d before", n, goroutines)
		}
		s := g.hub.Stats()
		if s.Members != 0 || s.Rooms != 0 || s.Connections != 0 || s.Bytes != 0 {
			t.Errorf("%d members, %d rooms, %d connections and %d bytes are left", s.Members, s.Rooms, s.Connections, s.Bytes)
		}
		for _, reason := range []string{signaling.ReasonBye, signaling.ReasonTimeout, signaling.ReasonKicked} {
			if s.Leaves[reason] == 0 {
				t.Errorf("nobody left for %s", reason)
			}
		}
	})
}

func kib(bytes int64) float64 { return float64(bytes) / 1024 }

func sum(counts map[string]uint64) (all uint64) {
	for _, n := range counts {
		all += n
	}
	return all
}

// growth is a hub behind a proxy, whose visitors are counted.
type growth struct {
	*testing.T
	hub      *signaling.Hub
	listener *signalingtest.Listener
	visitors int
}

func newGrowth(t *testing.T) *growth {
	g := &growth{T: t, listener: signalingtest.Listen()}
	g.hub = signaling.NewHub(&signaling.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Authorize: func(_ context.Context, r signaling.AuthRequest) (signaling.Grant, error) {
			if r.Token == "" {
				return signaling.Grant{}, &signaling.Error{Code: signaling.CodeToken, Message: "A token is needed.", Final: true}
			}
			return signaling.Grant{Identity: r.Token, TokenID: "id of " + r.Token, Expires: time.Now().Add(time.Hour), Permissions: signaling.PermitJoin}, nil
		},
	})
	server := &http.Server{Handler: g.hub, ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(g.listener) })
	t.Cleanup(func() {
		g.hub.Shutdown(context.Background())
		server.Close()
		serving.Wait()
	})
	return g
}

// ways are how a visitor behaves once it is in, or instead of that.
var ways = []func(*growth, *visitor){
	func(_ *growth, v *visitor) { v.enter(); v.bye() },
	func(_ *growth, v *visitor) { v.enter(); v.conn.Close() },
	func(g *growth, v *visitor) { v.enter(); g.hub.Kick(v.room, v.secret.MemberID()); v.drain() },
	func(g *growth, v *visitor) {
		v.enter()
		again := *v
		again.connect(g)
		again.enter()
		again.bye()
		v.drain()
	},
	func(_ *growth, v *visitor) { v.say("{"); v.drain() },
	func(_ *growth, v *visitor) { v.token = ""; v.say(v.hello()); v.drain() },
	func(_ *growth, v *visitor) { // what it is told is kept for it, until it is given up
		v.enter()
		for range 3 {
			v.say(fmt.Sprintf(`{"type":"signal","to":%q,"body":1}`, signaling.NewSecret().MemberID()))
		}
		v.conn.Close()
	},
	func(g *growth, v *visitor) { v.overHTTP(g) },
}

// batch has visitors come and go, and waits until the last trace of them may be gone.
func (g *growth) batch() {
	for range batch {
		g.visitors++
		v := g.visitor(g.visitors)
		v.connect(g)
		ways[g.visitors%len(ways)](g, v)
		<-time.After(10 * time.Millisecond)
	}
	<-time.After(growthRest)
	synctest.Wait()
}

// rested is what the heap holds after a collection, in bytes.
func (g *growth) rested() int64 {
	synctest.Wait()
	for range 3 { // pools take two
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// idle is what it holds with idle members, who then leave.
func (g *growth) idle() int64 {
	in := make([]*visitor, growthIdle)
	for i := range in {
		in[i] = g.visitor(i)
		in[i].connect(g)
		in[i].enter()
	}
	held := g.rested()
	for _, v := range in {
		v.bye()
	}
	<-time.After(growthRest)
	return held
}

// visitor is a client of bytes.
type visitor struct {
	t                    *testing.T
	conn                 net.Conn
	from                 *bufio.Reader
	room, token, address string
	secret               signaling.Secret
}

// visitor number i comes to one of a hundred rooms or to one of its own, from an address of its own.
func (g *growth) visitor(i int) *visitor {
	v := &visitor{t: g.T, secret: signaling.NewSecret(), room: fmt.Sprint("room-", i%100), token: fmt.Sprint("identity-", i)}
	if i%3 == 0 {
		v.room = fmt.Sprint("own-", i)
	}
	v.address = fmt.Sprintf("203.%d.%d.%d", byte(i>>16), byte(i>>8), byte(i))
	if i%2 == 0 {
		v.address = fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff)
	}
	return v
}

func (v *visitor) dial(g *growth) {
	conn, err := g.listener.Dial(v.t.Context(), "", "")
	if err != nil {
		v.t.Fatal(err)
	}
	v.conn, v.from = conn, bufio.NewReaderSize(conn, 256)
}

// connect upgrades.
func (v *visitor) connect(g *growth) {
	v.dial(g)
	fmt.Fprintf(v.conn, "GET /v1/rooms/%s HTTP/1.1\r\nHost: hub.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Forwarded-For: %s\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", v.room, v.address, signaling.Subprotocol)
	for {
		line, err := v.from.ReadString('\n')
		if err != nil {
			v.t.Fatalf("no upgrade: %v", err)
		}
		if line == "\r\n" {
			return
		}
	}
}

func (v *visitor) hello() string {
	text, _ := v.secret.MarshalText()
	return fmt.Sprintf(`{"type":"hello","secret":"%s","kind":"go","token":%q}`, text, v.token)
}

func (v *visitor) say(message string) { v.conn.Write(frame(final|opText, []byte(message))) }

// enter says hello and takes the welcome.
func (v *visitor) enter() {
	v.say(v.hello())
	head := make([]byte, 4)
	if _, err := io.ReadFull(v.from, head); err != nil || head[1] != 126 {
		v.t.Fatalf("no welcome: % x, %v", head, err)
	}
	var welcome strings.Builder
	io.CopyN(&welcome, v.from, int64(binary.BigEndian.Uint16(head[2:])))
	if !strings.HasPrefix(welcome.String(), `{"type":"welcome"`) {
		v.t.Fatalf("%s instead of a welcome", &welcome)
	}
}

// drain reads to the end.
func (v *visitor) drain() {
	io.Copy(io.Discard, v.from)
	v.conn.Close()
}

func (v *visitor) bye() {
	v.conn.Write(frame(final|opClose, []byte{3, 232}))
	v.drain()
}

// overHTTP enters with requests, on other connections than its first, and says bye or nothing.
func (v *visitor) overHTTP(g *growth) {
	v.conn.Close()
	answer := v.post(g, "connect", v.hello())
	_, id, _ := strings.Cut(answer, `{"type":"connection","id":"`)
	id, _, ok := strings.Cut(id, `"`)
	if !ok || !strings.Contains(answer, `"welcome"`) {
		v.t.Fatalf("over HTTP: %s", answer)
	}
	if g.visitors%2 == 0 {
		v.post(g, "send", fmt.Sprintf(`{"connection":%q,"n":1}`, id)+"\n"+`{"type":"close","code":1000}`)
	}
}

func (v *visitor) post(g *growth, verb, body string) string {
	v.dial(g)
	fmt.Fprintf(v.conn, "POST /v1/rooms/%s/%s HTTP/1.1\r\nHost: hub.test\r\nConnection: close\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n%s", v.room, verb, v.address, len(body), body)
	answer, _ := io.ReadAll(v.from)
	v.conn.Close()
	return string(answer)
}
