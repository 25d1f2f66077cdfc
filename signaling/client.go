package signaling

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Full jitter (PROTOCOL.md, section 5): each wait is a random part of a bound that doubles.
const (
	redialFirst = 500 * time.Millisecond
	redialMax   = 30 * time.Second
)

const (
	ackPatience = 5 * time.Second // for an ack of a signal, before the hub is probed
	pongWait    = 5 * time.Second // for the answer to a probe
	watchEvery  = time.Second
	lateWait    = 2 * time.Minute // that a hello may take on a connection that was given up
	moveFirst   = time.Minute     // over HTTP, until WebSocket is tried again; it doubles
	moveMax     = 16 * time.Minute
	renewBefore = 30 * time.Second // before a token expires, or half of its time if that is less
)

// Lost is what [Client.Receive] returns when the connection to the hub was lost. The next
// [Welcome] tells that there is one again.
type Lost struct {
	Err   error         // why, as of [Conn.Receive] or [Dial]
	Retry time.Duration // until the next attempt
}

func (Lost) messageType() string { return "lost" }

// Client keeps a session with a hub, over as many connections as it takes: it connects again by
// itself, has the hub repeat what was missed, and repeats what the hub has missed.
//
// One goroutine has to call Receive again and again; the other methods may be called by any number of
// goroutines. A Client that isn't needed any more must be closed.
type Client struct {
	// Set at construction.
	invite     Invite
	hello      Hello
	options    DialOptions
	messages   chan Message
	leave      context.CancelFunc // ends run
	leaving    context.Context
	background sync.WaitGroup // probes and reports; joined by run
	done       chan struct{}  // closed when run has ended
	poke       chan struct{}  // a token: try now, don't wait
	moved      atomic.Bool    // the network has changed: what failed before says nothing any more

	writing chan struct{} // held, by sending to it, by who sends signals, so that none overtakes another

	late []time.Time // when attempts were given up whose hello the hub may hear yet; owned by run

	mu      sync.Mutex
	conn    *Conn  // nil while the connection is lost
	base    uint64 // signals before this session
	sent    uint64 // in it
	kept    []keptSignal
	bytes   int           // of kept
	frame   int           // bytes of the longest message that the hub takes; 0: it didn't say
	room    chan struct{} // closed and replaced when kept becomes shorter
	probe   time.Time     // when the answer to a probe must have come; zero: none is due
	renewAt time.Time     // when the token is to be renewed; zero: never
	moveAt  time.Time     // when to see whether WebSocket gets through now; zero: never
	pause   time.Duration // until then, the next time
	ended   error         // why there is no session any more

	reports   []Report // to be sent
	reporting bool     // by somebody who does

	questions []*question // of this connection, in the order of asking
	pongs     uint64      // of this connection
}

// keptSignal is a signal that the hub hasn't acknowledged.
type keptSignal struct {
	signal Signal
	at     time.Time // when it was sent on the connection that there is
}

// Connect joins the room of an invite. It returns when the hub has welcomed it, and fails as
// [Dial] does. The first message of [Client.Receive] is the [Welcome]. ctx bounds connecting only.
func Connect(ctx context.Context, to Invite, hello Hello, o *DialOptions) (*Client, error) {
	leaving, leave := context.WithCancel(context.Background())
	c := &Client{
		invite: to, hello: hello, leaving: leaving, leave: leave,
		messages: make(chan Message), done: make(chan struct{}), poke: make(chan struct{}, 1),
		writing: make(chan struct{}, 1), room: make(chan struct{}),
	}
	if o != nil {
		c.options = *o
	}
	conn, err := c.dial(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	c.welcomed(conn)
	go c.run(conn)
	return c, nil
}

// dial makes one attempt.
func (c *Client) dial(ctx context.Context) (*Conn, error) {
	hello := c.hello
	if c.options.Token != nil {
		token, err := c.options.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("signaling: no token: %w", err)
		}
		hello.Token = token
	}
	conn, late, err := dial(ctx, c.invite, hello, &c.options)
	for range late {
		c.late = append(c.late, time.Now())
	}
	return conn, err
}

