package signaling_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
)

const (
	opContinuation = 0x0
	opText         = 0x1
	opClose        = 0x8
	opPing         = 0x9
	final          = 0x80
	compressed     = 0x40 // RSV1, of RFC 7692
)

// frame is what a client sends (RFC 6455 §5.2), with a mask that changes nothing.
func frame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default:
		b = append(b, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// hello is a good one.
func hello(more string) []byte {
	secret, _ := signaling.NewSecret().MarshalText()
	return fmt.Appendf(nil, `{"type":"hello","secret":"%s","kind":"go"%s}`, secret, more)
}

// entered is a WebSocket whose member has been welcomed.
func (l *target) entered() *websocket.Conn {
	l.Helper()
	ws := l.upgraded()
	ws.WriteMessage(websocket.TextMessage, hello(""))
	if _, data, err := ws.ReadMessage(); err != nil || !bytes.HasPrefix(data, []byte(`{"type":"welcome"`)) {
		l.Fatalf("%s, %v instead of a welcome", data, err)
	}
	return ws
}

// said is an error, as the hub says it.
type said struct {
	Type, Code, Message, Limit string
	Retry                      int64
}

func parse(data []byte) (s said) {
	json.Unmarshal(data, &s, json.MatchCaseInsensitiveNames(true))
	return s
}

// refused reads to the end, which has to be an error and a close code.
func (l *target) refused(ws *websocket.Conn, code string, closeCode int) (last said) {
	l.Helper()
	for {
		_, data, err := ws.ReadMessage()
		if err == nil {
			last = parse(data)
			continue
		}
		if !websocket.IsCloseError(err, closeCode) || last.Code != code || last.Message == "" {
			l.Errorf("the hub said %+v and ended with %v; want %s and %d", last, err, code, closeCode)
		}
		ws.Close()
		return last
	}
}

func neverReads(l *target) {
	deaf := l.entered()
	sender := l.member(signaling.NewSecret(), "sender")
	id := sender.Welcome().Roster.Members[2].ID
	told := make(chan signaling.Undeliverable, 1)
	go func() {
		for {
			m, err := sender.Receive(l.Context())
			if u, ok := m.(signaling.Undeliverable); ok || err != nil {
				told <- u
				return
			}
		}
	}()
	body := jsontext.Value(`"` + strings.Repeat("x", 60<<10) + `"`)
	most := int64(0)
	for sent := range 1000 { // as many as one may send at once: 60 MB
		if _, err := sender.Signal(l.Context(), id, body); err != nil {
			l.Fatal(err)
		}
		if waits := l.hub.Stats().Bytes; waits > most {
			if most < mib && waits >= mib {
				l.measure()
			}
			most = waits
		}
		select {
		case u := <-told:
			if u.Reason != signaling.UndeliverableSlow || u.To != id {
				l.Errorf("the sender is told %+v", u)
			}
			l.refused(deaf, signaling.CodeSlow, 4001)
			l.Logf("slow after %.1f MB, most of which the kernel took; the hub had %.2f MiB", float64(sent*len(body))/1e6, float64(most)/mib)
			// Its queue, what is kept to be repeated, and the little that witnesses have waiting.
			if most > mib+256<<10+64<<10 {
				l.Errorf("%d bytes waited for it", most)
			}
			return
		default:
		}
	}
	l.Error("60 MB wait for a member that doesn't read")
}

func sendsToAbsentMembers(l *target) {
	const signals = 10_000
	c := l.member(signaling.NewSecret(), "sender")
	go func() {
		for range signals {
			c.Signal(l.Context(), signaling.NewSecret().MemberID(), jsontext.Value(`{"type":"offer"}`))
		}
	}()
	reasons := map[string]int{}
	for n := uint64(1); n <= signals; {
		m, err := c.Receive(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		u, ok := m.(signaling.Undeliverable)
		if !ok {
			continue
		}
		if u.Signal != n || (u.Reason == signaling.UndeliverableLimit) != (u.Retry > 0) {
			l.Fatalf("got %+v when signal %d was due", u, n)
		}
		reasons[u.Reason]++
		if n++; n%2500 == 0 {
			l.measure()
		}
	}
	// A thousand at once, and 100 a second.
	if gone := reasons[signaling.UndeliverableGone]; gone < 1000 || gone > 8000 || gone+reasons[signaling.UndeliverableLimit] != signals {
		l.Errorf("told %v", reasons)
	}
}

// fragmented says the first bytes of a message, and then the rest again and again, until that is refused.
func fragmented(l *target, rest []byte) {
	ws := l.entered()
	go func() {
		conn := ws.NetConn()
		for _, err := conn.Write(frame(opText, []byte(`{"type":"signal","to":"x","body":"`))); err == nil; {
			_, err = conn.Write(rest)
		}
	}()
	l.refused(ws, signaling.CodeTooBig, 4505)
}

func fragmentsOfOneByte(l *target) {
	// As many as are allowed are taken.
	ws := l.upgraded()
	text := hello("")
	for len(text) > 0 {
		n := max(1, len(text)-63)
		first := byte(opContinuation)
		if n > 1 {
			first = opText
		}
		if n == len(text) {
			first |= final
		}
		ws.NetConn().Write(frame(first, text[:n]))
		text = text[n:]
	}
	if _, data, err := ws.ReadMessage(); err != nil || !bytes.HasPrefix(data, []byte(`{"type":"welcome"`)) {
		l.Errorf("a hello in 64 fragments: %s, %v", data, err)
	}
	fragmented(l, bytes.Repeat(frame(opContinuation, []byte("x")), 1000))
}

func emptyFragments(l *target) { fragmented(l, bytes.Repeat(frame(opContinuation, nil), 1000)) }

func halfOpenHandshakes(l *target) {
	conns := make([]net.Conn, 1000)
	for i := range conns {
		conns[i] = l.tcp()
		if i%2 == 0 {
			io.WriteString(conns[i], "GET /v1/rooms/lobby HTTP/1.1\r\nHost: x\r\nUpgra")
		}
	}
	l.measure()
	for _, c := range conns { // who said nothing gets no answer either
		if said, err := io.ReadAll(c); timedOut(err) || len(said) != 0 && !bytes.HasPrefix(said, []byte("HTTP/1.1 400")) {
			l.Errorf("got %s, %v", said, err)
		}
	}
}

func timedOut(err error) bool {
	late, ok := err.(net.Error)
	return ok && late.Timeout()
}

func upgradesWithoutHello(l *target) {
	conns := make([]*websocket.Conn, 500)
	for i := range conns {
		conns[i] = l.upgraded()
	}
	l.measure()
	for _, ws := range conns {
		l.refused(ws, signaling.CodeTimeout, 4003)
	}
}

// compressedMessages are 60 MB of zeros in 60 KB.
func compressedMessages(l *target) {
	var zeros bytes.Buffer
	w, _ := flate.NewWriter(&zeros, flate.BestCompression)
	w.Write(make([]byte, 1_000_000))
	w.Flush()
	bomb := bytes.Repeat(zeros.Bytes(), 60)
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, EnableCompression: true}
	for _, after := range []bool{false, true} { // the hello
		ws, answer, err := d.Dial("ws://"+l.address+"/v1/rooms/lobby", nil)
		if err != nil {
			l.Fatal(err)
		}
		l.open = append(l.open, ws)
		if e := answer.Header.Get("Sec-WebSocket-Extensions"); e != "" {
			l.Errorf("the hub negotiated %q", e)
		}
		if after {
			ws.WriteMessage(websocket.TextMessage, hello(""))
		}
		ws.NetConn().Write(frame(final|compressed|opText, bomb))
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
		if !websocket.IsCloseError(err, websocket.CloseProtocolError) {
			l.Errorf("the connection ended with %v", err)
		}
	}
}

func manyPings(l *target) {
	ws := l.entered()
	go ws.NetConn().Write(bytes.Repeat(frame(final|opPing, nil), 10_000))
	if e := l.refused(ws, signaling.CodeLimit, 4006); e.Limit != signaling.LimitMessages || e.Retry == 0 {
		l.Errorf("the hub said %+v", e)
	}
}

func manyPingMessages(l *target) {
	const pings = 10_000
	ws := l.entered()
	go ws.NetConn().Write(bytes.Repeat(frame(final|opText, []byte(`{"type":"ping"}`)), pings))
	pongs, limited := 0, 0
	for pongs+limited < pings {
		_, data, err := ws.ReadMessage()
		if err != nil {
			l.Fatalf("after %d pongs and %d refusals: %v", pongs, limited, err)
		}
		switch e := parse(data); {
		case e.Type == "pong":
			pongs++
		case e.Code == signaling.CodeLimit && e.Limit == signaling.LimitMessages && e.Retry > 0:
			limited++
		}
	}
	// A hundred at once, and ten a second.
	if pongs < 100 || pongs > 800 {
		l.Errorf("%d pings were answered", pongs)
	}
}

func manyHeaders(l *target) {
	var headers strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&headers, "X-%d: a\r\n", i)
	}
	for _, request := range []string{"GET /v1/rooms/lobby", "POST /v1/rooms/lobby/connect"} {
		for range 20 {
			c := l.tcp()
			go io.WriteString(c, request+" HTTP/1.1\r\nHost: x\r\n"+headers.String()+"\r\n")
			l.answered(c, http.StatusRequestHeaderFieldsTooLarge, "")
		}
	}
}

// slowBodies begin requests and don't end them, for the ten seconds that they may take.
func slowBodies(l *target) {
	var conns []net.Conn
	for _, verb := range []string{"connect", "receive", "send"} {
		for range 50 {
			c := l.tcp()
			io.WriteString(c, "POST /v1/rooms/lobby/"+verb+" HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n{")
			conns = append(conns, c)
		}
	}
	<-time.After(100 * time.Millisecond) // more of them is read than was read at once
	for _, c := range conns {
		io.WriteString(c, `"`)
	}
	l.measure()
	for _, c := range conns {
		l.answered(c, http.StatusRequestTimeout, signaling.CodeTimeout)
	}
}
