package signaling_test

import (
	"context"
	"crypto/ed25519"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

const (
	mib = 1 << 20
	// highestHeap is what the heap may grow by at any moment of any attack, garbage included: several of them throw 60 MB
	// or more at the hub, which must never have all of that at once.
	highestHeap = 56 * mib
	// stays is what may be in use more when all is over: the runtime keeps what a thousand goroutines were.
	stays = 3 * mib
)

// attack is something that a client may do to a hub.
type attack struct {
	name string
	// grows is what the process may have in use more than before while it lasts, in bytes: the hub, and
	// the attacker, who lives in the same process.
	grows int64
	// change sets what the attack needs otherwise.
	change func(*target)
	// do attacks, and checks that the answers are those of PROTOCOL.md.
	do func(*target)
}

// Of a thousand connections each may take 40 KiB, both ends together (18 were seen); everything else stays
// below 8 MiB, which is four times what was seen.
var attacks = []attack{
	{name: "a member that never reads", grows: 8 * mib, do: neverReads},
	{name: "10,000 signals to absent members", grows: 8 * mib, do: sendsToAbsentMembers},
	{name: "a message in fragments of one byte", grows: 8 * mib, do: fragmentsOfOneByte},
	{name: "100,000 empty fragments", grows: 8 * mib, do: emptyFragments},
	{name: "a thousand half-open handshakes", grows: 40 * mib, do: halfOpenHandshakes},
	{name: "500 upgrades without a hello", grows: 32 * mib, change: func(l *target) { l.options.HelloTimeout = 2 * time.Second }, do: upgradesWithoutHello},
	{name: "a compressed message", grows: 8 * mib, do: compressedMessages},
	{name: "10,000 headers", grows: 8 * mib, do: manyHeaders},
	{name: "a foreign origin", grows: 8 * mib, do: foreignOrigin},
	{name: "wrong tokens", grows: 8 * mib, change: withTokens, do: wrongTokens},
	{name: "guessed session secrets", grows: 8 * mib, do: guessedSecrets},
	{name: "guessed connections over HTTP", grows: 8 * mib, do: guessedConnections},
	{name: "frames of a superseded socket", grows: 8 * mib, do: supersededFrames},
	{name: "slow request bodies", grows: 16 * mib, do: slowBodies},
	{name: "endless request bodies", grows: 8 * mib, do: endlessBodies},
	{name: "10,000 WebSocket pings", grows: 8 * mib, do: manyPings},
	{name: "10,000 messages to ping", grows: 8 * mib, do: manyPingMessages},
}

// Each attack gets the refusal that PROTOCOL.md has for it, takes a bounded amount of memory and gives it back, and two
// members of the same room, who exchange numbered signals all the while, lose none of them.
func TestHostileClientsDisturbNobody(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			l := newTarget(t, a.change)
			w := l.witnesses()
			before := inUse()
			l.before = before
			stop := watchHeap()
			a.do(l)
			l.measure()
			during, top := l.during, stop()
			l.hangUp()
			w.end()
			after := l.settled(before + stays)
			t.Logf("in use %.1f MiB before, +%.2f during (at most %.0f), %+.2f after (at most 3); highest heap with garbage +%.1f; witnesses: %s",
				float64(before)/mib, float64(during)/mib, float64(a.grows)/mib, float64(after-before)/mib, float64(top-before)/mib, w)
			if during > a.grows {
				t.Errorf("%d bytes more were in use during the attack; at most %d are expected", during, a.grows)
			}
			if top-before > highestHeap {
				t.Errorf("the heap grew by %d bytes", top-before)
			}
			if after > before+stays {
				t.Errorf("%d bytes stayed in use after it", after-before)
			}
		})
	}
}

// target is a hub to attack, behind a server as the program has it, and in it a room, lobby.
type target struct {
	*testing.T
	hub     *signaling.Hub
	options signaling.Options
	server  *http.Server
	address string // host and port
	invite  signaling.Invite
	key     ed25519.PrivateKey // that tokens are signed with; nil: the hub is open

	before, during int64 // bytes in use; during: more than before
	open           []io.Closer
}

func newTarget(t *testing.T, change func(*target)) *target {
	t.Helper()
	l := &target{T: t, server: &http.Server{
		ReadHeaderTimeout: 3 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}}
	if change != nil {
		change(l)
	}
	l.hub = signaling.NewHub(&l.options)
	l.server.Handler = l.hub
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.address = listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.server.Serve(listener)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := l.hub.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		l.server.Close()
		<-done
	})
	if l.invite, err = signaling.ParseInvite("http://" + l.address + "/r/lobby"); err != nil {
		t.Fatal(err)
	}
	return l
}

func withTokens(l *target) {
	l.key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	keys, err := token.NewKeys(token.Key{Public: l.key.Public().(ed25519.PublicKey)})
	if err != nil {
		l.Fatal(err)
	}
	l.options.Authorize = token.NewAuthorizer(keys, nil).Authorize
}

// inUse is what lives on the heap and on stacks, after a collection, in bytes. It is collected twice for what pools hold.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// measure takes note of what is in use at a moment of the attack.
func (l *target) measure() { l.during = max(l.during, inUse()-l.before) }

// settled waits until no more than a bound is in use, for ten seconds at most, and returns what is.
func (l *target) settled(bound int64) int64 {
	for start := time.Now(); ; <-time.After(50 * time.Millisecond) {
		if now := inUse(); now <= bound || time.Since(start) > 10*time.Second {
			return now
		}
	}
}

// watchHeap watches, without a collection, how large the heap becomes until stop is called, which returns that.
func watchHeap() (stop func() int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	var highest int64
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			highest = max(highest, int64(sample[0].Value.Uint64()+sample[1].Value.Uint64()))
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	}()
	return func() int64 {
		close(ended)
		<-done
		return highest
	}
}

// hangUp closes what attackers have open.
func (l *target) hangUp() {
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

// tcp connects.
func (l *target) tcp() net.Conn {
	l.Helper()
	c, err := net.Dial("tcp", l.address)
	if err != nil {
		l.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	l.open = append(l.open, c)
	return c
}

// upgraded is a WebSocket on which nothing was said.
func (l *target) upgraded() *websocket.Conn {
	l.Helper()
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}
	ws, _, err := d.Dial("ws://"+l.address+"/v1/rooms/lobby", nil)
	if err != nil {
		l.Fatal(err)
	}
	ws.NetConn().SetDeadline(time.Now().Add(30 * time.Second))
	l.open = append(l.open, ws)
	return ws
}

// member joins, with a secret.
func (l *target) member(secret signaling.Secret, name string) *signaling.Conn {
	l.Helper()
	hello := signaling.Hello{Secret: secret, Name: name, Kind: "go"}
	if l.key != nil {
		hello.Token = l.sign(l.key, token.Claims{Room: "lobby", Subject: name, Expires: time.Now().Add(time.Hour)})
	}
	c, err := signaling.Dial(l.Context(), l.invite, hello, &signaling.DialOptions{Transport: signaling.TransportWebSocket})
	if err != nil {
		l.Fatal(err)
	}
	l.open = append(l.open, c)
	return c
}

func (l *target) sign(key ed25519.PrivateKey, c token.Claims) string {
	l.Helper()
	text, err := token.Sign(key, "", c)
	if err != nil {
		l.Fatal(err)
	}
	return text
}
