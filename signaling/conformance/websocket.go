package conformance

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const subprotocol = "snug.v1"

// webSocket is a wire of RFC 6455. It reads, and answers pings, whether or not anybody takes
// what came.
type webSocket struct {
	*websocket.Conn
	in      chan message
	code    int // valid once in is closed
	done    context.CancelFunc
	reading sync.Mutex // held by who wants it to stop
}

// maxWaiting is how many messages wait for a rule that takes none.
const maxWaiting = 4096

// dial opens a WebSocket to a room.
func (s *suite) dial(t *testing.T, room string, d websocket.Dialer) *webSocket {
	t.Helper()
	w, answer, err := s.tryDial(t, room, d, nil)
	if err != nil {
		status := "no answer"
		if answer != nil {
			status = answer.Status
		}
		t.Fatalf("no WebSocket to the room %.40q: %v (%s)", room, err, status)
	}
	return w
}

func (s *suite) tryDial(t *testing.T, room string, d websocket.Dialer, header http.Header) (*webSocket, *http.Response, error) {
	d.TLSClientConfig = s.options.TLSConfig
	d.HandshakeTimeout = answerWait
	u := strings.Replace(s.url(room).String(), "http", "ws", 1)
	conn, answer, err := d.DialContext(t.Context(), u, header)
	if err != nil {
		return nil, answer, err
	}
	conn.SetReadLimit(maxLine)
	ctx, cancel := context.WithCancel(context.Background())
	w := &webSocket{Conn: conn, in: make(chan message, maxWaiting), done: cancel}
	go w.read(ctx, t)
	return w, answer, nil
}

// read hands messages on until the end.
func (w *webSocket) read(ctx context.Context, t *testing.T) {
	defer close(w.in)
	defer w.Conn.Close()
	for {
		w.reading.Lock()
		w.reading.Unlock()
		_, data, err := w.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			w.code = closed.Code
		}
		if err != nil {
			return
		}
		m, err := parse(data)
		if err != nil {
			t.Error(err)
			return
		}
		select {
		case w.in <- m:
		case <-ctx.Done():
			return
		}
	}
}

func (w *webSocket) write(text string) error {
	w.SetWriteDeadline(time.Now().Add(answerWait))
	return w.WriteMessage(websocket.TextMessage, []byte(text))
}

func (w *webSocket) incoming() <-chan message { return w.in }

func (w *webSocket) closeCode() int { return w.code }

func (w *webSocket) lose() {
	w.done()
	w.NetConn().Close()
}

func (w *webSocket) bye(code int) {
	w.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(answerWait))
	for range w.in { // until the hub has closed too
	}
}