// overtaken tells whether a connection may have been taken over by a hello of our own, that was sent before
// it and came after it. Each explains one takeover, for a while.
func (c *Client) overtaken() bool {
	c.late = slices.DeleteFunc(c.late, func(at time.Time) bool { return time.Since(at) > lateWait })
	if len(c.late) == 0 {
		return false
	}
	c.late = c.late[1:]
	return true
}

// Receive waits for the next message: a [Welcome] for each connection, [Lost] when that was lost, and
// what [Conn.Receive] returns in between, but for [Ack], [Pong] and the answers to Kick and Lock. At the end, the error is [ErrClosed] after Close, or the
// [*Error] by which the hub refused for good; it stays the same for every later call.
func (c *Client) Receive(ctx context.Context) (Message, error) {
	select {
	case m := <-c.messages:
		return m, nil
	case <-c.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return nil, c.ended
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Signal sends body, any JSON value, to a member. The number it returns is the one that an [Undeliverable] names. A
// signal is kept until the hub has acknowledged it, and sent again if the connection is lost before; if the
// session isn't recovered then, it is dropped. Signal waits while 256 KiB are kept, but not while the hub is away: then the error
// wraps [ErrUnreachable]. What is no JSON, or longer than the hub takes, is refused here and counts nothing.
func (c *Client) Signal(ctx context.Context, to string, body jsontext.Value) (number uint64, err error) {
	if err := acquire(ctx, c.writing); err != nil {
		return 0, err
	}
	defer release(c.writing)
	s := Signal{To: to, Body: body}
	if err := c.check(s); err != nil {
		return 0, err
	}
	conn, number, err := c.keep(ctx, s)
	if err == nil && conn != nil {
		// It counts now, so it has to be sent, even if ctx ends; if that fails, it will be sent again.
		conn.Signal(context.WithoutCancel(ctx), to, body)
	}
	return number, err
}

// check refuses what can't be sent.
func (c *Client) check(s Signal) error {
	text, err := encode(s)
	if err != nil {
		return fmt.Errorf("signaling: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frame > 0 && len(text) > c.frame {
		return tooLong(len(text), c.frame)
	}
	return nil
}

// keep needs writing.
func (c *Client) keep(ctx context.Context, s Signal) (*Conn, uint64, error) {
	for {
		c.mu.Lock()
		room := c.room
		switch {
		case c.ended != nil:
			defer c.mu.Unlock()
			return nil, 0, c.ended
		case len(c.kept) == 0 || c.bytes+len(s.Body) <= defaultReplay:
			defer c.mu.Unlock()
			s.Body = slices.Clone(s.Body) // it is the caller's
			c.kept = append(c.kept, keptSignal{s, time.Now()})
			c.bytes += len(s.Body)
			c.sent++
			return c.conn, c.base + c.sent, nil
		case c.conn == nil:
			defer c.mu.Unlock()
			return nil, 0, fmt.Errorf("%w, and %d bytes wait for it already", ErrUnreachable, c.bytes)
		}
		c.mu.Unlock()
		select {
		case <-room:
		case <-c.done:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// Probe makes sure that the connection isn't dead without having said so: without an answer in 5 s it is
// given up. While there is none, the next attempt to connect is made at once.
func (c *Client) Probe() {
	c.mu.Lock()
	conn := c.conn
	due := conn != nil && c.probe.IsZero()
	if due {
		c.probe = time.Now().Add(pongWait)
		c.background.Go(func() {
			ctx, cancel := context.WithTimeout(c.leaving, pongWait)
			defer cancel()
			conn.Ping(ctx)
		})
	}
	c.mu.Unlock()
	if conn == nil {
		select {
		case c.poke <- struct{}{}:
		default:
		}
	}
}

// Redial gives the connection up and connects anew at once; the session goes on. It is for a network that has changed, where the
// old connection would only hang. The pauses between attempts begin anew, since the first may come before the network is whole.
func (c *Client) Redial() {
	c.moved.Store(true)
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	select {
	case c.poke <- struct{}{}:
	default:
	}
	if conn != nil {
		conn.fail(fmt.Errorf("%w: the network has changed", ErrUnreachable))
	}
}

// Transport is what the connection uses, empty while there is none.
func (c *Client) Transport() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return ""
	}
	return c.conn.Transport()
}

// Close says bye and returns when everything has ended. It may be called more than once.
func (c *Client) Close() error {
	c.leave()
	<-c.done
	return nil
}
