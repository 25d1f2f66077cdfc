package signaling

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const dialTimeout = 15 * time.Second // from the first packet to the welcome

// DialOptions configure [Dial]. The zero value of each field means its default.
type DialOptions struct {
	// NetDialContext connects to the hub's host. Nil: with a net.Dialer.
	NetDialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSConfig is for hubs at https addresses. Nil: the system's authorities.
	TLSConfig *tls.Config
	// Transport is TransportWebSocket, TransportHTTP, or TransportAny, which is the default: HTTP
	// where WebSocket doesn't get through.
	Transport string
	// Token gives the token to enter with, for hubs that ask for one. [Connect] calls it for each attempt, and
	// before a token expires; [Dial] takes the hello's.
	Token func(context.Context) (string, error)
}

// Transports.
const (
	TransportAny       = ""
	TransportWebSocket = "websocket"
	TransportHTTP      = "http"
)

// Dial connects to the hub of an invite, says hello, and waits for the welcome,
// for 15 s at most.
//
// The error is an [*Error] if the hub refused; it wraps [ErrNotHub] if
// something else answers there, [ErrUnreachable] if nothing does, and ctx's own
// if that ended.
func Dial(ctx context.Context, to Invite, hello Hello, o *DialOptions) (*Conn, error) {
	c, _, err := dial(ctx, to, hello, o)
	return c, err
}

// dial is Dial. It also returns how many connections were given up on which the hub may yet hear the hello.
func dial(ctx context.Context, to Invite, hello Hello, o *DialOptions) (c *Conn, late int, err error) {
	endpoint, err := to.endpoint()
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, ErrUnreachable)
	defer cancel()
	d := dialer{endpoint: endpoint, hello: hello}
	if o != nil {
		d.options = *o
	}
	switch d.options.Transport {
	case TransportWebSocket:
		c, err = d.overWebSocket(ctx)
	case TransportHTTP:
		c, err = d.overHTTP(ctx)
	default:
		c, err = d.overAny(ctx)
	}
	if err != nil {
		return nil, d.late, ended(ctx, err)
	}
	return c, d.late, nil
}

// ended is err, or, if ctx has ended, why that is.
func ended(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil && !errors.Is(err, os.ErrDeadlineExceeded) { // gorilla's own timer may be first
		return err
	}
	if cause == nil || errors.Is(cause, ErrUnreachable) {
		return fmt.Errorf("%w: no answer in %v", ErrUnreachable, dialTimeout)
	}
	return cause
}

// dialer is one attempt.
type dialer struct {
	// Set at construction.
	endpoint *url.URL
	hello    Hello
	options  DialOptions

	connected bool        // something took the connection
	keep      func() bool // keeps ctx from cutting the connection
	late      int         // hellos that the hub hasn't answered
}

// fallbackWait is how long WebSocket has to get a welcome before HTTP is tried.
const fallbackWait = 2500 * time.Millisecond

// errNoUpgrade means that a hub answers, but WebSockets don't get through to it.
var errNoUpgrade = errors.New("the hub answers, but WebSockets don't get through")

// overAny tries WebSocket, and HTTP if that is slow or doesn't get through.
func (d *dialer) overAny(ctx context.Context) (*Conn, error) {
	first, cancel := context.WithTimeoutCause(ctx, fallbackWait, errNoUpgrade)
	defer cancel()
	c, err := d.overWebSocket(first)
	var refused *Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil || ctx.Err() != nil:
		return c, err
	case errors.As(err, &refused) && refused.Code != CodeUpgrade, errors.As(err, &untrusted):
		return nil, err
	case !d.connected && first.Err() == nil: // nothing is there
		return nil, err
	}
	// The attempt before has ended. If its hello is on its way still, it is a late one.
	c, errHTTP := d.overHTTP(ctx)
	slow := first.Err() != nil
	switch {
	case errHTTP == nil:
		c.slow = slow
	case !slow:
		return nil, err // it says more
	}
	return c, errHTTP
}

// upgrades tells whether a WebSocket gets through now, without saying anything over it.
func upgrades(ctx context.Context, to Invite, o *DialOptions) bool {
	endpoint, err := to.endpoint()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, fallbackWait)
	defer cancel()
	d := dialer{endpoint: endpoint, options: *o}
	u := *endpoint
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	ws, err := d.upgrade(ctx, u.String())
	if err != nil {
		return false
	}
	newWebSocket(ws, func() {}).bye(time.Now().Add(byeWait))
	ws.Close()
	return true
}

func (d *dialer) overWebSocket(ctx context.Context) (*Conn, error) {
	u := *d.endpoint
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	ws, err := d.upgrade(ctx, u.String())
	if err != nil {
		return nil, err
	}
	c := newConn()
	c.wire = newWebSocket(ws, c.listen)
	d.late++
	if err := c.write(ctx, d.hello); err != nil {
		return nil, c.fail(err)
	}
	c, err = d.enter(ctx, c)
	if refused := (*Error)(nil); err == nil || errors.As(err, &refused) {
		d.late--
	}
	return c, err
}

// enter waits for the welcome.
func (d *dialer) enter(ctx context.Context, c *Conn) (*Conn, error) {
	if err := c.enter(ctx, d.hello); err != nil {
		c.fail(err)
		return nil, err
	}
	return c, nil
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := d.options.NetDialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	d.connected = true
	d.keep = context.AfterFunc(ctx, func() { conn.Close() }) // gorilla heeds the deadline only
	return conn, nil
}

func (d *dialer) upgrade(ctx context.Context, url string) (*websocket.Conn, error) {
	ws, answer, err := (&websocket.Dialer{
		NetDialContext:  d.dial,
		TLSClientConfig: d.options.TLSConfig,
		Subprotocols:    []string{Subprotocol},
	}).DialContext(ctx, url, nil)
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil && d.keep():
		return ws, nil
	case err == nil:
		return nil, ctx.Err()
	case errors.Is(err, websocket.ErrBadHandshake) && answer != nil:
		body, _ := io.ReadAll(answer.Body) // gorilla kept the first 1,024 bytes
		return nil, refusal(answer, body)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case !d.connected:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case errors.As(err, &untrusted):
		return nil, fmt.Errorf("%w: its certificate isn't trusted: %w", ErrUnreachable, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrNotHub, err)
}

// refusal is what an HTTP answer means that isn't what was asked for.
func refusal(answer *http.Response, body []byte) error {
	m, err := decodeFromHub(bytes.TrimSpace(body))
	if e, ok := m.(*Error); err == nil && ok {
		e.Final = e.Code == CodeOrigin || e.Code == CodeHost || closeCodes[e.Code] >= finalCloseMin
		return e
	}
	return fmt.Errorf("%w (HTTP status %s)", ErrNotHub, answer.Status)
}

// enter waits for the welcome.
func (c *Conn) enter(ctx context.Context, hello Hello) error {
	m, err := c.Receive(ctx)
	if err != nil {
		return err
	}
	if e, ok := m.(*Error); ok { // of a code that ends no session, such as forbidden, but no hello survives
		e.Final = closeCodes[e.Code] >= finalCloseMin
		return e
	}
	w, ok := m.(Welcome)
	if !ok {
		return fmt.Errorf("%w: its first message is no welcome", ErrNotHub)
	}
	if w.You != hello.Secret.MemberID() {
		return fmt.Errorf("%w: it calls us %s", ErrNotHub, w.You)
	}
	c.mu.Lock()
	c.welcome = w
	c.mu.Unlock()
	if w.Recovered {
		c.signals, c.counted.received = w.Received, hello.Received
	}
	return nil
}
