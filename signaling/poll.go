package signaling

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"
)

// Of requests over HTTP: PROTOCOL.md, section 7.
const (
	pollWait    = 25 * time.Second // for something to say
	maxSend     = 256 << 10        // bytes of one request
	ndjson      = "application/x-ndjson"
	maxHead     = 1 << 10 // bytes of the first line of a request
	corsMaxAge  = "7200"  // seconds
	lingerAfter = 10 * time.Second
	requestWait = 10 * time.Second // for a request to have come
	answerWait  = 30 * time.Second // for an answer to be read
	turnWait    = time.Second      // for the answer before to be written
)

// poll is a connection over HTTP: each request takes messages one way. It knows no
// rooms. Any goroutine may send to it; requests of one direction come one at a time.
type poll struct {
	// Set at construction.
	hub        *Hub
	id         string
	connection *connection   // set before anybody else knows p
	ended      chan struct{} // closed when it is over: then run ends
	wake       chan struct{} // a token: there is something to say, or the end

	receiving chan struct{} // held, by sending to it, while a receive is under way
	sending   chan struct{} // likewise, a send
	giving    sync.Mutex    // held by who gives messages to connection; taken before any other

	mu       sync.Mutex
	room     *room
	queue    []frame
	queued   int       // bytes in queue and in the answer being written
	heardAt  time.Time // when the other side was last heard; a waiting receive counts as now
	waiting  bool      // a receive is
	pingAt   time.Time
	received uint64 // receive requests so far
	sent     uint64 // send requests so far
	closed   bool   // the last lines are queued
	closedAt time.Time
	why      *Error // what they say
	bye      bool   // the client closed
	over     bool   // ended is closed
}

func newPoll(h *Hub) *poll {
	var id [16]byte
	rand.Read(id[:])
	now := time.Now()
	return &poll{
		hub: h, id: base64.RawURLEncoding.EncodeToString(id[:]),
		ended: make(chan struct{}), wake: make(chan struct{}, 1),
		receiving: make(chan struct{}, 1), sending: make(chan struct{}, 1),
		heardAt: now, pingAt: now.Add(h.options.Load().PingInterval),
	}
}

func (p *poll) send(f frame) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sendLocked(f)
}

// sendLocked needs mu.
func (p *poll) sendLocked(f frame) bool {
	if p.closed {
		return false
	}
	if p.queued+len(f) > p.hub.options.Load().Limits.Queue || p.room != nil && !p.room.take(len(f), p.queued) {
		why := refusef(CodeSlow, "You didn't read: %d bytes were waiting for you. Connect again.", p.queued)
		p.drop()
		p.closeLocked(why)
		return false
	}
	p.enqueue(f)
	return true
}

// enqueue needs mu.
func (p *poll) enqueue(f frame) {
	p.queue = append(p.queue, f)
	p.queued += len(f)
	p.ring()
}

func (p *poll) ring() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// drop needs mu.
func (p *poll) drop() {
	for _, f := range p.queue {
		p.done(len(f))
	}
	p.queue = nil
}

// done takes note that bytes wait no more. Needs mu.
func (p *poll) done(bytes int) {
	p.queued -= bytes
	if p.room != nil {
		p.room.give(bytes)
	}
}

func (p *poll) close(why *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeLocked(why)
}

// closeLocked needs mu.
func (p *poll) closeLocked(why *Error) {
	if p.closed {
		return
	}
	p.closed, p.closedAt, p.why = true, time.Now(), why
	p.hub.counters.refused(why)
	last := []frame{messageFrame(why), textFrame(closeLine{"close", why.closeCode()})}
	for _, f := range last {
		p.put(f)
	}
}

// put queues what has to be said, whatever waits already. Needs mu.
func (p *poll) put(f frame) {
	if p.room != nil {
		p.room.bytes.Add(int64(len(f)))
		p.room.hub.bytes.Add(int64(len(f)))
	}
	p.enqueue(f)
}

type closeLine struct {
	Type string `json:"type"`
	Code int    `json:"code"`
}

func (p *poll) abort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
}

// finish ends p. Needs mu.
func (p *poll) finish() {
	p.closed = true
	if !p.over {
		p.over = true
		p.drop()
		close(p.ended)
	}
}

func (p *poll) charge(r *room) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room = r
	r.bytes.Add(int64(p.queued))
	r.hub.bytes.Add(int64(p.queued))
}

func (p *poll) describe() (kind string, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "http", p.queued
}

func (p *poll) check(now time.Time, o *Options) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
	case p.closed:
		if now.Sub(p.closedAt) > lingerAfter { // nobody fetched why
			p.finish()
		}
	case !p.waiting && now.Sub(p.heardAt) > o.PongTimeout:
		why := refusef(CodeTimeout, "Nothing came from you for %v. Connect again.", o.PongTimeout)
		p.closeLocked(why)
		p.finish() // nobody asks
	case !now.Before(p.pingAt):
		p.pingAt = now.Add(o.PingInterval)
		if !p.waiting { // else the network between would have ended the request
			return
		}
		p.sendLocked(pingLine)
	}
}

var pingLine = messageFrame(Ping{})

// run waits for the end.
func (p *poll) run(c *connection) {
	<-p.ended
	p.hub.mu.Lock()
	delete(p.hub.polls, p.id)
	p.hub.mu.Unlock()
	p.mu.Lock()
	bye, why := p.bye, p.why
	p.mu.Unlock()
	p.giving.Lock()
	defer p.giving.Unlock()
	c.ended(bye, why)
}

// next waits until there is something to say, or for pollWait, and takes all there is, which counts as
// waiting until it is written. last tells that nothing will follow.
func (p *poll) next(ctx context.Context) (lines []frame, last bool) {
	patience := time.NewTimer(pollWait)
	defer patience.Stop()
	for {
		p.mu.Lock()
		lines, last = p.queue, p.closed
		if len(lines) > 0 || last {
			p.queue = nil
			p.mu.Unlock()
			return lines, last
		}
		p.mu.Unlock()
		select {
		case <-p.wake:
		case <-patience.C:
			return nil, false
		case <-p.ended:
			return nil, true
		case <-ctx.Done():
			return nil, false
		}
	}
}
