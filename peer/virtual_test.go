package peer

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gorilla/websocket"
	"github.com/pion/transport/v5/vnet"
	"github.com/snug-chat/snug/signaling"
)

// virtualLab is a room in virtual time: members on a virtual network, and a real
// hub that they reach through pipes and a relay that can lose signals.
type virtualLab struct {
	t       *testing.T
	network *vnet.Router
	members int
	relay   *pipeListener
	invite  string
	logger  *slog.Logger // of members

	mu    sync.Mutex
	lose  func(signalType string) bool
	hub   *signaling.Hub
	inner *pipeListener // the hub's
	web   *http.Server
}

// newVirtualLab is for use inside synctest.Test. Packets take 50 ms, and this share of them
// is lost.
func newVirtualLab(t *testing.T, loss float64) *virtualLab {
	t.Helper()
	return newSlowVirtualLab(t, loss, 50*time.Millisecond, 1)
}

func newSlowVirtualLab(t *testing.T, loss float64, delay time.Duration, seed uint64) *virtualLab {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "203.0.113.0/24", MinDelay: delay, LoggerFactory: pionLogs{slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 2))
	router.AddChunkFilter(func(vnet.Chunk) bool {
		mu.Lock()
		defer mu.Unlock()
		return dice.Float64() >= loss
	})
	l := &virtualLab{t: t, network: router, relay: newPipeListener(), invite: "http://hub.test/r/lobby", logger: slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), lose: func(string) bool { return false }}
	l.startHub()
	relay := &http.Server{Handler: http.HandlerFunc(l.pass)}
	var serving sync.WaitGroup
	serving.Go(func() { relay.Serve(l.relay) })
	t.Cleanup(func() {
		relay.Close()
		serving.Wait()
		l.stopHub()
		router.Stop()
	})
	return l
}

func (l *virtualLab) startHub() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hub, l.inner = signaling.NewHub(nil), newPipeListener()
	l.web = &http.Server{Handler: l.hub}
	web, inner := l.web, l.inner
	go web.Serve(inner)
}

// stopHub cuts every connection without a word.
func (l *virtualLab) stopHub() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.web.Close()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	l.hub.Shutdown(now)
}

func (l *virtualLab) loseSignals(lose func(signalType string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = lose
}

// pass relays a connection to the hub, and loses signals to the client.
func (l *virtualLab) pass(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	inner := l.inner
	l.mu.Unlock()
	hub, _, err := (&websocket.Dialer{NetDialContext: inner.dial, Subprotocols: []string{signaling.Subprotocol}}).Dial("ws://hub.test"+r.URL.Path, nil)
	if err != nil {
		http.Error(w, "the hub is away", http.StatusBadGateway)
		return
	}
	client, err := (&websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}).Upgrade(w, r, nil)
	if err != nil {
		hub.Close()
		return
	}
	go pump(hub, client, func([]byte) bool { return true })
	pump(client, hub, l.keeps)
}

