package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
)

// target is a server that can be measured.
type target struct {
	name      string // in tables
	key       string // in JSON
	dialect   dialect
	announces bool     // it tells the members of a room who comes and goes
	command   []string // starts it; nil if it is somebody else's and runs already
	site      *site    // then, where
}

// site is a server that runs.
type site struct {
	dialect dialect
	address string // to connect to
	host    string // for the header
	prefix  string // of paths
	tls     *tls.Config
	process *process // nil if it is somebody else's

	addresses atomic.Uint32 // given to members so far
}

// nextAddress is one that no other member has, of a network that is nobody's (RFC 6598).
func (s *site) nextAddress() string {
	n := s.addresses.Add(1)
	return netip.AddrFrom4([4]byte{100, 64 + byte(n>>16)&0x3f, byte(n >> 8), byte(n)}).String()
}

func (s *site) connect(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil || s.tls == nil {
		return conn, err
	}
	secured := tls.Client(conn, s.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

// with starts a target, has it measured with a crowd of no members yet, and ends both.
func (r *runner) with(t target, measure func(*site, *crowd) error) (err error) {
	s := t.site
	if s == nil {
		p, err := startProcess(t.command)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		s = &site{dialect: t.dialect, address: p.address, host: p.address, tls: r.secured("127.0.0.1"), process: p}
	}
	c := newCrowd(s)
	defer c.close()
	return measure(s, c)
}

// secured is how to speak TLS to our own servers; nil without TLS.
func (r *runner) secured(name string) *tls.Config {
	if r.tls == nil {
		return nil
	}
	c := r.tls.Clone()
	c.ServerName = name
	return c
}

// parseURL is the site of a hub, or an invite to it.
func parseURL(text string) (*site, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is no address of a hub: write it as http://localhost:8080", text)
	}
	s := &site{dialect: snugDialect{}, host: u.Host}
	port := "80"
	switch u.Scheme {
	case "http", "ws":
	case "https", "wss":
		s.tls = &tls.Config{ServerName: u.Hostname()}
		port = "443"
	default:
		return nil, fmt.Errorf("%q is no address of a hub: it begins with http:// or https://", text)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	s.address = net.JoinHostPort(u.Hostname(), port)
	s.prefix, _, _ = strings.Cut(u.Path, "/r/")
	s.prefix = strings.TrimRight(s.prefix, "/")
	return s, nil
}
