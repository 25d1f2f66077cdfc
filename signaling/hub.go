package signaling

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Defaults of [Options].
const (
	defaultMaxMembers   = 64
	defaultMaxFrame     = 64 << 10
	defaultMaxQueue     = 1 << 20
	defaultPingInterval = 15 * time.Second
	defaultPongTimeout  = 30 * time.Second
	defaultHelloTimeout = 10 * time.Second
)

const (
	sweepInterval     = time.Second
	fullRetry         = 10 * time.Second
	goingAwayRetryMin = 500 * time.Millisecond
	goingAwayRetryMax = 5 * time.Second
	roomsPath         = "/v1/rooms/"
)

// Options configure a [Hub]. The zero value of each field means its default.
type Options struct {
	// Origins are the foreign origins whose pages may connect, such as
	// "https://example.org". The hub's own needs no mention, nor does any on
	// loopback for a hub that is reached there.
	Origins []string
	// ICEServers are handed to every member. None by default.
	ICEServers []ICEServer
	// Logger gets what an operator should know. Nil: nothing is logged.
	Logger *slog.Logger

	MaxMembers   int           // of a room; 64
	MaxFrame     int           // bytes of a message from a client; 65,536
	MaxQueue     int           // bytes waiting for one member, or it is closed; 1 MiB
	PingInterval time.Duration // between WebSocket pings; 15 s
	PongTimeout  time.Duration // without an answer, or it is closed; 30 s
	HelloTimeout time.Duration // from the upgrade to the hello; 10 s
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.ICEServers == nil {
		c.ICEServers = []ICEServer{}
	}
	setDefault(&c.MaxMembers, defaultMaxMembers)
	setDefault(&c.MaxFrame, defaultMaxFrame)
	setDefault(&c.MaxQueue, defaultMaxQueue)
	setDefault(&c.PingInterval, defaultPingInterval)
	setDefault(&c.PongTimeout, defaultPongTimeout)
	setDefault(&c.HelloTimeout, defaultHelloTimeout)
	return c
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// Hub introduces the members of rooms to each other. It is an http.Handler that
// serves every path ending in /v1/rooms/{room}, so it can be mounted below any
// prefix. Its methods may be called by any number of goroutines. It must be ended
// with [Hub.Shutdown]: http.Server.Shutdown doesn't know its connections.
type Hub struct {
	// Set at construction.
	options  Options
	upgrader websocket.Upgrader
	stop     chan struct{} // closed by Shutdown
	done     chan struct{} // closed when everything has ended

	work sync.WaitGroup // every goroutine and timer

	mu      sync.Mutex
	ending  bool
	rooms   map[string]*room
	sockets map[*socket]struct{}
}

// NewHub makes a hub and starts it. Nil options mean the defaults.
func NewHub(o *Options) *Hub {
	h := &Hub{
		options: o.withDefaults(),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		rooms:   make(map[string]*room),
		sockets: make(map[*socket]struct{}),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 10 * time.Second,
			// An idle member holds its read buffer; signals longer than
			// it are read in steps. Nothing is written through gorilla.
			ReadBufferSize:  1 << 10,
			WriteBufferSize: 1 << 10,
			WriteBufferPool: &sync.Pool{},
			CheckOrigin:     func(*http.Request) bool { return true }, // done before
		},
	}
	h.work.Go(h.sweep)
	return h
}

// ServeHTTP lets a client in, or tells anybody else why not.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, room, found := cutLast(r.URL.Path, roomsPath)
	if !found {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "a room is joined with GET", http.StatusMethodNotAllowed)
		return
	}
	if refusal := h.checkOrigin(r); refusal != nil {
		h.options.Logger.Warn("a page of a foreign origin was refused", "origin", r.Header.Get("Origin"), "host", r.Host)
		explain(w, http.StatusForbidden, refusal)
		return
	}
	h.mu.Lock()
	ending := h.ending
	h.mu.Unlock()
	if ending {
		explain(w, http.StatusServiceUnavailable, goingAway())
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		diagnose(w, room)
		return
	}
	h.accept(w, r, room)
}

// diagnose answers whoever asks why an upgrade failed.
func diagnose(w http.ResponseWriter, room string) {
	if err := CheckRoom(room); err != nil {
		explain(w, http.StatusBadRequest, refusef(CodeRoom, "%s.", sentence(err)))
		return
	}
	w.Header().Set("Upgrade", "websocket")
	explain(w, http.StatusUpgradeRequired, refusef(CodeUpgrade, "This is a snug hub. Connect with a WebSocket of the subprotocol %s.", Subprotocol))
}

