package signaling

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxFromHub = 4 << 20          // bytes of a message: the welcome of a large room
	writeWait  = 10 * time.Second // for one message to the hub
	byeWait    = time.Second      // for the hub's close, once ours is sent
)

// Conn is one connection of a session to a hub. It doesn't connect again by itself, as
// a [Client] does.
//
// One goroutine has to call Receive again and again, since that is also what
// answers the hub's pings and acknowledges what came; the other methods may be called by any
// number of goroutines. A Conn that isn't needed any more must be closed.
type Conn struct {
	// Set at construction.
	wire    wire
	welcome Welcome
	slow    bool // it is over HTTP because a WebSocket took too long

	reading chan struct{} // held, by sending to it, while somebody reads
	writing chan struct{} // likewise

	refused *Error // what the hub said before its close; needs reading
	signals uint64 // sent in this session so far; needs writing
	pings   uint64 // sent on this connection; likewise
	broken  error  // why a message may not have come; no other follows it. Likewise
	counted unacknowledged

	mu      sync.Mutex
	ended   error // the first cause; nil while the connection is good
	leaving bool  // Close was called
}

func newConn() *Conn {
	return &Conn{reading: make(chan struct{}, 1), writing: make(chan struct{}, 1)}
}

// Welcome is what the hub answered to the hello.
func (c *Conn) Welcome() Welcome { return c.welcome }

// Transport is what the connection uses: [TransportWebSocket] or [TransportHTTP].
func (c *Conn) Transport() string { return c.wire.transport() }

// Received is how many counted messages of this session have come: what a [Hello] that
// resumes it says.
func (c *Conn) Received() uint64 { return c.counted.total() }

// Receive waits for the next message: a [RosterChange], [Signal],
// [Undeliverable], [Ack], [ICE], [Granted], [Kicked], [Pong], or an [*Error] that ends nothing. Messages of
// unknown types are passed over.
//
// If ctx ends, so does the connection. At the end, the error is an [*Error] if
// the hub said why, [ErrClosed] after Close, and wraps [ErrUnreachable] if the
// connection was lost; it stays the same for every later call.
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	if err := acquire(ctx, c.reading); err != nil {
		return nil, err
	}
	defer release(c.reading)
	stop := context.AfterFunc(ctx, func() { c.fail(ctx.Err()) })
	defer stop()
	for {
		c.listen()
		data, err := c.wire.read()
		if err != nil {
			return nil, c.fail(c.explain(err))
		}
		m, err := decodeFromHub(data)
		var refusal *Error
		switch {
		case errors.As(err, &refusal) && refusal.Code == CodeUnknownType:
			continue
		case err != nil:
			return nil, c.fail(fmt.Errorf("%w: %w", ErrNotHub, err))
		}
		if m := c.heard(m, len(data)); m != nil {
			return m, nil
		}
	}
}

// heard does what a message calls for; it returns nil if that was all.
func (c *Conn) heard(m Message, bytes int) Message {
	switch m := m.(type) {
	case *Error:
		if m.Code == CodeUnknownType {
			return m
		}
		c.refused = m // its close follows, or, for these two, perhaps not
		if m.Code != CodeForbidden && m.Limit != LimitMessages {
			return nil
		}
	case Ping:
		c.answer(Pong{})
		return nil
	case Signal, Undeliverable:
		if c.counted.count(bytes, c.acknowledge) {
			c.acknowledge()
		}
	}
	return m
}

func (c *Conn) acknowledge() {
	if received, ok := c.counted.take(); ok {
		c.answer(Ack{received})
	}
}

// answer sends m; if that fails, so does the next read.
func (c *Conn) answer(m Message) {
	c.writing <- struct{}{} // nobody holds it for longer than writeWait
	defer release(c.writing)
	c.write(context.Background(), m)
}

// listen bounds the wait for the next sign of life.
func (c *Conn) listen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving || c.ended != nil {
		return
	}
	wait := defaultPingInterval + defaultPongTimeout
	if h := c.welcome.Heartbeat; h.Ping > 0 && h.Timeout > 0 {
		wait = min(time.Duration(h.Ping+h.Timeout)*time.Millisecond, time.Hour)
	}
	c.wire.patience(wait)
}

