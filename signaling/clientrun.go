package signaling

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// run keeps up the connection, which was welcomed, until the end.
func (c *Client) run(conn *Conn) {
	defer close(c.done)
	var err error
	for conn != nil {
		err = c.listen(conn)
		if c.leaving.Err() != nil {
			conn.Close()
		} else {
			conn.abandon()
		}
		c.lost(conn, err)
		if conn, err = c.redial(err); conn != nil {
			c.welcomed(conn)
		}
	}
	c.background.Wait()
	c.mu.Lock()
	c.ended = err
	c.mu.Unlock()
}

// welcomed takes the session up with a new connection: what the hub has missed is sent again, before
// anything new.
func (c *Client) welcomed(conn *Conn) {
	c.writing <- struct{}{} // held for the time of a write at most, which ends with its connection
	defer release(c.writing)
	w := conn.Welcome()
	c.mu.Lock()
	if w.Recovered {
		c.forget(w.Received)
	} else {
		c.base += c.sent
		c.sent = 0
		c.kept, c.bytes = nil, 0
		c.makeRoom()
	}
	c.hello.Session, c.frame = w.Session, w.Limits.Frame
	c.conn, c.probe, c.pongs = conn, time.Time{}, 0
	c.renewAt = renewal(w.Expires)
	c.planMove(conn)
	again := append([]keptSignal(nil), c.kept...)
	for i := range c.kept {
		c.kept[i].at = time.Now()
	}
	c.mu.Unlock()
	for _, k := range again {
		if _, err := conn.Signal(c.leaving, k.signal.To, k.signal.Body); err != nil {
			c.stopResending(conn, err)
			return
		}
	}
}

// stopResending follows a signal that couldn't be sent again. If it didn't get through, the connection sends nothing
// any more, and listen will see why. If it is too long for the hub now, the session can't go on: what comes
// after that signal would be counted for it.
func (c *Client) stopResending(conn *Conn, why error) {
	var refused *Error
	if !errors.As(why, &refused) || refused.Code != CodeTooBig {
		return
	}
	c.mu.Lock()
	c.hello.Session = ""
	c.mu.Unlock()
	conn.fail(fmt.Errorf("%w: a signal that waits is too long for it now: %s", ErrUnreachable, refused.Message))
}

// renewal is when a token that expires, in ms since 1970, is to be renewed.
func renewal(expires int64) time.Time {
	if expires == 0 {
		return time.Time{}
	}
	end := time.UnixMilli(expires)
	return end.Add(-min(renewBefore, time.Until(end)/2))
}

// forget drops the first n signals of this session. Needs mu.
func (c *Client) forget(n uint64) {
	first := c.sent - uint64(len(c.kept))
	if n <= first || n > c.sent {
		return
	}
	for _, k := range c.kept[:n-first] {
		c.bytes -= len(k.signal.Body)
	}
	c.kept = append([]keptSignal(nil), c.kept[n-first:]...)
	c.makeRoom()
}

// makeRoom needs mu.
func (c *Client) makeRoom() {
	close(c.room)
	c.room = make(chan struct{})
}

// listen takes the hub's messages until the connection ends.
func (c *Client) listen(conn *Conn) error {
	watching, stop := context.WithCancel(c.leaving)
	var watch sync.WaitGroup
	watch.Go(func() {
		c.watch(watching, conn)
		if c.leaving.Err() != nil { // ending the context of Receive would cut the connection; a bye is said instead
			conn.Close()
		}
	})
	defer watch.Wait()
	defer stop()
	if err := c.give(conn.Welcome()); err != nil {
		return err
	}
	for {
		m, err := conn.Receive(context.Background())
		if err != nil {
			return err
		}
		c.heard()
		if c.answered(m) {
			continue
		}
		switch got := m.(type) {
		case Ack:
			c.mu.Lock()
			c.forget(got.Received)
			c.mu.Unlock()
			continue
		case Granted:
			c.mu.Lock()
			c.renewAt = renewal(got.Expires)
			c.mu.Unlock()
		case Undeliverable:
			c.mu.Lock()
			got.Signal += c.base
			c.mu.Unlock()
			m = got
		}
		if err := c.give(m); err != nil {
			return err
		}
	}
}

