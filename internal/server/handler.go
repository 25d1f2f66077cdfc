package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/snug-chat/snug/internal/admin"
	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/web"
)

// handler is what the public reaches: the hub, its page, and whether it is well.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/rooms/", s.hub)
	mux.Handle("/livez", admin.Livez())
	mux.Handle("/readyz", admin.Readyz(s.hub))
	mux.Handle("/", web.Handler())
	return s.missProxies(mux)
}

// missProxies warns, once, of a proxy on this machine that isn't named. All its clients are one then,
// and an address of this machine has no limits: none of them is bounded.
func (s *Server) missProxies(next http.Handler) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" {
			from, err := netip.ParseAddrPort(r.RemoteAddr)
			if ip := from.Addr().Unmap(); err == nil && ip.IsLoopback() && !s.gate.trusts(ip) {
				once.Do(func() {
					s.logs.logger.Warn("a proxy on this machine says where clients come from and isn't believed, so no client of it is bounded: name it", "proxies", ip)
				})
			}
		}
		next.ServeHTTP(w, r)
	})
}

// operator is the operator's own listener: metrics, admin API, profiles.
type operator struct {
	listener net.Listener
	http     *http.Server
	handler  atomic.Pointer[http.Handler]
	server   *Server
}

// newOperator listens for the operator; nil if the configuration names no address.
func (s *Server) newOperator(p parts) (*operator, error) {
	addr := s.started.Admin.Listen
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the admin listener: %w", explain(addr, "--admin", err))
	}
	if s.started.Admin.TokenFile != "" && !config.Loopback(addr) {
		s.logs.logger.Warn("the admin listener speaks plain HTTP, and others can reach it: whoever can read along can read its token; leave it on 127.0.0.1, or in a network that is yours alone", "listen", addr)
	}
	o := &operator{listener: l, server: s}
	o.configure(p)
	o.http = s.newHTTP(o)
	return o, nil
}

// configure has what comes from now on ask for another token.
func (o *operator) configure(p parts) {
	if o == nil {
		return
	}
	options := admin.Options{Token: p.adminToken, Version: Version(), Logger: o.server.logs.logger}
	if o.server.turn != nil {
		options.TURN = o.server.turn.Stats
	}
	h := admin.New(o.server.hub, options)
	o.handler.Store(&h)
}

func (o *operator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*o.handler.Load()).ServeHTTP(w, r)
}

// Version is the program's; "unknown" if it wasn't built from a module's version or a repository.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unknown"
}
