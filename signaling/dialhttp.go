package signaling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	maxAnswer   = 2*maxFromHub + defaultMaxQueue // bytes of one answer
	answerSlack = 20 * time.Second               // for an answer, beyond what the hub waits
)

// httpWire is a wire of HTTP requests: PROTOCOL.md, section 7.
type httpWire struct {
	// Set at construction.
	client   *http.Client
	endpoint *url.URL
	ctx      context.Context // of all requests: it ends with abort
	cancel   context.CancelFunc

	id   string        // of the connection
	wait time.Duration // that a receive may take

	lines    [][]byte // that were received and not read yet; owned by who reads
	received uint64   // requests; likewise
	closed   error    // likewise

	sent uint64 // requests; owned by who writes

	mu    sync.Mutex
	until time.Time // the end of the patience of read
}

// overHTTP connects without WebSocket.
func (d *dialer) overHTTP(ctx context.Context) (*Conn, error) {
	dial := d.options.NetDialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	life, cancel := context.WithCancel(context.Background())
	w := &httpWire{endpoint: d.endpoint, ctx: life, cancel: cancel, client: &http.Client{
		Transport: &http.Transport{
			DialContext:     dial,
			TLSClientConfig: d.options.TLSConfig,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c := newConn()
	c.wire = w
	stop := context.AfterFunc(ctx, w.abort)
	defer stop()
	d.late++
	err := w.connect(d.hello)
	if refused := (*Error)(nil); err == nil || errors.As(err, &refused) {
		d.late--
	}
	if err != nil {
		w.abort()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return d.enter(ctx, c)
}

// connect says hello. The welcome is what is read first.
func (w *httpWire) connect(hello Hello) error {
	text, err := encode(hello)
	if err != nil {
		return fmt.Errorf("signaling: %w", err)
	}
	answer, body, err := w.post(w.ctx, "connect", text)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case answer.StatusCode != http.StatusOK:
		return refusal(answer, body)
	}
	var first struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Wait int64  `json:"wait"`
	}
	lines := linesOf(body)
	if len(lines) == 0 || json.Unmarshal(lines[0], &first) != nil || first.Type != "connection" || first.ID == "" {
		return fmt.Errorf("%w (its answer names no connection)", ErrNotHub)
	}
	w.id, w.wait, w.lines = first.ID, time.Duration(first.Wait)*time.Millisecond, lines[1:]
	return nil
}

func linesOf(body []byte) (lines [][]byte) {
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func (w *httpWire) post(ctx context.Context, verb string, body []byte) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.endpoint.JoinPath(verb).String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Content-Type", ndjson)
	answer, err := w.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = errors.New("an answer that is too long")
	}
	return answer, data, err
}

func (w *httpWire) read() ([]byte, error) {
	for len(w.lines) == 0 {
		if w.closed != nil {
			return nil, w.closed
		}
		if err := w.receive(); err != nil {
			w.closed = err
			return nil, err
		}
	}
	line := w.lines[0]
	w.lines = w.lines[1:]
	var end closeLine
	if bytes.Contains(line, []byte(`"close"`)) && json.Unmarshal(line, &end) == nil && end.Type == "close" {
		w.closed = &closedError{end.Code}
		return nil, w.closed
	}
	return line, nil
}

// receive asks for messages once.
func (w *httpWire) receive() error {
	w.mu.Lock()
	until := w.until
	w.mu.Unlock()
	if limit := time.Now().Add(w.wait + answerSlack); until.IsZero() || until.After(limit) {
		until = limit
	}
	ctx, cancel := context.WithDeadline(w.ctx, until)
	defer cancel()
	w.received++
	answer, body, err := w.post(ctx, "receive", w.head(w.received))
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK:
		return failed(answer, body)
	}
	w.lines = linesOf(body)
	if len(w.lines) == 0 { // silence is a sign of life, too
		w.patience(w.wait + answerSlack)
	}
	return nil
}

func (w *httpWire) head(n uint64) []byte {
	return fmt.Appendf(nil, `{"connection":%q,"n":%d}`+"\n", w.id, n)
}

func (w *httpWire) write(text []byte, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(w.ctx, deadline)
	defer cancel()
	w.sent++
	answer, body, err := w.post(ctx, "send", append(append(w.head(w.sent), text...), '\n'))
	if err == nil && answer.StatusCode != http.StatusNoContent {
		err = failed(answer, body)
	}
	if err != nil {
		time.AfterFunc(byeWait, w.abort) // the hub may say why it closed, to read
	}
	return err
}

// failed is what an answer means that ends a connection. Whatever it says, the session
// may go on with another.
func failed(answer *http.Response, body []byte) error {
	err := refusal(answer, body)
	var refused *Error
	if errors.As(err, &refused) {
		refused.Final = false
	}
	return err
}

func (w *httpWire) patience(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = time.Now().Add(d)
}

func (w *httpWire) bye(deadline time.Time) {
	w.write([]byte(`{"type":"close","code":1000}`), deadline)
	w.abort()
}

func (w *httpWire) abort() {
	w.cancel()
	w.client.CloseIdleConnections()
}

func (*httpWire) transport() string { return TransportHTTP }