func pump(to, from *websocket.Conn, keeps func([]byte) bool) {
	defer to.Close()
	for {
		kind, data, err := from.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok && closed.Code != websocket.CloseAbnormalClosure {
			to.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(closed.Code, ""), time.Now().Add(time.Second))
		}
		if err != nil {
			return
		}
		if keeps(data) && to.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func (l *virtualLab) keeps(data []byte) bool {
	var m struct {
		Type string `json:"type"`
		Body struct {
			Type string `json:"type"`
		} `json:"body"`
	}
	if json.Unmarshal(data, &m) != nil || m.Type != "signal" {
		return true
	}
	l.mu.Lock()
	lose := l.lose
	l.mu.Unlock()
	return !lose(m.Body.Type)
}

func (l *virtualLab) join(name string) *Room {
	l.t.Helper()
	l.members++
	nic, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{fmt.Sprintf("203.0.113.%d", l.members)}})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.network.AddNet(nic); err != nil {
		l.t.Fatal(err)
	}
	if l.members == 1 {
		if err := l.network.Start(); err != nil {
			l.t.Fatal(err)
		}
	}
	r, err := Join(l.t.Context(), l.invite, &Options{
		Name:      name,
		Net:       nic,
		Logger:    l.logger,
		Signaling: &signaling.DialOptions{NetDialContext: l.relay.dial},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// talk has the two open their link and exchange messages. It returns how long opening
// took.
func (l *virtualLab) talk(ann, bob *Room) time.Duration {
	l.t.Helper()
	start := time.Now()
	until(l.t, ann, live(1))
	until(l.t, bob, live(1))
	opened := time.Since(start)
	for i := range 50 {
		says(l.t, ann, fmt.Sprint("question ", i))
		hears(l.t, bob, "Ann", fmt.Sprint("question ", i))
		says(l.t, bob, fmt.Sprint("answer ", i))
		hears(l.t, ann, "Bob", fmt.Sprint("answer ", i))
	}
	return opened
}

// once loses the first signal of a type.
func once(signalType string, also func()) func(string) bool {
	var first sync.Once
	return func(t string) (lost bool) {
		if t == signalType {
			first.Do(func() {
				lost = true
				if also != nil {
					also()
				}
			})
		}
		return lost
	}
}

func TestLossAndDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0.05)
		t.Logf("open after %v", l.talk(l.join("Ann"), l.join("Bob")))
	})
}

func TestSignalsGetLost(t *testing.T) {
	for _, what := range []string{signalOffer, signalAnswer, signalCandidates} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newVirtualLab(t, 0.05)
				l.loseSignals(once(what, nil))
				t.Logf("open after %v", l.talk(l.join("Ann"), l.join("Bob")))
			})
		})
	}
}

func TestHubRestartsWhileLinksOpen(t *testing.T) {
	for _, when := range []string{signalOffer, signalAnswer, signalCandidates} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newVirtualLab(t, 0.05)
				var restarting sync.WaitGroup
				defer restarting.Wait()
				l.loseSignals(once(when, func() {
					restarting.Go(func() {
						l.stopHub()
						l.startHub()
					})
				}))
				t.Logf("open after %v", l.talk(l.join("Ann"), l.join("Bob")))
			})
		})
	}
}

func TestSilenceEndsALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0)
		ann, bob := l.join("Ann"), l.join("Bob")
		l.talk(ann, bob)
		cut := time.Now()
		l.network.AddChunkFilter(func(vnet.Chunk) bool { return false })
		until(t, ann, func(m []Member) bool { return m[0].State == LinkShaky })
		if d := time.Since(cut); d > 5*time.Second {
			t.Errorf("shaky after %v", d)
		}
		untilWithin(t, ann, 2*time.Minute, func(m []Member) bool { return m[0].State == LinkGone && m[0].Cause == CauseSilent })
		if d := time.Since(cut); d > 70*time.Second {
			t.Errorf("gone after %v", d)
		}
	})
}

func TestNoAnswerEndsALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0)
		l.loseSignals(func(string) bool { return true })
		start := time.Now()
		ann := l.join("Ann")
		l.join("Bob")
		untilWithin(t, ann, time.Minute, func(m []Member) bool { return len(m) == 1 && m[0].Cause == CauseTimeout })
		if d := time.Since(start); d < connectWait || d > connectWait+time.Second {
			t.Errorf("gone after %v", d)
		}
	})
}

// Who isn't connected is told why also while it is tried again.
func TestWhyIsSaidWhileItIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0)
		l.network.AddChunkFilter(func(vnet.Chunk) bool { return false })
		ann := l.join("Ann")
		l.join("Bob")
		why := func(s LinkState) func([]Member) bool {
			return func(m []Member) bool { return len(m) == 1 && m[0].State == s && m[0].Cause == CauseNoTURN }
		}
		untilWithin(t, ann, time.Minute, why(LinkGone))
		untilWithin(t, ann, time.Minute, why(LinkConnecting))
		untilWithin(t, ann, time.Minute, why(LinkGone))
	})
}

// pipeListener is a net.Listener of pipes: real sockets don't block durably in a bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