func explain(w http.ResponseWriter, status int, e *Error) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if text, err := encode(e); err == nil {
		w.Write(append(text, '\n'))
	}
}

// accept upgrades, and refuses after that: browsers hide why an upgrade failed.
func (h *Hub) accept(w http.ResponseWriter, r *http.Request, room string) {
	protocol, refusal := choose(websocket.Subprotocols(r))
	if err := CheckRoom(room); refusal == nil && err != nil {
		refusal = refusef(CodeRoom, "%s.", sentence(err))
	}
	header := http.Header{}
	if protocol != "" {
		header.Set("Sec-WebSocket-Protocol", protocol)
	}
	ws, err := h.upgrader.Upgrade(w, r, header)
	if err != nil {
		return // Upgrade has answered
	}
	s := newSocket(ws, h.options.MaxQueue, &h.work)
	s.helloBy.Store(time.Now().Add(h.options.HelloTimeout).UnixNano())
	s.pingAt.Store(time.Now().Add(h.options.PingInterval).UnixNano())
	h.start(s, &session{transport: s, hub: h, roomName: room, admitted: func() { s.helloBy.Store(0) }}, refusal)
}

// start runs s in a goroutine of its own: a handler that stayed would keep
// net/http's buffers. With a refusal, s gets that and nothing else.
func (h *Hub) start(s *socket, r receiver, refusal *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending {
		s.conn.Close()
		return
	}
	if refusal != nil {
		s.close(refusal)
	}
	h.sockets[s] = struct{}{}
	h.work.Go(func() {
		s.run(r)
		h.mu.Lock()
		delete(h.sockets, s)
		h.mu.Unlock()
	})
}

// choose picks the subprotocol from what a client offers. A client that speaks
// none of ours still gets one it knows, so that it can be told.
func choose(offered []string) (protocol string, refusal *Error) {
	for _, p := range offered {
		if p == Subprotocol {
			return p, nil
		}
	}
	if len(offered) > 0 {
		protocol = offered[0]
	}
	return protocol, refusef(CodeVersion, "This hub speaks %s, and you don't. Get a newer version of one of the two.", Subprotocol)
}

// join takes a session into its room, which is made if need be.
func (h *Hub) join(s *session, id string, hello Hello) (*room, *Error) {
	for {
		h.mu.Lock()
		r := h.rooms[s.roomName]
		if r == nil {
			r = newRoom(h, s.roomName)
			h.rooms[s.roomName] = r
		}
		h.mu.Unlock()
		if ok, refusal := r.join(s, id, hello); ok {
			return r, refusal
		}
	}
}

// forget drops a room that is closed.
func (h *Hub) forget(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.name] == r {
		delete(h.rooms, r.name)
	}
}

// sweep does once a second what every connection needs in time.
func (h *Hub) sweep() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, s := range h.all() {
				s.check(now, h.options.PingInterval, h.options.PongTimeout)
			}
		case <-h.stop:
			return
		}
	}
}

func (h *Hub) all() []*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	sockets := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		sockets = append(sockets, s)
	}
	return sockets
}

// Shutdown tells every client to come back later, each at another time, and
// returns when all goroutines have ended. Clients have two seconds to close; if ctx
// ends sooner, they have until then, and its error is returned. Links between
// members go on. Calls after the first wait likewise.
func (h *Hub) Shutdown(ctx context.Context) error {
	if h.end() {
		close(h.stop)
		for _, s := range h.all() {
			s.close(goingAway())
		}
		go func() {
			h.work.Wait()
			close(h.done)
		}()
	}
	var err error
	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	select {
	case <-h.done:
		return nil
	case <-patience.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	for _, s := range h.all() {
		s.conn.Close()
	}
	<-h.done
	return err
}

// end makes the hub take in nobody any more; it returns true the first time.
func (h *Hub) end() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.ending
	h.ending = true
	return first
}

func goingAway() *Error {
	e := refusef(CodeGoingAway, "The hub is going away for a moment. Your conversations go on.")
	e.Retry = goingAwayRetryMin + rand.N(goingAwayRetryMax-goingAwayRetryMin)
	return e
}

func (h *Hub) heartbeat() Heartbeat {
	return Heartbeat{Ping: h.options.PingInterval.Milliseconds(), Timeout: h.options.PongTimeout.Milliseconds()}
}

func (h *Hub) limits() Limits {
	return Limits{Frame: h.options.MaxFrame, Members: h.options.MaxMembers, Hello: maxHello, Name: maxName, Meta: maxMeta}
}

// sentence is err with a capital letter.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
