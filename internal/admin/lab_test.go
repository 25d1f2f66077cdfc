package admin

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

const secretToken = "0123456789abcdef0123456789abcdef"

// lab is a fake hub behind the real handler.
type lab struct {
	t       testing.TB
	hub     *fakeHub
	handler http.Handler
	log     *buffer
}

func newLab(t testing.TB) *lab {
	l := &lab{t: t, hub: newFakeHub(), log: &buffer{}}
	l.handler = New(l.hub, Options{
		Token:   func() (string, error) { return secretToken, nil },
		Version: "1.2.3",
		Logger:  slog.New(slog.NewTextHandler(l.log, nil)),
	})
	return l
}

// fill puts a room of so many members in, and returns their ids.
func (l *lab) fill(room string, members int) (ids []string) {
	for n := range members {
		id := signaling.NewSecret().MemberID()
		ids = append(ids, id)
		l.hub.rooms[room] = append(l.hub.rooms[room], signaling.MemberInfo{
			Member:    signaling.Member{ID: id, Name: "Ann", Kind: "go", Meta: jsontext.Value("{}"), Joined: uint64(2*n + 1)},
			Transport: "websocket",
			Bytes:     10,
		})
	}
	return ids
}

// request is a request with the token; without changes it.
func (l *lab) request(method, target, body string, changes ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+secretToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, change := range changes {
		change(r)
	}
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	return w
}

// get decodes the answer to a request that must succeed.
func get[T any](l *lab, method, target, body string) (v T) {
	l.t.Helper()
	w := l.request(method, target, body)
	if w.Code != http.StatusOK {
		l.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	decodeAnswer(l.t, w, &v)
	return v
}

func decodeAnswer(t testing.TB, w *httptest.ResponseRecorder, v any) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("the answer is %q", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), v, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
}

// refused checks an answer's status and code, and returns its message.
func refused(t testing.TB, w *httptest.ResponseRecorder, status int, code string) string {
	t.Helper()
	var told struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	decodeAnswer(t, w, &told)
	if w.Code != status || told.Error.Code != code || told.Error.Message == "" {
		t.Errorf("got %d %+v, want %d %s", w.Code, told.Error, status, code)
	}
	return told.Error.Message
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func without(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

// buffer is a log that may be written to and read at the same time.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*buffer)(nil)

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
