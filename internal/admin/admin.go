// Package admin is what an operator sees of a hub and does to it. It is made
// for a listener of its own, which the public doesn't reach:
//
//	/livez  /readyz       does it run, does it take newcomers
//	/metrics              for Prometheus; numbers only
//	/v1/…                 rooms, members, kick, lock, drain; with a token
//	/debug/pprof/…        profiles; with the same token
//
// docs/admin.md says it to those who use it.
package admin

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/snug-chat/snug/internal/turn"
	"github.com/snug-chat/snug/signaling"
)

const bodyWait = 10 * time.Second

// Hub is what is looked at: a [*signaling.Hub].
type Hub interface {
	Rooms(after string, limit int) []signaling.RoomInfo
	Room(name string) (signaling.RoomInfo, bool)
	Members(room string) ([]signaling.MemberInfo, bool)
	Kick(room, id string) signaling.Holds
	Lock(room string, locked bool) bool
	Drain(over time.Duration)
	Undrain()
	Draining() bool
	Stats() signaling.Stats
}

// Options configure [New].
type Options struct {
	// Token is what the API and the profiles ask for, such as [TokenFile]. It is
	// called for each request, by any number of goroutines. While it fails, nobody gets
	// in. Nil: API and profiles are off.
	Token func() (string, error)
	// Version of the program, for the metrics. Empty: "unknown".
	Version string
	// TURN gives the numbers of the hub's TURN server, for the metrics. Nil: there is none.
	TURN func() turn.Stats
	// Logger gets what an operator did, and who tried to without the token. Nil: nothing is logged.
	Logger *slog.Logger
}

// New is the handler of the admin listener. It may be used by any number of goroutines.
//
// No browser's page is let in: requests with an Origin, or with a Sec-Fetch-Site other than
// "none", are refused. The Host header is used for nothing, so a name that was rebound to
// this address gets what anybody without the token gets: health and numbers.
func New(hub Hub, o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "unknown"
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.HandlerFunc(nothingHere))
	mux.Handle("/livez", Livez())
	mux.Handle("/readyz", Readyz(hub))
	mux.Handle("/metrics", metrics(hub, o))
	mux.Handle("/v1/", newGate(o, newAPI(hub, o.Logger)))
	mux.Handle("/debug/pprof/", newGate(o, profiles()))
	return boundBodies(refusePages(mux))
}

// boundBodies gives a request's body ten seconds, be it read here or dropped by the
// server, which would wait for it without an end. The server sets its own deadline for the next request.
func boundBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// Not every ResponseWriter has deadlines; a server's has.
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait))
		}
		next.ServeHTTP(w, r)
	})
}

// refusePages keeps pages of every origin out: they reach addresses that their
// author can't, with the browser's network and, by DNS rebinding, under a name of their own.
func refusePages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		site := r.Header.Get("Sec-Fetch-Site")
		if len(r.Header.Values("Origin")) > 0 || site != "" && site != "none" {
			refuse(w, faultf(http.StatusForbidden, "origin", "No page of a browser may use this address. Use curl or another program."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// methods are the handlers of one path, by method. HEAD is as GET.
type methods map[string]http.HandlerFunc

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if serve, ok := m[method]; ok {
		serve(w, r)
		return
	}
	allowed := m.allowed()
	w.Header().Set("Allow", allowed)
	refuse(w, faultf(http.StatusMethodNotAllowed, "method", "This path takes %s, not %.20s.", allowed, r.Method))
}

func (m methods) allowed() string {
	switch _, get := m[http.MethodGet]; {
	case get && len(m) > 1:
		return "GET, HEAD, POST"
	case get:
		return "GET, HEAD"
	}
	return "POST"
}

func nothingHere(w http.ResponseWriter, r *http.Request) {
	refuse(w, faultf(http.StatusNotFound, "unknown", "There is nothing at %.200q. docs/admin.md lists what there is.", r.URL.Path))
}
