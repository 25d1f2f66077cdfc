// Package server is what snug serve runs: a hub and its page on one address, with its certificate,
// its keys and the operator's own listener, as a configuration says.
package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
)

const (
	readHeaderTimeout = 10 * time.Second // of a request, and of a TLS handshake
	idleTimeout       = 2 * time.Minute
	// requestTimeout is for all of a request, and again for its answer. One over HTTP waits for up to 25 s
	// (PROTOCOL.md, section 7), and its body may come over a slow network. What is a WebSocket by then is the hub's.
	requestTimeout = time.Minute
)

// Options are what a [Server] needs beside its configuration.
type Options struct {
	// Load reads the configuration again, for [Server.Reload]. Nil: it stays what it is.
	Load func() (*config.Config, error)
	// Notify tells a service manager about READY, RELOADING and STOPPING: sd_notify(3). Nil: there is none.
	Notify func(state string)
	// Invite draws an invite to a new sealed room of this hub, to be greeted with. Nil: rooms are open. The key is
	// the caller's: the hub has no use for it.
	Invite func(hub *url.URL) signaling.Invite
	// Log is where log lines go. Nil: standard error.
	Log io.Writer
}

// States of a service, for [Options.Notify].
const (
	StateReady     = "READY=1"
	StateReloading = "RELOADING=1"
	StateStopping  = "STOPPING=1"
)

// Server is a hub and a page that listen.
type Server struct {
	// Set at construction.
	options  Options
	started  *config.Config // says what needs a restart to change
	logs     *logs
	hub      *signaling.Hub
	gate     *gate
	listener net.Listener // the gate, or TLS on it, or what is HTTP of either
	http     *http.Server
	tls      *certificates // nil: plain HTTP
	turn     *relaying     // nil: there is none
	admin    *operator     // nil: there is none

	mu     sync.Mutex // held by Reload
	config *config.Config
}

// Listen takes the addresses, and reads the files that c names; nothing is served before
// [Server.Serve], or [Server.Close] if it comes to nothing. The error is a sentence, or [config.Problems].
func Listen(c *config.Config, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = os.Stderr
	}
	if o.Notify == nil {
		o.Notify = func(string) {}
	}
	parts, err := read(c)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, started: c, config: c, logs: newLogs(o.Log, c.Log)}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if err := s.encrypt(); err != nil {
		s.listener.Close()
		return nil, err
	}
	if err := s.relay(); err != nil {
		s.listener.Close()
		s.tls.close()
		return nil, err
	}
	s.hub = signaling.NewHub(s.hubOptions(c, parts))
	s.http = s.newHTTP(s.handler())
	s.http.ReadTimeout, s.http.WriteTimeout = requestTimeout, requestTimeout
	if s.admin, err = s.newOperator(parts); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends a server that hasn't begun to serve.
func (s *Server) Close() {
	s.listener.Close()
	if s.admin != nil {
		s.admin.listener.Close()
	}
	s.tls.close()
	s.hub.Shutdown(context.Background())
	s.turn.close()
}

func (s *Server) listen() error {
	addr := address(s.started.Listen, s.started.LAN)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return explain(addr, "--listen", err)
	}
	s.gate = newGate(l, s.logs)
	s.gate.configure(s.started)
	s.listener = s.gate
	return nil
}

func (s *Server) newHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    s.started.Limits.Header,
		ErrorLog:          s.logs.http(),
	}
}

// Serve serves until ctx ends, and reloads when something comes from reload. Then it ends, as
// docs/operating.md says, and returns nil when nothing of it runs any more.
func (s *Server) Serve(ctx context.Context, reload <-chan os.Signal) error {
	failed := make(chan error, 2)
	go func() { failed <- s.http.Serve(s.listener) }()
	if s.admin != nil {
		go func() { failed <- s.admin.http.Serve(s.admin.listener) }()
	}
	s.options.Notify(StateReady)
	for {
		select {
		case <-ctx.Done():
			return s.end()
		case err := <-failed:
			return errors.Join(err, s.end())
		case <-reload:
			s.Reload()
		}
	}
}
