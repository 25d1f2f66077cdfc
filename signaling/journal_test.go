package signaling

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// journal is a log that keeps its lines.
type journal struct {
	slog.Handler
	mu   sync.Mutex
	text bytes.Buffer
}

func newJournal() *journal {
	j := &journal{}
	j.Handler = slog.NewTextHandler(journalWriter{j}, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	return j
}

type journalWriter struct{ j *journal }

func (w journalWriter) Write(p []byte) (int, error) {
	w.j.mu.Lock()
	defer w.j.mu.Unlock()
	return w.j.text.Write(p)
}

// lines are those of the log, but for who joined.
func (j *journal) lines() (lines []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		if !strings.Contains(line, "a member joined") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// enters says a hello and reads the welcome.
func (l *lab) enters(hello string) *websocket.Conn {
	l.t.Helper()
	ws := l.raw(Subprotocol)
	say(ws, hello)
	if _, welcome, err := ws.ReadMessage(); err != nil || !bytes.Contains(welcome, []byte(`"welcome"`)) {
		l.t.Fatalf("%s, %v", welcome, err)
	}
	return ws
}

// tries says a hello and reads to the end, in a room.
func (l *lab) tries(room, hello string) {
	l.t.Helper()
	in := &lab{t: l.t, dial: l.dial, invite: Invite{Hub: l.invite.Hub, Room: room}}
	ws := in.raw(Subprotocol)
	say(ws, hello)
	drain(ws)
}

func say(ws *websocket.Conn, message string) {
	ws.WriteMessage(websocket.TextMessage, []byte(message))
}

// drain reads to the end, and answers pings meanwhile.
func drain(ws *websocket.Conn) {
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			ws.Close()
			return
		}
	}
}

func bye(ws *websocket.Conn) {
	ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	drain(ws)
}

func grants(g Grant) func(context.Context, AuthRequest) (Grant, error) {
	return func(context.Context, AuthRequest) (Grant, error) { return g, nil }
}

func refuses(err error) func(context.Context, AuthRequest) (Grant, error) {
	return func(context.Context, AuthRequest) (Grant, error) { return Grant{}, err }
}
