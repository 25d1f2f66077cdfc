package signaling

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/websocket"
)

const (
	maxFromHub = 4 << 20          // bytes of a message: the welcome of a large room
	writeWait  = 10 * time.Second // for one message to the hub
	byeWait    = time.Second      // for the hub's close, once ours is sent
)

// Conn is a client's connection to a hub: one membership in one room.
//
// One goroutine has to call Receive again and again, since that is also what
// answers the hub's pings; the other methods may be called by any number of
// goroutines. A Conn that isn't needed any more must be closed. It doesn't connect
// again by itself.
type Conn struct {
	// Set at construction.
	ws      *websocket.Conn
	welcome Welcome

	reading chan struct{} // held, by sending to it, while somebody reads
	writing chan struct{} // likewise

	refused *Error // what the hub said before its close; needs reading
	signals uint64 // sent so far; needs writing

	mu      sync.Mutex
	ended   error // the first cause; nil while the connection is good
	leaving bool  // Close was called
}

func newConn(ws *websocket.Conn) *Conn {
	c := &Conn{ws: ws, reading: make(chan struct{}, 1), writing: make(chan struct{}, 1)}
	ws.SetReadLimit(maxFromHub)
	ws.SetPingHandler(func(data string) error {
		c.listen()
		ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWait))
		return nil // if that failed, so will the next read
	})
	return c
}

// Welcome is what the hub answered to the hello.
func (c *Conn) Welcome() Welcome { return c.welcome }

// Receive waits for the next message: a [RosterChange], [Signal],
// [Undeliverable], [Pong], or an [*Error] that ends nothing. Messages of
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
		_, data, err := c.ws.ReadMessage()
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
		if e, ok := m.(*Error); ok && e.Code != CodeUnknownType {
			c.refused = e // its close follows
			continue
		}
		return m, nil
	}
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
	c.ws.SetReadDeadline(time.Now().Add(wait))
}

// explain turns a failed read into what Receive returns.
func (c *Conn) explain(err error) error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return fmt.Errorf("%w: the connection was lost: %w", ErrUnreachable, err)
	}
	e := c.refused
	if e == nil && closed.Code < 4000 {
		return fmt.Errorf("%w: the connection was closed (code %d)", ErrUnreachable, closed.Code)
	}
	if e == nil {
		e = &Error{Message: fmt.Sprintf("The hub closed the connection (code %d).", closed.Code)}
	}
	e.Final = closed.Code >= finalCloseMin && closed.Code <= finalCloseMax
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
		c.ws.Close()
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

// Ping asks the hub for a sign of life, which Receive returns as a [Pong].
func (c *Conn) Ping(ctx context.Context) error {
	if err := acquire(ctx, c.writing); err != nil {
		return err
	}
	defer release(c.writing)
	return c.write(ctx, Ping{})
}

// write needs writing.
func (c *Conn) write(ctx context.Context, m Message) error {
	text, err := encode(m)
	if err != nil {
		return fmt.Errorf("signaling: %w", err)
	}
	if limit := c.welcome.Limits.Frame; limit > 0 && len(text) > limit {
		return refusef(CodeTooBig, "A message of %d bytes is too long for this hub; it takes %d.", len(text), limit)
	}
	deadline := time.Now().Add(writeWait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	c.ws.SetWriteDeadline(deadline)
	if err := c.ws.WriteMessage(websocket.TextMessage, text); err != nil {
		return c.fail(fmt.Errorf("%w: the connection was lost: %w", ErrUnreachable, err))
	}
	return nil
}

// Close says bye, waits for the hub to have heard it, for a second at most, and
// makes every other call return [ErrClosed]. It may be called more than once.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.leaving
	c.leaving = true
	if first && c.ended == nil {
		deadline := time.Now().Add(byeWait)
		c.ws.SetReadDeadline(deadline)
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		c.ws.WriteControl(websocket.CloseMessage, bye, deadline)
	}
	c.mu.Unlock()
	c.reading <- struct{}{} // Receive can't hold it for longer than byeWait
	defer release(c.reading)
	for {
		if _, _, err := c.ws.NextReader(); err != nil {
			c.fail(ErrClosed)
			return nil
		}
	}
}

func acquire(ctx context.Context, held chan struct{}) error {
	select {
	case held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func release(held chan struct{}) { <-held }
