package signalingtest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
)

// HostileHub is a hub that can't be trusted: it sees, keeps and changes what it passes on. Behind it is a real one. It speaks
// WebSocket only, and resumes no session: who comes back is welcomed anew, under the same id.
//
// All its methods may be called by any number of goroutines.
type HostileHub struct {
	URL string // its address, without a slash at its end

	// Set at construction.
	server *httptest.Server
	hub    *signaling.Hub
	work   sync.WaitGroup

	mu      sync.Mutex
	meddle  func(Passing) []Passing
	seen    [][]byte
	members map[string]*hostileConn // by id
}

// Passing is a message on its way between the hub and one of its members.
type Passing struct {
	Way    Way
	Member string         // the id of the member at the other end
	Text   jsontext.Value // the message
}

// hostileConn is a member's connection, and its counts, which are none of the real hub's: each side is told that
// all it said was taken.
type hostileConn struct {
	client, hub *websocket.Conn

	id string // guarded by the hub's mu

	mu         sync.Mutex // held while writing to either
	fromClient uint64     // signals
	fromHub    uint64     // counted messages
}

// NewHostileHub starts one that is honest as long as Meddle isn't called, and ends it with the test.
func NewHostileHub(t testing.TB, o *signaling.Options) *HostileHub {
	t.Helper()
	h := &HostileHub{hub: signaling.NewHub(o), members: make(map[string]*hostileConn)}
	inner := httptest.NewServer(h.hub)
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, inner.Listener.Addr()) }))
	h.URL = h.server.URL
	t.Cleanup(func() {
		h.server.CloseClientConnections()
		inner.CloseClientConnections()
		h.cutAll()
		h.work.Wait()
		h.server.Close()
		inner.Close()
		h.hub.Shutdown(t.Context())
	})
	return h
}

// Invite lets somebody into an open room.
func (h *HostileHub) Invite(room string) signaling.Invite {
	return signaling.Invite{Hub: h.Address(), Room: room}
}

// Address is URL, parsed.
func (h *HostileHub) Address() *url.URL {
	u, err := url.Parse(h.URL)
	if err != nil {
		panic("signalingtest: " + err.Error()) // the URL was changed
	}
	return u
}

// Meddle has f say what goes on in place of each message but acknowledgements, from now on: nothing, that
// message, others, to the same member or to another one. Nil: the hub is honest. f is called for one message at a time.
func (h *HostileHub) Meddle(f func(Passing) []Passing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.meddle = f
}

// Say says something to a member, or, with ToHub, to the real hub in its name.
func (h *HostileHub) Say(p Passing) {
	h.mu.Lock()
	c := h.members[p.Member]
	h.mu.Unlock()
	if c != nil {
		c.pass(p)
	}
}

// Seen is all that it was told so far: paths of requests, and messages both ways.
func (h *HostileHub) Seen() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Concat(h.seen...)
}

func (h *HostileHub) see(what []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, append(slices.Clone(what), '\n'))
}

func (h *HostileHub) serve(w http.ResponseWriter, r *http.Request, hub net.Addr) {
	h.see([]byte(r.URL.String()))
	for name, values := range r.Header {
		h.see([]byte(name + ": " + strings.Join(values, ", ")))
	}
	up, _, err := (&websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}).Dial("ws://"+hub.String()+r.URL.EscapedPath(), nil)
	if err != nil {
		http.Error(w, "the hub is away", http.StatusBadGateway)
		return
	}
	client, err := (&websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}).Upgrade(w, r, nil)
	if err != nil {
		up.Close()
		return
	}
	c := &hostileConn{client: client, hub: up}
	h.work.Go(func() { h.pump(c, client, up, ToHub) })
	h.work.Go(func() { h.pump(c, up, client, ToClient) })
}

// pump passes one direction on until either side ends.
func (h *HostileHub) pump(c *hostileConn, from, to *websocket.Conn, way Way) {
	defer from.Close()
	defer to.Close()
	for {
		_, text, err := from.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok && closed.Code != websocket.CloseAbnormalClosure {
			to.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(closed.Code, closed.Text), time.Now().Add(time.Second))
		}
		if err != nil {
			return
		}
		h.see(text)
		h.take(c, way, text)
	}
}

func (h *HostileHub) take(c *hostileConn, way Way, text []byte) {
	var m struct {
		Type   string            `json:"type"`
		Secret *signaling.Secret `json:"secret"`
	}
	if json.Unmarshal(text, &m) != nil {
		return
	}
	if m.Secret != nil { // a hello: the hub is told no session to resume
		h.enter(c, m.Secret.MemberID())
		text = without(text, "session", "received")
	}
	if c.counts(way, m.Type) {
		return
	}
	for _, p := range h.meddled(c, way, text) {
		h.Say(p)
	}
}

func (h *HostileHub) enter(c *hostileConn, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.id = id
	h.members[id] = c
}

func (h *HostileHub) meddled(c *hostileConn, way Way, text []byte) []Passing {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := Passing{way, c.id, text}
	if h.meddle == nil {
		return []Passing{p}
	}
	return h.meddle(p)
}

// counts acknowledges what is counted, at once, and tells whether a message is an acknowledgement itself.
func (c *hostileConn) counts(way Way, kind string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case kind == "ack":
		return true
	case way == ToHub && kind == "signal":
		c.fromClient++
		c.write(c.client, signaling.Ack{Received: c.fromClient})
	case way == ToClient && (kind == "signal" || kind == "undeliverable"):
		c.fromHub++
		c.write(c.hub, signaling.Ack{Received: c.fromHub})
	}
	return false
}

func (c *hostileConn) write(to *websocket.Conn, a signaling.Ack) {
	text, _ := json.Marshal(struct {
		Type     string `json:"type"`
		Received uint64 `json:"received"`
	}{"ack", a.Received})
	to.WriteMessage(websocket.TextMessage, text)
}

func (c *hostileConn) pass(p Passing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := c.client
	if p.Way == ToHub {
		to = c.hub
	}
	to.WriteMessage(websocket.TextMessage, p.Text)
}

func (h *HostileHub) cutAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.members {
		c.client.Close()
		c.hub.Close()
	}
}

// without is a message without some of its members.
func without(text []byte, names ...string) []byte {
	var m map[string]jsontext.Value
	if json.Unmarshal(text, &m) != nil {
		return text
	}
	for _, name := range names {
		delete(m, name)
	}
	again, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		return text
	}
	return again
}
