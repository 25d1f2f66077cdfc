package signaling

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	roomsPath = "/v1/rooms/"
	maxLogged = 200 // bytes
)

// ServeHTTP lets a client in, or tells anybody else why not.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, found := cutLast(r.URL.Path, roomsPath)
	if !found {
		http.NotFound(w, r)
		return
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestWait)) // an upgrade, and body, end that
	room, verb, _ := strings.Cut(path, "/")
	servePoll := h.pollVerb(verb)
	if refusal := h.checkHost(r); refusal != nil {
		h.misdirected.log(h.log(), slog.LevelWarn, "a request for a host that isn't this hub was refused", "origin", short(r.Header.Get("Origin")), "host", short(r.Host))
		h.refuse(w, r, http.StatusMisdirectedRequest, refusal)
		return
	}
	if refusal := h.checkOrigin(r); refusal != nil {
		h.counters.refused(refusal)
		h.foreign.log(h.log(), slog.LevelWarn, "a page of a foreign origin was refused", "origin", short(r.Header.Get("Origin")), "host", short(r.Host))
		explain(w, r, http.StatusForbidden, refusal)
		return
	}
	if servePoll != nil {
		allowPosts(w, r, func() { servePoll(w, r, room) })
		return
	}
	room = path
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "a room is joined with GET", http.StatusMethodNotAllowed)
		return
	}
	status, refusal := h.turnAway(r)
	switch {
	case refusal != nil:
		h.counters.refused(refusal)
		explain(w, r, status, refusal)
	case websocket.IsWebSocketUpgrade(r):
		h.accept(w, r, room)
	default:
		h.diagnose(w, r, room)
	}
}

// turnAway refuses, before a connection costs anything, what this hub takes from
// nobody now, or by far not from this address.
func (h *Hub) turnAway(r *http.Request) (status int, refusal *Error) {
	o := h.options.Load()
	if h.Draining() {
		return http.StatusServiceUnavailable, goingAway()
	}
	if h.addresses.connected(clientAddress(r, o)) >= 2*o.Limits.Connections {
		return http.StatusTooManyRequests, tooManyConnections(o)
	}
	return 0, nil
}

func tooManyConnections(o *Options) *Error {
	return limited(LimitConnections, fullRetry, "There are %d connections from your address already. Close some, or wait.", o.Limits.Connections)
}

// diagnose answers whoever asks why an upgrade failed.
func (h *Hub) diagnose(w http.ResponseWriter, r *http.Request, room string) {
	if err := CheckRoom(room); err != nil {
		explain(w, r, http.StatusBadRequest, refusef(CodeRoom, "%s.", sentence(err)))
		return
	}
	o := h.options.Load()
	if h.addresses.connected(clientAddress(r, o)) >= o.Limits.Connections {
		explain(w, r, http.StatusTooManyRequests, tooManyConnections(o))
		return
	}
	w.Header().Set("Upgrade", "websocket")
	explain(w, r, http.StatusUpgradeRequired, refusef(CodeUpgrade, "This is a snug hub. Connect with a WebSocket of the subprotocol %s.", Subprotocol))
}

// explain answers a request with an error. That of a GET may be read by any page: it
// says nothing of anybody.
func explain(w http.ResponseWriter, r *http.Request, status int, e *Error) {
	if r.Method == http.MethodGet {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if text, err := encode(e); err == nil {
		w.Write(append(text, '\n'))
	}
}

// accept upgrades, and refuses after that: browsers hide why an upgrade failed.
func (h *Hub) accept(w http.ResponseWriter, r *http.Request, room string) {
	o := h.options.Load()
	protocol, refusal := choose(websocket.Subprotocols(r))
	if err := CheckRoom(room); refusal == nil && err != nil {
		refusal = refusef(CodeRoom, "%s.", sentence(err))
	}
	address := clientAddress(r, o)
	disconnected, ok := h.addresses.connect(address, o)
	if !ok && refusal == nil {
		refusal = tooManyConnections(o)
	}
	header := http.Header{}
	if protocol != "" {
		header.Set("Sec-WebSocket-Protocol", protocol)
	}
	ws, err := h.upgrader.Upgrade(w, r, header)
	if err != nil {
		disconnected()
		return // Upgrade has answered
	}
	s := newSocket(ws.NetConn(), h)
	s.helloBy.Store(time.Now().Add(o.HelloTimeout).UnixNano())
	c := &connection{hub: h, roomName: room, address: address, transport: s}
	h.start(s, func() {
		s.run(c)
		disconnected()
	}, refusal)
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

// short is as much of what a client said as belongs into a log.
func short(s string) string { return s[:min(len(s), maxLogged)] }

// sentence is err with a capital letter.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
