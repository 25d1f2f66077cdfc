package signaling

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"
)

const authorizeWait = 10 * time.Second

// connection is what one transport brings to a session. Its methods are called by
// one goroutine at a time.
type connection struct {
	transport
	// Set at construction.
	hub      *Hub
	roomName string
	address  netip.Addr // not valid if unknown

	room    *room    // nil before hello and after the end
	session *session // likewise
	greeted bool     // the hello has come
	over    bool     // end was called
}

// limit is the size of the longest message to take now, in bytes.
func (c *connection) limit() int {
	if !c.greeted {
		return maxHello
	}
	return c.hub.options.Load().Limits.Frame
}

// message takes one message. The data is valid until it returns.
func (c *connection) message(data []byte) {
	if c.greeted {
		c.decode(data)
		return
	}
	// In another goroutine: a stack that grew for the hello would be kept for as long as
	// the connection lives.
	done := make(chan struct{})
	deal := func() {
		defer close(done)
		c.decode(data)
	}
	select {
	case c.hub.hellos <- deal:
	default: // all are busy, maybe with somebody's Authorize
		go deal()
	}
	<-done
}

func (c *connection) decode(data []byte) {
	m, refusal := decodeToHub(data)
	switch {
	case refusal == nil && c.greeted:
		c.take(m)
	case refusal == nil:
		c.first(m)
	case refusal.Code != CodeUnknownType:
		c.refuse(refusal)
	case !c.greeted:
		c.refuse(errHelloFirst())
	default:
		c.hub.counters.addTo(&c.hub.counters.messages, "unknown")
		if c.admit() {
			c.send(messageFrame(refusal))
		}
	}
}

// take takes a message after the first.
func (c *connection) take(m Message) {
	if m, ok := m.(Signal); ok {
		c.hub.counters.signal(len(m.Body))
		if c.room != nil {
			c.room.relay(c, m)
		}
		return
	}
	c.hub.counters.addTo(&c.hub.counters.messages, m.messageType())
	if _, again := m.(Hello); again {
		c.refuse(refusef(CodeOrder, "You said hello already."))
		return
	}
	if report, ok := m.(Report); ok {
		if c.room != nil {
			c.report(report)
		}
		return
	}
	// An acknowledgement of something isn't limited: signals are.
	if ack, ok := m.(Ack); ok && c.room != nil && c.room.acknowledged(c, ack.Received) {
		return
	}
	if c.room == nil || !c.admit() {
		return
	}
	switch m := m.(type) {
	case Ping:
		c.send(pongFrame)
	case Token:
		c.renew(m)
	case Kick:
		c.room.kick(c, m.ID)
	case Lock:
		c.room.lock(c, m.Locked)
	}
}

// admit counts a message against the session's limit, and tells if it is over.
func (c *connection) admit() bool {
	if c.room == nil {
		return false
	}
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	if c.session.connection != c {
		return false // superseded
	}
	wait := c.session.messages.take(c.hub.options.Load().Limits.Messages)
	if wait == 0 {
		return true
	}
	refusal := limited(LimitMessages, wait, "That was too much at once. This message was not taken.")
	c.hub.counters.refused(refusal)
	c.send(messageFrame(refusal))
	return false
}

func errHelloFirst() *Error { return refusef(CodeOrder, "Say hello first.") }

func (c *connection) first(m Message) {
	hello, ok := m.(Hello)
	if !ok {
		c.refuse(errHelloFirst())
		return
	}
	c.hub.counters.addTo(&c.hub.counters.messages, "hello")
	c.greeted = true
	id := hello.Secret.MemberID()
	grant, refusal := c.authorize(AuthRequest{Room: c.roomName, Token: hello.Token, Member: id, Kind: hello.Kind, Address: c.address})
	if refusal == nil {
		refusal = c.hub.enter(c, id, hello, grant)
	}
	if refusal != nil {
		c.refuse(refusal)
	}
}

// authorize asks the operator's hook.
func (c *connection) authorize(r AuthRequest) (Grant, *Error) {
	o := c.hub.options.Load()
	ctx, cancel := context.WithTimeout(c.hub.life, authorizeWait)
	defer cancel()
	grant, err := o.Authorize(ctx, r)
	var refusal *Error
	switch {
	case errors.As(err, &refusal):
		return grant, refusal.ofHook()
	case err != nil && c.hub.stopped():
		return grant, goingAway()
	case err != nil:
		c.hub.unchecked.log(o.Logger, slog.LevelError, "nobody can be let in", "error", err)
		return grant, refusef(CodeUnavailable, "This hub can't check who may enter right now. Try again later.").after(fullRetry)
	case !grant.Expires.IsZero() && !time.Now().Before(grant.Expires):
		return grant, errExpired()
	case !grant.Permissions.Has(PermitJoin):
		return grant, refusef(CodeForbidden, "Your token doesn't permit to join this room.")
	case c.hub.held.keepsOut(r.Room, r.Member, grant.TokenID):
		return grant, errKicked()
	}
	return grant, nil
}

// ofHook is e as clients are told: its code is there, and Final goes with the code.
func (e *Error) ofHook() *Error {
	told := *e
	if told.Code == "" {
		told.Code = CodeForbidden
	}
	told.Final = told.closeCode() >= finalCloseMin
	return &told
}

func errExpired() *Error {
	return refusef(CodeExpired, "Your token has expired. Come with a newer one.")
}

func errKicked() *Error { return refusef(CodeKicked, "You were put out of this room.") }

// renew takes a newer token.
func (c *connection) renew(m Token) {
	grant, refusal := c.authorize(AuthRequest{Room: c.roomName, Token: m.Token, Member: c.session.id, Kind: c.session.kind, Address: c.address})
	if refusal == nil {
		refusal = c.room.renew(c, grant)
	}
	if refusal != nil {
		c.refuse(refusal)
	}
}

// refuse ends the connection for what its other side did.
func (c *connection) refuse(e *Error) {
	c.close(e)
	c.end(endRefused, e)
}

// Ways for a connection to end.
type ending int

const (
	endLost    ending = iota
	endBye            // the client said so
	endRefused        // for what the client did
)

// ended is the last call. why is what ended the connection, if that isn't the client.
func (c *connection) ended(bye bool, why *Error) {
	if bye {
		c.end(endBye, why)
	} else {
		c.end(endLost, why)
	}
}

// end comes twice if the connection was refused; the first time counts. Why a member lost its
// connection, its room logs.
func (c *connection) end(how ending, why *Error) {
	switch {
	case c.over:
	case c.room != nil:
		c.room.lose(c, how, why)
		c.room, c.session = nil, nil
	case why != nil:
		c.hub.refusedLines.log(c.hub.logOf(c.address), slog.LevelInfo, "a client was refused", "code", why.Code, "limit", why.Limit)
	}
	c.over = true
}
