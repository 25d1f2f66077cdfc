package peer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// dialogue is what the two members of a link ask each other. It is the sink of the channel of requests, and outlives
// carriers as the link does.
type dialogue struct {
	link *Link
	work sync.WaitGroup // what handles requests, and gives some up

	mu      sync.Mutex // may be taken while incoming.mu is held, never the other way round
	waiting fifo[arrival]
	reading bool // a goroutine takes what waits
	broken  bool // the other side broke the protocol
	ended   bool // nothing more will come
	slots   chan struct{}
	last    uint64 // id
	calls   map[uint64]*call
	asked   map[uint64]context.CancelFunc // requests of the other side that aren't answered yet
}

// call is a request of this side. It stays until the answer comes, also when nobody waits for that any more.
type call struct {
	id       uint64
	answered chan struct{}

	// Set before answered is closed.
	body jsontext.Value
	err  error
}

// call sends a request and waits for its answer.
func (x *dialogue) call(ctx context.Context, name string, body jsontext.Value) (jsontext.Value, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	c, err := x.begin(ctx)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	m := requestMessage{Type: typeRequest, ID: c.id, Name: name, Timeout: max(1, time.Until(deadline).Milliseconds()), Body: body}
	text, err := m.encode()
	if err == nil {
		err = x.send(ctx, text)
	}
	if err != nil {
		x.finish(c.id, nil, err)
		return nil, err
	}
	select {
	case <-c.answered:
		return c.body, c.err
	case <-ctx.Done():
		x.giveUp(c)
		return nil, ctx.Err()
	}
}

// withTimeout bounds how long an answer is waited for.
func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := maxTimeout
	if _, ok := ctx.Deadline(); !ok {
		limit = defaultTimeout
	}
	return context.WithTimeout(ctx, limit)
}

// begin waits until another request may be made.
func (x *dialogue) begin(ctx context.Context) (*call, error) {
	x.mu.Lock()
	if x.slots == nil {
		x.slots, x.calls = make(chan struct{}, maxWaiting), make(map[uint64]*call)
	}
	x.mu.Unlock()
	select {
	case x.slots <- struct{}{}:
	case <-x.link.stop:
		return nil, x.link.goneError()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		<-x.slots
		return nil, x.link.goneError()
	}
	x.last++
	c := &call{id: x.last, answered: make(chan struct{})}
	x.calls[c.id] = c
	return c, nil
}

// finish ends a call. It tells whether there was one.
func (x *dialogue) finish(id uint64, body jsontext.Value, err error) bool {
	x.mu.Lock()
	c := x.calls[id]
	delete(x.calls, id)
	x.mu.Unlock()
	if c == nil {
		return false
	}
	<-x.slots
	c.body, c.err = body, err
	close(c.answered)
	return true
}

// giveUp tells the other side that nobody waits for an answer any more. It comes all the same.
func (x *dialogue) giveUp(c *call) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended || x.calls[c.id] == nil {
		return
	}
	x.work.Go(func() {
		if text, err := (requestMessage{Type: typeCancel, ID: c.id}).encode(); err == nil {
			x.send(context.Background(), text) // until the link ends
		}
	})
}

func (x *dialogue) send(ctx context.Context, text []byte) error {
	return x.link.send(ctx, requestsChannel, false, Message{Text: true, Data: text})
}

// put takes what came. It is dealt with by a goroutine that ends when nothing more waits: no handler is waited for there.
func (x *dialogue) put(a arrival) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waiting.push(a)
	if !x.reading {
		x.reading = true
		x.link.incoming.readers.Go(x.read)
	}
}

func (x *dialogue) end(bool) {}

func (x *dialogue) read() {
	for {
		x.mu.Lock()
		if x.waiting.len() == 0 {
			x.reading = false
			x.mu.Unlock()
			return
		}
		a, broken := x.waiting.pop(), x.broken
		x.mu.Unlock()
		data, text := x.link.take(a)
		if !broken && x.take(data, text) != nil {
			x.mu.Lock()
			x.broken = true
			x.mu.Unlock()
			x.link.post(event{Type: eventBroken})
		}
	}
}

func (x *dialogue) take(data []byte, text bool) error {
	if !text {
		return errFrame
	}
	m, err := decodeRequest(data)
	switch {
	case errors.Is(err, errIgnored):
		return nil
	case err != nil:
		return err
	case m.Type == typeRequest:
		return x.requested(m)
	case m.Type == typeCancel:
		x.cancelled(m.ID)
		return nil
	}
	var answer error
	if m.Error != nil {
		answer = m.Error
	}
	if !x.finish(m.ID, m.Body, answer) {
		return errFrame
	}
	return nil
}

// requested begins to handle a request.
func (x *dialogue) requested(m requestMessage) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.asked == nil {
		x.asked = make(map[uint64]context.CancelFunc)
	}
	if x.asked[m.ID] != nil || len(x.asked) >= maxUnanswered {
		return errFrame
	}
	if isClosed(x.link.stop) {
		return nil // no answer could be sent
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(m.Timeout)*time.Millisecond)
	x.asked[m.ID] = cancel
	x.work.Go(func() {
		defer cancel()
		x.answer(ctx, m)
	})
	return nil
}

// answer has a request handled. It counts as waiting until the answer is on its way.
func (x *dialogue) answer(ctx context.Context, m requestMessage) {
	l := x.link
	text, err := l.room.serve(ctx, l.Member(), m).encode()
	if err != nil {
		l.warn("an answer could not be sent", err)
		text, _ = requestMessage{Type: typeAnswer, ID: m.ID, Error: &RequestError{RequestTooLong, "The answer is too long."}}.encode()
	}
	if x.send(context.Background(), text) != nil { // until the link ends
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.asked, m.ID)
}

func (x *dialogue) cancelled(id uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if cancel := x.asked[id]; cancel != nil {
		cancel()
	}
}

// over is called when the link has ended, and all that came was taken.
func (x *dialogue) over() {
	x.mu.Lock()
	x.ended = true
	left := slices.Collect(maps.Keys(x.calls))
	for _, cancel := range x.asked {
		cancel()
	}
	x.mu.Unlock()
	for _, id := range left {
		x.finish(id, nil, x.link.goneError())
	}
	x.link.room.work.Go(x.work.Wait)
}
