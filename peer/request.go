package peer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// defaultTimeout is how long an answer is waited for where a context has no deadline.
const defaultTimeout = 30 * time.Second

// RequestError is the answer to a request that has failed at the other side. A handler returns one to say why in its own
// words; of its other errors the other side hears nothing but [RequestFailed].
type RequestError struct {
	Code    string `json:"code"`    // for programs: 1 to 64 of a-z, 0-9 and -
	Message string `json:"message"` // a sentence for people, of at most 1,024 bytes
}

// Codes that are said by this package. Handlers have others of their own.
const (
	RequestUnknown   = "unknown"   // nobody handles requests of the name
	RequestMalformed = "malformed" // the request isn't what its handler takes
	RequestFailed    = "failed"    // the handler failed
	RequestTimeout   = "timeout"   // the time was over before there was an answer
	RequestCancelled = "cancelled" // whoever asked gave it up
	RequestTooLong   = "too-long"  // the answer is longer than one may be
)

func (e *RequestError) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

// Is tells that [RequestTimeout] is a context.DeadlineExceeded, whichever side it is over at first.
func (e *RequestError) Is(target error) bool {
	return e.Code == RequestTimeout && target == context.DeadlineExceeded
}

// Answer is what one member of many answered to a request.
type Answer[Resp any] struct {
	Member Member // as it was when it was asked
	Value  Resp
	Err    error // as of [Call]
}

// Handle has h answer the requests of a name, of 1 to 128 bytes of UTF-8 without control characters, of all members, until
// remove is called or the room ends. It is an error if somebody handles the name already.
//
// h is called in a goroutine of its own for each request: by up to 64 at the same time for each member, so slow ones
// keep nobody waiting. Its context ends when whoever asked waits no longer, at the latest after 10 minutes, and with the
// link; [Room.Close] waits until h has returned, so h must not call it. Requests and answers travel as
// JSON, 256 KiB at most; a request that can't be decoded into Req is refused with [RequestMalformed] and h not called. A
// panic of h is logged, and answered with [RequestFailed].
func Handle[Req, Resp any](r *Room, name string, h func(ctx context.Context, from Member, req Req) (Resp, error)) (remove func(), err error) {
	return r.handlers.add(name, func(ctx context.Context, from Member, body jsontext.Value) (jsontext.Value, error) {
		var req Req
		if json.Unmarshal(body, &req) != nil {
			return nil, &RequestError{RequestMalformed, "The request isn’t what is taken here."}
		}
		resp, err := h(ctx, from, req)
		if err != nil {
			return nil, err
		}
		return json.Marshal(resp)
	})
}

// Call asks the member of a link, and waits for the answer as long as ctx allows: 30 seconds if it has no deadline, and 10
// minutes at most. If ctx ends first, the other side is told so. A request may have been handled whatever the error is, but
// is handled once at most, also where the link's connections break. At most 32 requests of a link wait
// for their answers at a time; others wait for them.
//
// The error wraps ctx's, context.DeadlineExceeded, or a [*RequestError] if that is the answer; it is a
// [*GoneError] if the link ended before there was one.
func Call[Req, Resp any](ctx context.Context, l *Link, name string, req Req) (Resp, error) {
	body, err := encodeBody(name, req)
	if err != nil {
		var none Resp
		return none, err
	}
	return callEncoded[Resp](ctx, l, name, body)
}

// CallAll asks everybody who is in the room now, as [Call] does, and gives the answers as they come: one for each member, with
// its error if it has none. ctx bounds all of it. Who stops to iterate gives up what isn't answered yet.
func CallAll[Req, Resp any](ctx context.Context, r *Room, name string, req Req) iter.Seq[Answer[Resp]] {
	return func(yield func(Answer[Resp]) bool) {
		body, err := encodeBody(name, req)
		links := slices.Collect(r.Links())
		answers := make(chan Answer[Resp], len(links))
		ctx, cancel := context.WithCancel(ctx)
		var asking sync.WaitGroup
		defer asking.Wait()
		defer cancel()
		for _, l := range links {
			asking.Go(func() {
				a := Answer[Resp]{Member: l.Member(), Err: err}
				if err == nil {
					a.Value, a.Err = callEncoded[Resp](ctx, l, name, body)
				}
				answers <- a
			})
		}
		for range links {
			if !yield(<-answers) {
				return
			}
		}
	}
}

func encodeBody(name string, req any) (jsontext.Value, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("peer: request %q: %w", name, err)
	}
	return body, nil
}

func callEncoded[Resp any](ctx context.Context, l *Link, name string, body jsontext.Value) (resp Resp, err error) {
	answer, err := l.dialogue.call(ctx, name, body)
	if err == nil {
		err = json.Unmarshal(answer, &resp)
	}
	var gone *GoneError
	if err != nil && !errors.As(err, &gone) {
		err = fmt.Errorf("peer: request %q to %q: %w", name, l.Member().Name, err)
	}
	return resp, err
}

// handler answers requests of one name.
type handler func(ctx context.Context, from Member, body jsontext.Value) (jsontext.Value, error)

// handlers are those of a room.
type handlers struct {
	mu    sync.Mutex
	named map[string]*handler
}

func (s *handlers) add(name string, h handler) (remove func(), err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named[name] != nil {
		return nil, fmt.Errorf("peer: requests %q are handled already", name)
	}
	if s.named == nil {
		s.named = make(map[string]*handler)
	}
	s.named[name] = &h
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.named[name] == &h {
			delete(s.named, name)
		}
	}, nil
}

// serve has a request handled, and returns what is answered.
func (r *Room) serve(ctx context.Context, from Member, m requestMessage) (answer requestMessage) {
	answer = requestMessage{Type: typeAnswer, ID: m.ID}
	r.handlers.mu.Lock()
	h := r.handlers.named[m.Name]
	r.handlers.mu.Unlock()
	if h == nil {
		answer.Error = &RequestError{RequestUnknown, "Nobody handles this request here."}
		return answer
	}
	defer func() {
		if p := recover(); p != nil {
			r.options.Logger.Error("a handler of requests panicked", "request", m.Name, "panic", p)
			answer.Body, answer.Error = nil, errHandler
		}
	}()
	body, err := (*h)(ctx, from, m.Body)
	answer.Body = body
	if err != nil {
		answer.Body, answer.Error = nil, r.fault(ctx, m.Name, err)
	}
	return answer
}

var errHandler = &RequestError{RequestFailed, "The request failed."}

// fault is what the other side hears of an error.
func (r *Room) fault(ctx context.Context, name string, err error) *RequestError {
	var own *RequestError
	switch {
	case errors.As(err, &own):
		return own.told()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &RequestError{RequestTimeout, "The time for the request was over."}
	case ctx.Err() != nil:
		return &RequestError{RequestCancelled, "The request was given up."}
	}
	r.options.Logger.Warn("a handler of requests failed", "request", name, "error", err)
	return errHandler
}
