package signalingtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gorilla/websocket"
)

// maxRepeated is how much of a request's body is kept to send it twice.
const maxRepeated = 1 << 20

// refusalCodes are the codes that a hub's HTTP statuses come with.
var refusalCodes = map[int]string{
	http.StatusForbidden:          "origin",
	http.StatusTooManyRequests:    "limit",
	http.StatusServiceUnavailable: "going-away",
}

// ServeHTTP passes a request on to the hub, twice, or not at all.
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	posts := r.Method == http.MethodPost
	connects := websocket.IsWebSocketUpgrade(r) || posts && last == "connect"
	travels := posts && (last == "send" || last == "receive")
	if refusal, ok := l.faults.refused(connects); ok && !travels {
		refusal.write(w)
		return
	}
	hub := l.hub.Signaling()
	if !travels || !l.faults.repeated() {
		hub.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRepeated))
	if err != nil {
		return
	}
	for _, answer := range []http.ResponseWriter{httptest.NewRecorder(), w} {
		r.Body = io.NopCloser(bytes.NewReader(body))
		hub.ServeHTTP(answer, r)
	}
}

func (r refusal) write(w http.ResponseWriter) {
	code := refusalCodes[r.status]
	if code == "" {
		http.Error(w, "This is no answer of a hub.", r.status)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	json.NewEncoder(w).Encode(struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Retry   int64  `json:"retry,omitempty"`
	}{"error", code, "This test has the hub refuse connections now.", r.retry.Milliseconds()})
}
