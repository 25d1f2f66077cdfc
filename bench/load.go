package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
)

const (
	signalSize = 1 << 10 // bytes of a signal's body
	joiners    = 64      // members that join at the same time
	patience   = time.Minute
)

// signalBody is as long as asked for and made of what session descriptions are
// made of, escaped line ends among it.
var signalBody = func() string {
	const head, tail = `{"type":"offer","n":1,"sdp":"`, `"}`
	sdp := strings.Repeat(`a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n`, signalSize/32)
	sdp = strings.TrimSuffix(sdp[:signalSize-len(head)-len(tail)], `\`)
	return head + sdp + strings.Repeat("0", signalSize-len(head)-len(sdp)-len(tail)) + tail
}()

// dialect is how a server is spoken to.
type dialect struct {
	subprotocol string
	hello       func(signaling.Secret) any
	signal      string // with %s for the receiver's id
}

var (
	snugDialect = dialect{
		subprotocol: signaling.Subprotocol,
		hello: func(s signaling.Secret) any {
			return map[string]any{"type": "hello", "secret": s, "name": "Ann", "kind": "browser"}
		},
		signal: `{"type":"signal","to":"%s","body":` + signalBody + `}`,
	}
	plainDialect = dialect{
		hello:  func(s signaling.Secret) any { return plainMessage{ID: s.MemberID()} },
		signal: `{"to":"%s","body":` + signalBody + `}`,
	}
)

// client is a member, as far as the server can tell.
type client struct {
	ws     *websocket.Conn
	id     string
	signal []byte // for its partner
}

// crowd are clients in rooms of two: 0 and 1, 2 and 3, and so on.
type crowd []*client

func joinAll(ctx context.Context, address string, d dialect, members int) (crowd, error) {
	all := make(crowd, members)
	errs := make([]error, joiners)
	var joining sync.WaitGroup
	for worker := range joiners {
		joining.Go(func() {
			for i := worker; i < members && errs[worker] == nil; i += joiners {
				url := fmt.Sprintf("ws://%s/v1/rooms/bench-%d", address, i/2)
				all[i], errs[worker] = join(ctx, url, d)
			}
		})
	}
	joining.Wait()
	if err := errors.Join(errs...); err != nil {
		all.close()
		return nil, err
	}
	for i, c := range all {
		c.signal = fmt.Appendf(nil, d.signal, all[i^1].id)
	}
	return all, nil
}

// join returns when the server has answered.
func join(ctx context.Context, url string, d dialect) (*client, error) {
	dialer := websocket.Dialer{ReadBufferSize: 2 << 10, WriteBufferSize: 2 << 10, HandshakeTimeout: patience}
	header := http.Header{}
	if d.subprotocol != "" {
		header.Set("Sec-WebSocket-Protocol", d.subprotocol)
	}
	ws, _, err := dialer.DialContext(ctx, url, header)
	if err != nil {
		return nil, fmt.Errorf("joining: %w", err)
	}
	secret := signaling.NewSecret()
	c := &client{ws: ws, id: secret.MemberID()}
	ws.SetReadDeadline(time.Now().Add(patience))
	hello, err := json.Marshal(d.hello(secret))
	if err == nil {
		err = ws.WriteMessage(websocket.TextMessage, hello)
	}
	if err == nil {
		_, _, err = ws.ReadMessage()
	}
	return c, err
}

// talk has the two of each pair answer each other's signals until each has sent
// count, and got as many: none may be lost.
func (all crowd) talk(count int) error {
	errs := make([]error, len(all))
	var talking sync.WaitGroup
	for i, c := range all {
		talking.Go(func() { errs[i] = c.talk(count, i%2 == 0) })
	}
	talking.Wait()
	return errors.Join(errs...)
}

func (c *client) talk(count int, first bool) error {
	sent := 0
	send := func() error {
		if sent == count {
			return nil
		}
		sent++
		return c.ws.WriteMessage(websocket.TextMessage, c.signal)
	}
	if first {
		if err := send(); err != nil {
			return err
		}
	}
	for received := 0; received < count; {
		c.ws.SetReadDeadline(time.Now().Add(patience))
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return fmt.Errorf("%d of %d signals came: %w", received, count, err)
		}
		if len(data) < signalSize {
			continue // the roster
		}
		received++
		if err := send(); err != nil {
			return err
		}
	}
	return nil
}

func (all crowd) close() {
	for _, c := range all {
		if c != nil {
			c.ws.Close()
		}
	}
}
