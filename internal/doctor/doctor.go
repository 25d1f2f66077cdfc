// Package doctor finds out what keeps members of a hub apart: it comes in as one, tries every way that a member's
// packets may go, and says in sentences what is wrong, what that means and what mends it.
//
//	hub, HTTPS, clock          one request that isn't checked, and then looked at
//	WebSocket, HTTP, silence   two members, and what becomes of their connections
//	STUN, NAT                  one socket, and how others see it (RFC 8489; the idea of RFC 5780)
//	TURN                       for each transport two allocations, and bytes from one to the other and back (RFC 8656)
//	ports of relays            a datagram from outside to an allocation, which is what closed firewalls and wrong addresses swallow
//	the server                 where it runs on this machine: descriptors, files, addresses
package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
)

const (
	defaultTimeout = 10 * time.Second
	defaultIdle    = 20 * time.Second // a hub's sign of life comes every 15 s
	closeWait      = 2 * time.Second
)

// Options say how to look. The zero value of each field means its default.
type Options struct {
	// Token gives the token to come in with. Nil: the hub is open.
	Token func(context.Context) (string, error)
	// Room is where a token lets one in. Empty: that of the invite.
	Room string
	// Config is that of the hub, where it runs on this machine. Nil: what needs it isn't tried.
	Config *config.Config
	// Timeout bounds each check but that of silence; 10 s.
	Timeout time.Duration
	// Idle bounds how long is waited for what becomes of silent connections; 20 s. Below zero: it isn't tried.
	Idle time.Duration
	// Progress is told of each result as soon as it is known, one call after the other. Nil: nobody is.
	Progress func(Result)
	// TLS is how the hub and TURN servers are spoken to. Nil: with the authorities of the system.
	TLS *tls.Config
	// Dial connects to the hub. Nil: with a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Idle == 0 {
		o.Idle = defaultIdle
	}
	if o.TLS == nil {
		o.TLS = new(tls.Config)
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Target is what is to be looked at.
type Target struct {
	Hub  *url.URL // http or https, without a slash at its end
	Room string   // empty: any
}

// ParseTarget reads a hub's address or an invite. Its error is a sentence.
func ParseTarget(s string) (Target, error) {
	s, _, _ = strings.Cut(s, "#") // a room's key is of no use here
	if i, err := signaling.ParseInvite(s); err == nil {
		return Target{i.Hub, i.Room}, nil
	}
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return Target{}, fmt.Errorf("%.80q is no address of a hub: it should look like https://hub.example.org, or be an invite", s)
	}
	return Target{Hub: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}}, nil
}

func (t Target) host() string { return t.Hub.Hostname() }

func (t Target) port() string {
	switch {
	case t.Hub.Port() != "":
		return t.Hub.Port()
	case t.Hub.Scheme == "https":
		return "443"
	}
	return "80"
}

// address is host and port, as they are shown.
func (t Target) address() string { return net.JoinHostPort(t.host(), t.port()) }

// Run looks at a hub. It returns when every check has ended, or with ctx: then what wasn't finished counts as skipped. It may be
// called by any number of goroutines.
func Run(ctx context.Context, t Target, o Options) Report {
	e := &examination{Options: o.withDefaults(), target: t, results: make(map[string]Result)}
	e.secure = e.TLS.Clone()
	var work sync.WaitGroup
	reached, local := e.checkHub(ctx)
	e.onServer = local || e.Config != nil
	work.Go(func() { e.checkServer(ctx) })
	if reached {
		work.Go(func() { e.bounded(ctx, e.checkIPv6) })
		e.asMember(ctx)
	}
	work.Wait()
	return e.finish()
}

// examination is one Run.
type examination struct {
	// Set at construction.
	Options
	target Target

	secure *tls.Config  // for the hub: without its checks, if the certificate turned out not to be good
	bad    bool         // it did
	ips    []netip.Addr // of the hub

	onServer bool // the hub runs on this machine

	mu      sync.Mutex
	results map[string]Result // by id
}

// bounded runs a check with the time that each has.
func (e *examination) bounded(ctx context.Context, check func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	check(ctx)
}

// say takes down a result. The first of a check stays.
func (e *examination) say(id, kind string, with values) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, said := e.results[id]; said {
		return
	}
	r := render(id, kind, with)
	e.results[id] = r
	if e.Progress != nil {
		e.Progress(r)
	}
}

// status is that of a check, empty if it has none yet.
func (e *examination) status(id string) Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.results[id].Status
}

// finish says of the rest that it was skipped.
func (e *examination) finish() Report {
	r := Report{Hub: e.target.Hub.String(), OK: true}
	for _, id := range Checks() {
		if strings.HasPrefix(id, "server-") && e.status(id) == "" {
			continue
		}
		e.say(id, "skipped", nil)
		found := e.results[id]
		r.Results = append(r.Results, found)
		r.OK = r.OK && found.Status != Failed
	}
	return r
}

// cause is what err says to people, without the names of packages and operations.
func cause(err error) string {
	var refused *signaling.Error
	var operation *net.OpError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refused.Message
	case errors.As(err, &lookup):
		return "there is no host named " + lookup.Name
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, signaling.ErrUnreachable) && !errors.As(err, &operation):
		return "no answer in time"
	case errors.As(err, &operation):
		err = operation.Err
	}
	text := err.Error()
	for _, prefix := range []string{"signaling: ", "tls: ", "x509: ", "turn: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return text
}
