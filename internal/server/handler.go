package server

import (
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"

	"github.com/snug-chat/snug/internal/admin"
	"github.com/snug-chat/snug/web"
)

// handler is what the public reaches: the hub, its page, and whether it is well.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/rooms/", s.hub)
	mux.Handle("/livez", admin.Livez())
	mux.Handle("/readyz", admin.Readyz(s.hub))
	mux.Handle("/", web.Handler())
	return mux
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
	h := admin.New(o.server.hub, admin.Options{Token: p.adminToken, Version: Version(), Logger: o.server.logs.logger})
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
