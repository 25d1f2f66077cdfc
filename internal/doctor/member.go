package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const timerSlack = 50 * time.Millisecond

// visit is a member that says nothing.
type visit struct {
	// Set at construction.
	*signaling.Conn
	lines *lines
	pong  chan struct{} // a pong came
	over  chan struct{} // closed when the connection has ended
	err   error         // why, after that
}

// asMember comes in both ways and tries what members are told about.
func (e *examination) asMember(ctx context.Context) {
	if e.bad && e.Token != nil {
		e.say("websocket", "untrusted", nil)
		e.say("http", "untrusted", nil)
		return
	}
	in := e.comeIn(ctx)
	defer func() {
		var leaving sync.WaitGroup
		for _, v := range in {
			leaving.Go(v.leave)
		}
		leaving.Wait()
	}()
	if len(in) == 0 {
		return
	}
	e.say("join", "ok", nil)
	var work sync.WaitGroup
	work.Go(func() { e.checkIdle(ctx, in) })
	work.Go(func() { e.checkICE(ctx, in[0].Welcome().ICE) })
	work.Wait()
}

// attempt is how coming in one way went.
type attempt struct {
	*visit // nil if it didn't get in
	took   time.Duration
	err    error
}

// comeIn comes in over WebSocket and over HTTP, and returns those who are in. With a token it is one after the other: a hub may
// let an identity in once only.
func (e *examination) comeIn(ctx context.Context) (in []*visit) {
	var socket, requests attempt
	if e.Token != nil {
		if requests = e.enter(ctx, signaling.TransportHTTP); requests.visit != nil {
			requests.leave()
		}
		socket = e.enter(ctx, signaling.TransportWebSocket)
	} else {
		var both sync.WaitGroup
		both.Go(func() { requests = e.enter(ctx, signaling.TransportHTTP) })
		both.Go(func() { socket = e.enter(ctx, signaling.TransportWebSocket) })
		both.Wait()
	}
	e.judgeSocket(socket)
	if socket.visit != nil && !slices.Contains(socket.Welcome().Features, signaling.FeatureHTTP) {
		e.say("http", "off", nil)
	}
	e.judgeRequests(requests)
	switch {
	case socket.visit != nil:
		in = append(in, socket.visit)
	case e.Token != nil && requests.visit != nil:
		if again := e.enter(ctx, signaling.TransportHTTP); again.visit != nil {
			in = append(in, again.visit)
		}
	}
	if e.Token == nil && requests.visit != nil {
		in = append(in, requests.visit)
	}
	if len(in) == 0 {
		e.notIn(socket.err, requests.err)
	}
	return in
}

// enter comes in, and waits for the answer to a ping.
func (e *examination) enter(ctx context.Context, transport string) attempt {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	start := time.Now()
	v, err := e.dial(ctx, transport)
	if err != nil {
		if time.Since(start) > e.Timeout-timerSlack {
			err = context.DeadlineExceeded // whichever timer was first
		}
		return attempt{err: err}
	}
	if err := v.Ping(ctx); err != nil {
		v.leave()
		return attempt{err: err}
	}
	select {
	case <-v.pong:
		return attempt{visit: v, took: time.Since(start)}
	case <-v.over:
		err = v.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	v.leave()
	return attempt{err: err}
}

func (e *examination) dial(ctx context.Context, transport string) (*visit, error) {
	hello := signaling.Hello{Secret: signaling.NewSecret(), Name: "doctor", Kind: "doctor"}
	room := signaling.NewRoomName() // where nobody is disturbed
	if e.Token != nil {
		token, err := e.Token(ctx)
		if err != nil {
			return nil, err
		}
		hello.Token, room = token, e.roomOf(token)
	}
	v := &visit{lines: newLines(), pong: make(chan struct{}, 1), over: make(chan struct{})}
	o := &signaling.DialOptions{Transport: transport, TLSConfig: e.secure, NetDialContext: v.lines.through(e.Dial)}
	conn, err := signaling.Dial(ctx, signaling.Invite{Hub: e.target.Hub, Room: room}, hello, o)
	if err != nil {
		return nil, err
	}
	v.Conn = conn
	go v.read()
	return v, nil
}

// read reads until the end.
func (v *visit) read() {
	defer close(v.over)
	for {
		m, err := v.Receive(context.Background())
		if err != nil {
			v.err = err
			return
		}
		if _, ok := m.(signaling.Pong); ok {
			select {
			case v.pong <- struct{}{}:
			default:
			}
		}
	}
}

// leave says bye and waits for the end.
func (v *visit) leave() {
	v.Close()
	<-v.over
}

// judgeSocket says how it went over WebSocket. A refusal in the hub's own words has got through.
func (e *examination) judgeSocket(a attempt) {
	var refused *signaling.Error
	asked := errors.As(a.err, &refused)
	switch {
	case a.err == nil:
		e.say("websocket", "ok", values{"ms": milliseconds(a.took)})
	case asked && refused.Code != signaling.CodeUpgrade:
		e.say("websocket", "told", nil)
	case asked, errors.Is(a.err, signaling.ErrNotHub):
		e.say("websocket", "upgrade", nil)
	case isTimeout(a.err):
		e.say("websocket", "silent", values{"s": seconds(e.Timeout)})
	default:
		e.say("websocket", "failed", values{"error": cause(a.err)})
	}
}

func (e *examination) judgeRequests(a attempt) {
	var refused *signaling.Error
	switch {
	case a.err == nil:
		e.say("http", "ok", values{"ms": milliseconds(a.took)})
	case errors.As(a.err, &refused) && refused.Code != signaling.CodeUpgrade:
		e.say("http", "told", nil)
	default:
		e.say("http", "failed", values{"error": cause(a.err)})
	}
}

// notIn says why nobody got in.
func (e *examination) notIn(errs ...error) {
	for _, err := range errs {
		var refused *signaling.Error
		if !errors.As(err, &refused) || refused.Code == signaling.CodeUpgrade {
			continue
		}
		kind := "refused"
		switch refused.Code {
		case signaling.CodeToken, signaling.CodeExpired, signaling.CodeForbidden:
			kind = "token"
		}
		e.say("join", kind, values{"error": refused.Message})
		return
	}
	e.say("join", "failed", nil)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// roomOf is the room that a token is for, unless the options or the invite name one.
func (e *examination) roomOf(token string) string {
	if e.Room != "" {
		return e.Room
	}
	if e.target.Room != "" {
		return e.target.Room
	}
	if room := roomIn(token); room != "" {
		return room
	}
	return fmt.Sprintf("doctor-%s", signaling.NewRoomName())
}
