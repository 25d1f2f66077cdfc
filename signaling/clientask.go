package signaling

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const questionWait = 10 * time.Second

// question is something that the hub was asked to do. Answers name no question; but the hub deals with messages in
// turn, so answers come in the order of asking. A lock has none, so a ping follows it: with the pong to that, it is done.
type question struct {
	pong  uint64 // number of the pong on the connection; 0: kicked is the answer
	holds Holds
	err   error
	done  chan struct{} // closed when it is over; holds and err stay then
}

// Kick puts a member out, if the token permits it, and returns what that keeps out. Without the permission the error
// is an [*Error] with CodeForbidden. It waits for the hub, for ten seconds at most, and somebody has to call Receive
// meanwhile; while the hub is away the error wraps [ErrUnreachable].
func (c *Client) Kick(ctx context.Context, id string) (Holds, error) { return c.ask(ctx, Kick{id}) }

// Lock keeps newcomers out of the room, or lets them in again, if the token permits it. It waits, and fails, as Kick
// does. Everybody gets a [RosterChange], unless the room is as it should be already.
func (c *Client) Lock(ctx context.Context, locked bool) error {
	_, err := c.ask(ctx, Lock{locked})
	return err
}

func (c *Client) ask(ctx context.Context, m Message) (Holds, error) {
	late := fmt.Errorf("%w: no answer in %v", ErrUnreachable, questionWait)
	ctx, cancel := context.WithTimeoutCause(ctx, questionWait, late)
	defer cancel()
	c.mu.Lock()
	conn, ended := c.conn, c.ended
	c.mu.Unlock()
	switch {
	case ended != nil:
		return "", ended
	case conn == nil:
		return "", ErrUnreachable
	}
	q := &question{done: make(chan struct{})}
	defer c.forgetQuestion(q)
	err := conn.ask(ctx, m, q, func() { c.open(conn, q) })
	if err != nil {
		return "", err
	}
	select {
	case <-q.done:
		return q.holds, q.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// ask sends m, and a ping behind it if that has no answer. Before that, it calls open.
func (c *Conn) ask(ctx context.Context, m Message, q *question, open func()) error {
	if err := acquire(ctx, c.writing); err != nil {
		return err
	}
	defer release(c.writing)
	_, kick := m.(Kick)
	if !kick {
		q.pong = c.pings + 1
	}
	open()
	if err := c.write(ctx, m); err != nil || kick {
		return err
	}
	return c.write(ctx, Ping{})
}

// open has q wait for its answer on conn.
func (c *Client) open(conn *Conn, q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != conn {
		q.end(ErrUnreachable)
		return
	}
	c.questions = append(c.questions, q)
}

func (c *Client) forgetQuestion(q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.questions = slices.DeleteFunc(c.questions, func(other *question) bool { return other == q })
}

// end needs the client's mu, and comes once.
func (q *question) end(err error) {
	q.err = err
	close(q.done)
}

// answered tells whether a message is the answer to a question. If there is none, it is the application's.
func (c *Client) answered(m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m := m.(type) {
	case Pong:
		c.pongs++
		c.endQuestions(nil, func(q *question) bool { return q.pong > 0 && q.pong <= c.pongs })
		return true
	case Kicked:
		i := slices.IndexFunc(c.questions, func(q *question) bool { return q.pong == 0 })
		if i < 0 {
			return false
		}
		kick := c.questions[i]
		kick.holds = m.Holds
		c.endQuestions(nil, func(q *question) bool { return q == kick })
		return true
	case *Error:
		if len(c.questions) == 0 || m.Code != CodeForbidden && m.Limit != LimitMessages {
			return false
		}
		first := c.questions[0]
		c.endQuestions(m, func(q *question) bool { return q == first })
		return true
	}
	return false
}

// endQuestions needs mu.
func (c *Client) endQuestions(err error, which func(*question) bool) {
	c.questions = slices.DeleteFunc(c.questions, func(q *question) bool {
		over := which(q)
		if over {
			q.end(err)
		}
		return over
	})
}