// explain turns a failed read into what Receive returns.
func (c *Conn) explain(err error) error {
	var closed *closedError
	if !errors.As(err, &closed) {
		return fmt.Errorf("%w: the connection was lost: %w", ErrUnreachable, err)
	}
	e := c.refused
	if e != nil && closeCodes[e.Code] != closed.code && closeCodes[e.Code] != 0 {
		e = nil // that was about something else
	}
	if e == nil && closed.code < 4000 {
		return fmt.Errorf("%w: the connection was closed (code %d)", ErrUnreachable, closed.code)
	}
	if e == nil {
		e = &Error{Message: fmt.Sprintf("The hub closed the connection (code %d).", closed.code)}
	}
	e.Final = closed.code >= finalCloseMin && closed.code <= finalCloseMax
	return e
}

// fail ends the connection for err, unless it has ended before, and returns why
// it did.
func (c *Conn) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = err
		if c.leaving {
			c.ended = ErrClosed
		}
		c.wire.abort()
	}
	return c.ended
}

// Signal sends body, any JSON value, to a member. The number it returns is the
// one that an [Undeliverable] names. That err is nil means that the signal is on its way,
// not that it arrived.
func (c *Conn) Signal(ctx context.Context, to string, body jsontext.Value) (number uint64, err error) {
	if err := acquire(ctx, c.writing); err != nil {
		return 0, err
	}
	defer release(c.writing)
	if err := c.write(ctx, Signal{To: to, Body: body}); err != nil {
		return 0, err
	}
	c.signals++
	return c.signals, nil
}

// Send sends a [Ping], [Token], [Kick], [Lock], [Report] or [Ack].
func (c *Conn) Send(ctx context.Context, m Message) error {
	if err := acquire(ctx, c.writing); err != nil {
		return err
	}
	defer release(c.writing)
	return c.write(ctx, m)
}

// Ping asks the hub for a sign of life, which Receive returns as a [Pong].
func (c *Conn) Ping(ctx context.Context) error { return c.Send(ctx, Ping{}) }

// write needs writing.
func (c *Conn) write(ctx context.Context, m Message) error {
	text, err := encode(m)
	if err != nil {
		return fmt.Errorf("signaling: %w", err)
	}
	if limit := c.welcome.Limits.Frame; limit > 0 && len(text) > limit {
		return tooLong(len(text), limit)
	}
	deadline := time.Now().Add(writeWait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := c.put(text, deadline); err != nil {
		c.mu.Lock()
		leaving, ended := c.leaving, c.ended
		c.mu.Unlock()
		switch {
		case ended != nil:
			return ended
		case leaving || !time.Now().Before(deadline):
			return c.fail(err)
		}
		return err // reading may still find out what the hub has to say about it
	}
	if _, ping := m.(Ping); ping {
		c.pings++
	}
	return nil
}

// put hands text to the wire, unless that failed before: signals are numbered by counting, so none may come
// after one that is missing. Over HTTP, each request would find its own way. Needs writing.
func (c *Conn) put(text []byte, deadline time.Time) error {
	if c.broken != nil {
		return c.broken
	}
	if err := c.wire.write(text, deadline); err != nil {
		c.broken = fmt.Errorf("%w: the connection was lost: %w", ErrUnreachable, err)
	}
	return c.broken
}

// Close says bye, waits for the hub to have heard it, for a second at most, and
// makes every other call return [ErrClosed]. It may be called more than once.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.leaving
	c.leaving = true
	good := c.ended == nil
	c.mu.Unlock()
	if first && good {
		c.sayBye()
	}
	c.reading <- struct{}{} // Receive can't hold it for longer than byeWait
	defer release(c.reading)
	for {
		if _, err := c.wire.read(); err != nil {
			c.fail(ErrClosed)
			c.counted.stop()
			return nil
		}
	}
}

func (c *Conn) sayBye() {
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	if acquire(ctx, c.writing) != nil {
		c.wire.abort() // nothing gets through anyway
		return
	}
	defer release(c.writing)
	c.wire.bye(time.Now().Add(byeWait))
}

// abandon ends the connection without a bye: the session may go on with another.
func (c *Conn) abandon() {
	c.fail(ErrClosed)
	c.counted.stop()
}

func tooLong(bytes, limit int) *Error {
	return refusef(CodeTooBig, "A message of %d bytes is too long for this hub; it takes %d.", bytes, limit)
}
