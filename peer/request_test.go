package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type sumRequest struct {
	Of []int `json:"of"`
}

func sum(_ context.Context, _ Member, req sumRequest) (n int, err error) {
	for _, i := range req.Of {
		n += i
	}
	return n, nil
}

// handle has r handle requests until the test ends.
func handle[Req, Resp any](t testing.TB, r *Room, name string, h func(context.Context, Member, Req) (Resp, error)) {
	t.Helper()
	remove, err := Handle(r, name, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
}

// hang handles requests by waiting for the end of their context, and tells of both ends of it.
func hang(began chan<- time.Duration, ended chan<- error) func(context.Context, Member, any) (any, error) {
	return func(ctx context.Context, _ Member, _ any) (any, error) {
		deadline, _ := ctx.Deadline()
		began <- time.Until(deadline)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}
}

func codeOf(err error) string {
	var e *RequestError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// quiet has a room log nothing, where its handlers fail on purpose.
func quiet(r *Room) { r.options.Logger = slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestRequestsAreAnswered(t *testing.T) {
	ann, bob := pair(t)
	quiet(bob)
	handle(t, bob, "sum", sum)
	handle(t, bob, "who", func(_ context.Context, from Member, _ struct{}) (string, error) { return from.Name, nil })
	handle(t, bob, "own", func(context.Context, Member, any) (any, error) {
		return nil, fmt.Errorf("within: %w", &RequestError{"out-of-paper", "There is no paper.\n"})
	})
	handle(t, bob, "fails", func(context.Context, Member, any) (any, error) { return nil, errors.New("secret") })
	handle(t, bob, "panics", func(context.Context, Member, any) (any, error) { panic("secret") })
	handle(t, bob, "long", func(context.Context, Member, any) (string, error) { return strings.Repeat("x", maxRequestMessage), nil })
	handle(t, bob, "echo", func(_ context.Context, _ Member, text string) (string, error) { return text, nil })
	link, ctx := ann.Link(bob.Self().ID), within(t, 20*time.Second)
	if n, err := Call[sumRequest, int](ctx, link, "sum", sumRequest{[]int{1, 2, 3}}); n != 6 || err != nil {
		t.Error(n, err)
	}
	if name, err := Call[struct{}, string](ctx, link, "who", struct{}{}); name != "Ann" || err != nil {
		t.Error(name, err)
	}
	if text, err := Call[string, string](ctx, link, "echo", strings.Repeat("é", 130_000)); len(text) != 260_000 || err != nil {
		t.Error(len(text), err)
	}
	if _, err := Call[sumRequest, string](ctx, link, "sum", sumRequest{}); err == nil || codeOf(err) != "" {
		t.Errorf("a number was decoded as a string: %v", err)
	}
	for _, c := range []struct {
		name, code string
		body       any
	}{
		{"nothing", RequestUnknown, nil}, {"sum", RequestMalformed, []int{1}}, {"own", "out-of-paper", nil}, {"fails", RequestFailed, nil}, {"panics", RequestFailed, nil}, {"long", RequestTooLong, nil},
	} {
		_, err := Call[any, any](ctx, link, c.name, c.body)
		if codeOf(err) != c.code || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %s", c.name, err, c.code)
		}
	}
	if _, err := Call[string, any](ctx, link, "echo", strings.Repeat("x", maxRequestMessage)); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a request without end: %v", err)
	}
	if _, err := Call[chan int, any](ctx, link, "echo", nil); err == nil {
		t.Error("a channel was sent")
	}
	if _, err := Call[any, any](ctx, link, "", nil); err == nil {
		t.Error("a request has no name")
	}
	if n, err := Call[sumRequest, int](ctx, link, "sum", sumRequest{[]int{4}}); n != 4 || err != nil {
		t.Error("after all that:", n, err)
	}
}

func TestRequestsAreHandledByOne(t *testing.T) {
	ann, bob := pair(t)
	remove, err := Handle(bob, "sum", sum)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Handle(bob, "sum", sum); err == nil {
		t.Error("two handle one name")
	}
	if _, err := Handle(bob, "a\n", sum); err == nil {
		t.Error("that was a name")
	}
	remove()
	ctx, link := within(t, 20*time.Second), ann.Link(bob.Self().ID)
	if _, err := Call[any, any](ctx, link, "sum", nil); codeOf(err) != RequestUnknown {
		t.Error(err)
	}
	handle(t, bob, "sum", sum)
	remove() // again, to no effect
	if _, err := Call[sumRequest, int](ctx, link, "sum", sumRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := ann.Channel(requestsChannel, nil); err == nil {
		t.Error("an application may disturb requests")
	}
	if _, err := link.Dial(ctx, requestsChannel); err == nil {
		t.Error("and by a stream, too")
	}
	if _, err := Handle(bob, requestsChannel, sum); err == nil {
		t.Error("a name that isn't for applications is handled")
	}
}

func TestARequestIsGivenUp(t *testing.T) {
	ann, bob := pair(t)
	began, ended := make(chan time.Duration, 1), make(chan error, 1)
	handle(t, bob, "hang", hang(began, ended))
	link := ann.Link(bob.Self().ID)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	var asking sync.WaitGroup
	asking.Go(func() {
		if _, err := Call[any, any](ctx, link, "hang", nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	if left := <-began; left > maxTimeout || left < maxTimeout/2 {
		t.Errorf("a handler has %v", left)
	}
	cancel()
	asking.Wait()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for patience := within(t, 20*time.Second); !idle(&link.dialogue) || !idle(&bob.Link(ann.Self().ID).dialogue); <-time.After(time.Millisecond) {
		if patience.Err() != nil {
			t.Fatal("it was never answered")
		}
	}
}

// idle tells whether no request waits for an answer.
func idle(x *dialogue) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.calls) == 0 && len(x.slots) == 0 && len(x.asked) == 0
}

func TestDeadlinesTravel(t *testing.T) {
	ann, bob := pair(t)
	began, ended := make(chan time.Duration, 1), make(chan error, 1)
	handle(t, bob, "hang", hang(began, ended))
	ctx := within(t, 50*time.Millisecond)
	if _, err := Call[any, any](ctx, ann.Link(bob.Self().ID), "hang", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if left := <-began; left > 50*time.Millisecond {
		t.Errorf("a handler has %v", left)
	}
	if err := <-ended; err == nil {
		t.Error("a handler's context didn't end")
	}
}

func TestSlowHandlersKeepNobodyWaiting(t *testing.T) {
	ann, bob := pair(t)
	began, ended := make(chan time.Duration, 2*maxWaiting), make(chan error, 2*maxWaiting)
	handle(t, bob, "hang", hang(began, ended))
	handle(t, bob, "sum", sum)
	link := ann.Link(bob.Self().ID)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	ask := func() { asking.Go(func() { Call[any, any](ctx, link, "hang", nil) }) }
	for range maxWaiting - 1 {
		ask()
		<-began
	}
	if n, err := Call[sumRequest, int](within(t, 20*time.Second), link, "sum", sumRequest{[]int{1}}); n != 1 || err != nil {
		t.Error(n, err)
	}
	ask()
	<-began
	if _, err := Call[sumRequest, int](within(t, 50*time.Millisecond), link, "sum", sumRequest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d requests wait: %v", maxWaiting+1, err)
	}
	cancel()
	asking.Wait()
	if n, err := Call[sumRequest, int](within(t, 20*time.Second), link, "sum", sumRequest{[]int{2}}); n != 2 || err != nil {
		t.Error(n, err)
	}
}

func TestEverybodyIsAsked(t *testing.T) {
	h := newTestHub(t)
	ann, bob, cid, dan := h.join("Ann"), h.join("Bob"), h.join("Cid"), h.join("Dan")
	for _, r := range []*Room{ann, bob, cid, dan} {
		until(t, r, live(3))
	}
	began, ended := make(chan time.Duration, 2), make(chan error, 2)
	handle(t, bob, "sum", sum)
	handle(t, cid, "sum", hang(began, ended))
	got := map[string]string{}
	for a := range CallAll[sumRequest, int](within(t, 20*time.Second), ann, "sum", sumRequest{[]int{1, 2}}) {
		got[a.Member.Name] = fmt.Sprint(a.Value, codeOf(a.Err))
		if len(got) == 2 {
			<-began
			break // Cid never answers
		}
	}
	if want := fmt.Sprint(map[string]string{"Bob": "3", "Dan": "0unknown"}); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	remaining := 0
	for a := range CallAll[sumRequest, int](within(t, 200*time.Millisecond), ann, "sum", sumRequest{}) {
		if remaining++; a.Member.Name == "Cid" && !errors.Is(a.Err, context.DeadlineExceeded) {
			t.Error(a.Err)
		}
	}
	if remaining != 3 {
		t.Errorf("%d answers of 3", remaining)
	}
	for a := range CallAll[chan int, int](t.Context(), ann, "sum", nil) {
		if a.Err == nil {
			t.Error("a channel was sent")
		}
	}
}

func TestALinkThatEndsAnswersWhatWaits(t *testing.T) {
	ann, bob := pair(t)
	began, ended := make(chan time.Duration, 3), make(chan error, 3)
	handle(t, bob, "hang", hang(began, ended))
	handle(t, ann, "hang", hang(began, ended))
	var asking sync.WaitGroup
	ask := func(from, to *Room) {
		link := from.Link(to.Self().ID)
		asking.Go(func() {
			var gone *GoneError
			if _, err := Call[any, any](t.Context(), link, "hang", nil); !errors.As(err, &gone) {
				t.Error(err)
			}
		})
	}
	ask(ann, bob)
	ask(ann, bob)
	ask(bob, ann)
	for range 3 {
		<-began
	}
	link := ann.Link(bob.Self().ID)
	bob.Close(within(t, 20*time.Second))
	asking.Wait()
	for range 3 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	var gone *GoneError
	if _, err := Call[any, any](t.Context(), link, "hang", nil); !errors.As(err, &gone) {
		t.Error(err)
	}
}

func TestBothSidesAskAtOnce(t *testing.T) {
	ann, bob := pair(t)
	handle(t, ann, "sum", sum)
	handle(t, bob, "sum", sum)
	var asking sync.WaitGroup
	for _, link := range []*Link{ann.Link(bob.Self().ID), bob.Link(ann.Self().ID)} {
		for i := range 4 * maxWaiting {
			asking.Go(func() {
				for j := range 10 {
					if n, err := Call[sumRequest, int](t.Context(), link, "sum", sumRequest{[]int{i, j}}); n != i+j || err != nil {
						t.Error(i, j, n, err)
					}
				}
			})
		}
	}
	asking.Wait()
}

func TestRequestsSurviveTheirCarriers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0.02)
		ann, bob := l.join("Ann"), l.join("Bob")
		untilWithin(t, ann, time.Minute, live(1))
		untilWithin(t, bob, time.Minute, live(1))
		var handled atomic.Int64
		handle(t, bob, "sum", func(ctx context.Context, m Member, req sumRequest) (int, error) {
			handled.Add(1)
			return sum(ctx, m, req)
		})
		link := ann.Link(bob.Self().ID)
		var stop atomic.Bool
		var asking sync.WaitGroup
		var asked int64
		asking.Go(func() {
			for ; !stop.Load(); asked++ {
				if n, err := Call[sumRequest, int](within(t, 2*time.Minute), link, "sum", sumRequest{[]int{int(asked), 1}}); n != int(asked)+1 || err != nil {
					t.Error(n, err)
					return
				}
			}
		})
		for range 3 {
			time.Sleep(10 * time.Second) // virtual
			cut(l, 8*time.Second)
			time.Sleep(20 * time.Second)
			loseCarrier(ann, bob)
		}
		time.Sleep(30 * time.Second)
		stop.Store(true)
		asking.Wait()
		if handled.Load() != asked || asked < 100 || link.Member().State != LinkLive {
			t.Errorf("%d asked, %d handled, link %s", asked, handled.Load(), link.Member().State)
		}
		ann.Close(t.Context())
		bob.Close(t.Context())
	})
}

