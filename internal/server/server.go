// Package server is what snug serve runs: hub and page on one address.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/web"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	shutdownWait      = 5 * time.Second
)

// Options configure a [Server].
type Options struct {
	Listen     string   // host:port; 127.0.0.1:8080
	LAN        bool     // listen on every interface
	Origins    []string // foreign origins whose pages may connect
	ICEServers []string // URLs of STUN servers
	Logger     *slog.Logger
}

// Server is a hub and a page that listen.
type Server struct {
	lan      bool
	listener net.Listener
	hub      *signaling.Hub
	http     *http.Server
}

// Listen takes the address; nothing is served before [Server.Serve]. The error is
// a sentence.
func Listen(o Options) (*Server, error) {
	addr, err := address(o.Listen, o.LAN)
	if err != nil {
		return nil, err
	}
	if err := check(o); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, explain(addr, err)
	}
	var ice []signaling.ICEServer
	if len(o.ICEServers) > 0 {
		ice = []signaling.ICEServer{{URLs: o.ICEServers}}
	}
	hub := signaling.NewHub(&signaling.Options{Origins: o.Origins, ICE: func(signaling.AuthRequest, signaling.Grant) signaling.ICE { return signaling.ICE{Servers: ice} }, Logger: o.Logger})
	mux := http.NewServeMux()
	mux.Handle("/v1/rooms/", hub)
	mux.Handle("/", web.Handler())
	return &Server{lan: o.LAN, listener: l, hub: hub, http: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}}, nil
}

// Serve serves until ctx ends, then shuts down and returns nil when nothing of
// it runs any more.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop, cancel := context.WithTimeout(context.Background(), shutdownWait)
	defer cancel()
	// The hub first: http.Server doesn't know connections that were upgraded.
	return errors.Join(err, s.hub.Shutdown(stop), s.http.Shutdown(stop))
}

// Invite is the invite to a new room, with a host that reaches this server from
// where it may be opened.
func (s *Server) Invite() (string, error) {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return "", err
	}
	ip := net.ParseIP(host)
	switch {
	case s.lan:
		if host, err = lanAddress(); err != nil {
			return "", err
		}
	case ip.IsUnspecified() || ip.IsLoopback():
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/r/" + signaling.NewRoomName(), nil
}

// address is where to listen: listen itself, or its port on every interface.
func address(listen string, lan bool) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("%q is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080", listen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%q is no port: write a number from 0 to 65535", port)
	}
	if lan {
		host = ""
	}
	return net.JoinHostPort(host, port), nil
}

func explain(addr string, err error) error {
	host, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		other := "8081"
		if port == other {
			other = "8082"
		}
		return fmt.Errorf("port %s is in use by another program: end that, or choose another port with --listen %s", port, net.JoinHostPort(host, other))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %s needs more rights than you have: choose one above 1023 with --listen %s", port, net.JoinHostPort(host, "8080"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is no address of this machine: choose one that is, or 0.0.0.0 for all, with --listen", host)
	}
	return fmt.Errorf("can't listen on %s: %w", addr, err)
}