// give hands a message over to whoever receives.
func (c *Client) give(m Message) error {
	select {
	case c.messages <- m:
		return nil
	case <-c.leaving.Done():
		return ErrClosed
	}
}

func (c *Client) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probe = time.Time{}
}

// watch probes a hub that acknowledges nothing, gives one up that doesn't answer, and renews the token.
func (c *Client) watch(ctx context.Context, conn *Conn) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		var now time.Time
		select {
		case now = <-tick.C:
		case <-ctx.Done():
			return
		}
		c.mu.Lock()
		late := !c.probe.IsZero() && now.After(c.probe)
		silent := c.probe.IsZero() && len(c.kept) > 0 && now.Sub(c.kept[0].at) > ackPatience
		move := c.probe.IsZero() && len(c.questions) == 0 && !c.moveAt.IsZero() && now.After(c.moveAt)
		renew := c.options.Token != nil && !c.renewAt.IsZero() && now.After(c.renewAt)
		if renew {
			c.renewAt = now.Add(renewBefore / 3) // if this attempt fails
		}
		c.mu.Unlock()
		switch {
		case late:
			conn.fail(fmt.Errorf("%w: it doesn't answer", ErrUnreachable))
			return
		case silent:
			c.Probe()
		case move:
			if upgrades(ctx, c.invite, &c.options) {
				conn.fail(errMoving)
				return
			}
			c.mu.Lock()
			c.planMove(conn)
			c.mu.Unlock()
		case renew:
			c.renew(ctx, conn)
		}
	}
}

// errMoving ends a connection over HTTP for one over WebSocket.
var errMoving = errors.New("signaling: moving to WebSocket")

// planMove has a connection that is over HTTP because WebSocket was slow look later whether it still is, after a pause
// that grows. Where networks refuse WebSockets outright, it isn't looked. Needs mu.
func (c *Client) planMove(conn *Conn) {
	c.moveAt = time.Time{}
	switch {
	case conn.Transport() == TransportWebSocket:
		c.pause = 0
	case conn.slow:
		c.pause = min(max(2*c.pause, moveFirst), moveMax)
		c.moveAt = time.Now().Add(c.pause)
	}
}

func (c *Client) renew(ctx context.Context, conn *Conn) {
	ctx, cancel := context.WithTimeout(ctx, renewBefore/3)
	defer cancel()
	if token, err := c.options.Token(ctx); err == nil {
		conn.Send(ctx, Token{token})
	}
}

func (c *Client) lost(conn *Conn, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
	c.endQuestions(why, func(*question) bool { return true })
	c.makeRoom() // whoever waits for it learns that there is no hub now
	c.hello.Received = conn.Received()
}

// redial connects again. It returns no connection when there won't be one any more, and why.
func (c *Client) redial(why error) (*Conn, error) {
	for attempt := 0; ; attempt++ {
		var refused *Error
		errors.As(why, &refused)
		switch {
		case c.leaving.Err() != nil:
			return nil, ErrClosed
		case refused != nil && refused.Code == CodeSuperseded && c.overtaken():
			again := *refused
			again.Final = false
			refused, why = &again, &again
		case refused != nil && refused.Final:
			return nil, refused
		}
		if c.moved.Swap(false) {
			attempt = 0
		}
		wait := rand.N(min(redialMax, redialFirst<<min(attempt, 10)))
		if refused != nil && refused.Retry > 0 {
			wait = refused.Retry
		}
		if why != errMoving && !c.pauses(why, wait) {
			return nil, ErrClosed
		}
		conn, err := c.dial(c.leaving)
		if err == nil {
			return conn, nil
		}
		why = err
	}
}

// pauses tells that the connection was lost, and waits. It returns false if the client leaves.
func (c *Client) pauses(why error, wait time.Duration) bool {
	if c.give(Lost{Err: why, Retry: wait}) != nil {
		return false
	}
	select {
	case <-time.After(wait):
	case <-c.poke:
	case <-c.leaving.Done():
		return false
	}
	return true
}
