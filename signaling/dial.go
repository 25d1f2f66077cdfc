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
}

// Dial connects to the hub of an invite, says hello, and waits for the welcome,
// for 15 s at most.
//
// The error is an [*Error] if the hub refused; it wraps [ErrNotHub] if
// something else answers there, [ErrUnreachable] if nothing does, and ctx's own
// if that ended.
func Dial(ctx context.Context, to Invite, hello Hello, o *DialOptions) (*Conn, error) {
	endpoint, err := to.endpoint()
	if err != nil {
		return nil, err
	}
	endpoint.Scheme = strings.Replace(endpoint.Scheme, "http", "ws", 1)
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, ErrUnreachable)
	defer cancel()
	d := dialer{}
	if o != nil {
		d.options = *o
	}
	ws, err := d.upgrade(ctx, endpoint.String())
	if err != nil {
		return nil, ended(ctx, err)
	}
	c := newConn(ws)
	if err := c.enter(ctx, hello); err != nil {
		c.fail(err)
		return nil, ended(ctx, err)
	}
	return c, nil
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
	options   DialOptions
	connected bool        // something took the connection
	keep      func() bool // keeps ctx from cutting the connection
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
		return nil, refusal(answer)
	case !d.connected:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case errors.As(err, &untrusted):
		return nil, fmt.Errorf("%w: its certificate isn't trusted: %w", ErrUnreachable, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrNotHub, err)
}

// refusal is what an HTTP answer in place of the upgrade means.
func refusal(answer *http.Response) error {
	body, _ := io.ReadAll(answer.Body) // gorilla kept the first 1,024 bytes
	m, err := decodeFromHub(bytes.TrimSpace(body))
	if e, ok := m.(*Error); err == nil && ok {
		e.Final = e.Code == CodeOrigin || closeCodes[e.Code] >= finalCloseMin
		return e
	}
	return fmt.Errorf("%w (HTTP status %s)", ErrNotHub, answer.Status)
}

// enter says hello and waits for the welcome.
func (c *Conn) enter(ctx context.Context, hello Hello) error {
	if err := c.write(ctx, hello); err != nil {
		return err
	}
	m, err := c.Receive(ctx)
	if err != nil {
		return err
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
	return nil
}
