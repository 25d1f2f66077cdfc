package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// httpWire is a wire of HTTP requests: section 7.
type httpWire struct {
	t      *testing.T
	s      *suite
	room   string
	in     chan message // written by one goroutine
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	status atomic.Int32 // of the first answer that refused something

	mu      sync.Mutex // held for one request to send
	id      string     // empty before connect
	sends   uint64
	refusal []message // that send was answered with

	code int  // valid once in is closed
	told bool // an error was handed on; owned by who writes in
}

func newHTTPWire(t *testing.T, s *suite, room string) *httpWire {
	w := &httpWire{t: t, s: s, room: room, in: make(chan message, maxWaiting)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// post makes a request of lines.
func (w *httpWire) post(part string, lines ...string) (status int, answer []message, err error) {
	return w.s.post(w.ctx, w.room, part, lines...)
}

func (s *suite) post(ctx context.Context, room, part string, lines ...string) (status int, answer []message, err error) {
	body := strings.Join(lines, "\n") + "\n"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url(room, part).String(), strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := s.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var all bytes.Buffer
	if _, err := all.ReadFrom(resp.Body); err != nil {
		return 0, nil, err
	}
	for line := range bytes.Lines(all.Bytes()) {
		m, err := parse(bytes.TrimSpace(line))
		if err != nil {
			return resp.StatusCode, nil, err
		}
		answer = append(answer, m)
	}
	return resp.StatusCode, answer, nil
}

// write connects with the first message, and sends the others.
func (w *httpWire) write(text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id == "" {
		return w.connect(text)
	}
	w.sends++
	status, answer, err := w.post("send", w.head(w.sends), text)
	if err == nil && status != http.StatusNoContent {
		w.status.CompareAndSwap(0, int32(status))
		w.refusal = answer
	}
	return err
}

func (w *httpWire) head(n uint64) string { return fmt.Sprintf(`{"connection":"%s","n":%d}`, w.id, n) }

func (w *httpWire) connect(hello string) error {
	status, answer, err := w.post("connect", hello)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		w.status.Store(int32(status))
		w.id = "refused"
	case len(answer) == 0 || answer[0].Type != "connection" && answer[0].Type != "error":
		return errors.New("the answer to connect doesn't begin with the connection")
	case answer[0].Type == "connection":
		w.id = answer[0].ID
		answer = answer[1:]
	}
	w.work.Go(func() { w.receive(answer, w.id == "refused") })
	return nil
}

// receive hands on what connect was answered with, and asks for more until the end.
func (w *httpWire) receive(answer []message, last bool) {
	defer close(w.in)
	for n := uint64(1); w.hand(answer) && !last; n++ {
		status, next, err := w.post("receive", w.head(n))
		if err != nil {
			return
		}
		if status != http.StatusOK {
			w.status.CompareAndSwap(0, int32(status))
			last = true
		}
		answer = next
	}
	w.mu.Lock()
	refusal := w.refusal
	w.mu.Unlock()
	if !w.told {
		w.hand(refusal)
	}
}

// hand passes messages on; it returns false at the end.
func (w *httpWire) hand(answer []message) bool {
	for _, m := range answer {
		if m.Type == "close" {
			w.code = m.closeCode()
			return false
		}
		w.told = w.told || m.Type == "error"
		select {
		case w.in <- m:
		case <-w.ctx.Done():
			return false
		}
	}
	return true
}

func (w *httpWire) incoming() <-chan message { return w.in }

func (w *httpWire) closeCode() int { return w.code }

// lose asks for nothing more.
func (w *httpWire) lose() {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id == "" { // it never connected
		w.id = "lost"
		close(w.in)
	}
}

func (w *httpWire) bye(code int) {
	w.write(fmt.Sprintf(`{"type":"close","code":%d}`, code))
	timeout := time.AfterFunc(answerWait, w.cancel)
	defer timeout.Stop()
	for range w.in { // until the hub has closed too
	}
}