func TestHostileRequestsEndTheirLinkOnly(t *testing.T) {
	say := func(texts ...string) func(*Link) error {
		return func(l *Link) error {
			for _, text := range texts {
				l.dialogue.send(t.Context(), []byte(text)) // the link may have ended
			}
			return nil
		}
	}
	var endless []string
	for i := range 2 * maxUnanswered {
		endless = append(endless, fmt.Sprintf(`{"type":"request","id":%d,"name":"hang","timeout":600000}`, i+1))
	}
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	began, ended := make(chan time.Duration, len(endless)), make(chan error, len(endless))
	handle(t, ann, "hang", hang(began, ended))
	for name, attack := range map[string]func(*Link) error{
		"an answer to nothing":  say(`{"type":"answer","id":1,"body":1}`),
		"no JSON":               say(`hello`),
		"a huge name":           say(fmt.Sprintf(`{"type":"request","id":1,"name":%q,"timeout":1}`, strings.Repeat("x", 200_000))),
		"too long":              say(fmt.Sprintf(`{"type":"cancel","id":1,"x":%q}`, strings.Repeat("x", maxRequestMessage))),
		"an id twice":           say(endless[0], endless[0]),
		"requests without end":  say(endless...),
		"a terminal's sequence": say(`{"type":"answer","id":1,"error":{"code":"x","message":"\u001b[2J"}}`),
		"bytes": func(l *Link) error {
			return l.send(t.Context(), requestsChannel, false, Bytes([]byte(`{"type":"cancel","id":1}`)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			mal := h.join("Mal")
			defer mal.Close(context.Background())
			until(t, mal, live(2))
			until(t, ann, live(2))
			link := ann.Link(mal.Self().ID)
			if err := attack(mal.Link(ann.Self().ID)); err != nil {
				t.Fatal(err)
			}
			until(t, ann, func([]Member) bool { return isClosed(link.gone) })
			if cause := link.Member().Cause; cause != CauseRefused {
				t.Errorf("ended as %s", cause)
			}
			if _, err := Call[any, any](within(t, 20*time.Second), ann.Link(bob.Self().ID), "nothing", nil); codeOf(err) != RequestUnknown {
				t.Error(err)
			}
		})
	}
	if len(began) < maxUnanswered || len(began) > maxUnanswered+2 {
		t.Errorf("%d were begun", len(began))
	}
}

func TestRequestsOfLaterVersionsAreIgnored(t *testing.T) {
	ann, bob := pair(t)
	handle(t, bob, "sum", sum)
	link := ann.Link(bob.Self().ID)
	for _, text := range []string{`{"type":"progress","id":"x"}`, `{"type":"cancel","id":77}`} {
		if err := link.dialogue.send(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := Call[sumRequest, int](within(t, 20*time.Second), link, "sum", sumRequest{[]int{5}}); n != 5 || err != nil {
		t.Error(n, err)
	}
}
