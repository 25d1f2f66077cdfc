package signaling

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// wire is what a client's messages travel on: a WebSocket, or HTTP requests. One
// goroutine at a time reads, one writes; the others may be called by any.
type wire interface {
	// read waits for the next message. At the end, the error is a *closedError
	// if the hub closed.
	read() ([]byte, error)
	// write sends a message, until the deadline.
	write(text []byte, deadline time.Time) error
	// patience bounds the wait of read from now on.
	patience(time.Duration)
	// bye closes, with a bye for the hub. read ends soon after.
	bye(deadline time.Time)
	// abort ends at once; the hub takes the client for lost.
	abort()
	// transport is how it is called: "websocket" or "http".
	transport() string
}

// closedError is the hub's close.
type closedError struct{ code int }

func (e *closedError) Error() string { return fmt.Sprintf("closed with code %d", e.code) }

// webSocket is a wire.
type webSocket struct{ ws *websocket.Conn }

func newWebSocket(ws *websocket.Conn, heard func()) *webSocket {
	ws.SetReadLimit(maxFromHub)
	ws.SetPingHandler(func(data string) error {
		heard()
		ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWait))
		return nil // if that failed, so will the next read
	})
	return &webSocket{ws}
}

func (w *webSocket) read() ([]byte, error) {
	_, data, err := w.ws.ReadMessage()
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return nil, &closedError{closed.Code}
	}
	return data, err
}

func (w *webSocket) write(text []byte, deadline time.Time) error {
	w.ws.SetWriteDeadline(deadline)
	return w.ws.WriteMessage(websocket.TextMessage, text)
}

func (w *webSocket) patience(d time.Duration) { w.ws.SetReadDeadline(time.Now().Add(d)) }

func (w *webSocket) bye(deadline time.Time) {
	w.ws.SetReadDeadline(deadline)
	w.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), deadline)
}

func (w *webSocket) abort() { w.ws.Close() }

func (*webSocket) transport() string { return TransportWebSocket }

// unacknowledged are counted messages of the hub that it wasn't told of yet.
type unacknowledged struct {
	mu       sync.Mutex
	received uint64
	messages int
	bytes    int
	timer    *time.Timer // of the next ack; nil if none is due
	running  sync.WaitGroup
	stopped  bool
}

const ackWait = time.Second

// count counts a message and tells whether an ack is due at once; else later is called in ackWait.
func (u *unacknowledged) count(bytes int, later func()) (due bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.received++
	u.messages++
	u.bytes += bytes
	if u.messages >= ackMessages || u.bytes >= ackBytes {
		return true
	}
	if u.timer == nil && !u.stopped {
		u.running.Add(1)
		u.timer = time.AfterFunc(ackWait, func() {
			defer u.running.Done()
			later()
		})
	}
	return false
}

// take returns what to acknowledge; ok is false if there is nothing.
func (u *unacknowledged) take() (received uint64, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopTimer()
	ok = u.messages > 0
	u.messages, u.bytes = 0, 0
	return u.received, ok
}

// stopTimer needs mu.
func (u *unacknowledged) stopTimer() {
	if u.timer != nil && u.timer.Stop() {
		u.running.Done()
	}
	u.timer = nil
}

func (u *unacknowledged) total() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.received
}

// stop returns when later won't be called any more.
func (u *unacknowledged) stop() {
	u.mu.Lock()
	u.stopped = true
	u.stopTimer()
	u.mu.Unlock()
	u.running.Wait()
}

func acquire(ctx context.Context, held chan struct{}) error {
	select {
	case held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func release(held chan struct{}) { <-held }
