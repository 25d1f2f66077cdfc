package signaling

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gorilla/websocket"
)

const goodHello = `{"type":"hello","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","kind":"go"}`

// raw is a WebSocket to the lab's hub that says what a test wants.
func (l *lab) raw(protocols ...string) *websocket.Conn {
	l.t.Helper()
	endpoint := strings.Replace(l.invite.Hub.String(), "http", "ws", 1) + roomsPath + l.invite.Room
	d := websocket.Dialer{Subprotocols: protocols}
	if l.dial != nil {
		d.NetDialContext = l.dial.NetDialContext
	}
	ws, _, err := d.DialContext(l.t.Context(), endpoint, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { ws.Close() })
	return ws
}

// refusedWith reads to the end and fails unless that is code.
func refusedWith(t *testing.T, ws *websocket.Conn, code string) {
	t.Helper()
	var said *Error
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			if !websocket.IsCloseError(err, closeCodes[code]) {
				t.Errorf("the connection ended with %v, want %d", err, closeCodes[code])
			}
			break
		}
		if m, err := decodeFromHub(data); err == nil {
			if e, ok := m.(*Error); ok {
				said = e
			}
		}
	}
	if said == nil || said.Code != code || said.Message == "" {
		t.Errorf("the hub said %v, want %s", said, code)
	}
}

func TestBadFramesEndTheirOwnConnectionOnly(t *testing.T) {
	l := newLab(t, nil)
	ann, bob := l.join("Ann"), l.join("Bob")
	receive[RosterChange](t, ann)
	text := func(messages ...string) func(*websocket.Conn) {
		return func(ws *websocket.Conn) {
			for _, m := range messages {
				ws.WriteMessage(websocket.TextMessage, []byte(m))
			}
		}
	}
	for name, c := range map[string]struct {
		say  func(*websocket.Conn)
		code string
	}{
		"malformed first":         {text(`{`), CodeMalformed},
		"empty":                   {text(``), CodeMalformed},
		"malformed later":         {text(goodHello, `{"type":"signal","type":"signal"}`), CodeMalformed},
		"not UTF-8":               {text(goodHello, "{\"type\":\"ping\",\"x\":\"\xff\"}"), CodeMalformed},
		"trailing data":           {text(goodHello, `{"type":"ping"}{"type":"ping"}`), CodeMalformed},
		"very deep":               {text(goodHello, `{"type":"signal","to":"x","body":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`), CodeMalformed},
		"binary":                  {func(ws *websocket.Conn) { ws.WriteMessage(websocket.BinaryMessage, []byte(goodHello)) }, CodeMalformed},
		"binary later":            {func(ws *websocket.Conn) { text(goodHello)(ws); ws.WriteMessage(websocket.BinaryMessage, nil) }, CodeMalformed},
		"hello of 8,193 bytes":    {text(goodHello + strings.Repeat(" ", 8193-len(goodHello))), CodeTooBig},
		"message of 65,537 bytes": {text(goodHello, `{"type":"ping"}`+strings.Repeat(" ", 65537-15)), CodeTooBig},
		"signal first":            {text(`{"type":"signal","to":"x","body":1}`), CodeOrder},
		"ping first":              {text(`{"type":"ping"}`), CodeOrder},
		"unknown first":           {text(`{"type":"sing"}`), CodeOrder},
		"hello twice":             {text(goodHello, goodHello), CodeOrder},
		"secret too short":        {text(`{"type":"hello","secret":"AAE","kind":"go"}`), CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			ws := l.raw(Subprotocol)
			c.say(ws)
			refusedWith(t, ws, c.code)
		})
	}
	// Nobody else noticed more than members that come and go.
	send(t, ann, bob, `"hello"`)
	for {
		m, err := bob.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := m.(Signal); ok && string(s.Body) == `"hello"` {
			return
		}
	}
}

func TestLongestMessagesAreTaken(t *testing.T) {
	l := newLab(t, nil)
	ws := l.raw(Subprotocol)
	ws.WriteMessage(websocket.TextMessage, []byte(goodHello+strings.Repeat(" ", 8192-len(goodHello))))
	ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`+strings.Repeat(" ", 65536-15)))
	for _, want := range []string{`{"type":"welcome"`, `{"type":"pong"}`} {
		if _, data, err := ws.ReadMessage(); err != nil || !bytes.HasPrefix(data, []byte(want)) {
			t.Errorf("got %.40s, %v; want %s", data, err, want)
		}
	}
}

func TestUnknownTypeIsAnsweredAndNoMore(t *testing.T) {
	l := newLab(t, nil)
	ws := l.raw(Subprotocol)
	for _, m := range []string{goodHello, `{"type":"sing","song":[1]}`, `{"type":"ping"}`} {
		ws.WriteMessage(websocket.TextMessage, []byte(m))
	}
	for _, want := range []string{`{"type":"welcome"`, `{"type":"error","code":"unknown-type"`, `{"type":"pong"}`} {
		if _, data, err := ws.ReadMessage(); err != nil || !bytes.HasPrefix(data, []byte(want)) {
			t.Errorf("got %.60s, %v; want %s", data, err, want)
		}
	}
}

func TestVersionIsNegotiated(t *testing.T) {
	l := newLab(t, nil)
	if ws := l.raw("snug.v9", Subprotocol); ws.Subprotocol() != Subprotocol {
		t.Errorf("chose %q", ws.Subprotocol())
	}
	ws := l.raw("snug.v9", "snug.v8")
	if ws.Subprotocol() != "snug.v9" {
		t.Errorf("chose %q; browsers give up unless it is one they offered", ws.Subprotocol())
	}
	refusedWith(t, ws, CodeVersion)
	refusedWith(t, l.raw(), CodeVersion)
}

func TestRoomNamesAreChecked(t *testing.T) {
	l := newLab(t, nil)
	for _, room := range []string{"", "a/b", "caf%C3%A9", "a%20b", strings.Repeat("a", 129)} {
		l.invite.Room = room
		refusedWith(t, l.raw(Subprotocol), CodeRoom)
	}
}

func TestHelloMustComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ws := l.raw(Subprotocol)
		start := time.Now()
		refusedWith(t, ws, CodeTimeout)
		if d := time.Since(start); d < 10*time.Second || d > 12*time.Second {
			t.Errorf("after %v", d)
		}
	})
}

func TestOrigins(t *testing.T) {
	hub := NewHub(&Options{Origins: []string{"https://friend.example"}})
	defer hub.Shutdown(t.Context())
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	public := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 8080}
	for _, c := range []struct {
		origin, host string
		local        net.Addr
		status       int
	}{
		{"", "hub.example", public, 426},
		{"https://hub.example", "hub.example", public, 426},
		{"https://HUB.example", "hub.example", public, 426},
		{"https://friend.example", "hub.example", public, 426},
		{"https://foe.example", "hub.example", public, 403},
		{"https://friend.example.foe.example", "hub.example", public, 403},
		{"https://hub.example:8443", "hub.example", public, 403},
		{"null", "hub.example", public, 403},
		{"http://localhost:3000", "hub.example", public, 403},
		{"http://localhost:3000", "localhost:8080", loopback, 426},
		{"http://app.localhost:3000", "127.0.0.1:8080", loopback, 426},
		{"http://[::1]:3000", "localhost:8080", loopback, 426},
		{"http://127.0.0.2", "[::1]:8080", loopback, 426},
		// Somebody's name that points to this machine (DNS rebinding), and a
		// Host header that lies.
		{"http://localhost:3000", "rebound.example:8080", loopback, 403},
		{"http://localhost:3000", "localhost:8080", public, 403},
		{"https://foe.example", "localhost:8080", loopback, 403},
		{"http://localhost.foe.example", "localhost:8080", loopback, 403},
		{"%zz", "localhost:8080", loopback, 403},
	} {
		r := httptest.NewRequest("GET", "http://x/prefix/v1/rooms/lobby", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.local))
		w := httptest.NewRecorder()
		hub.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("origin %q at %q on %v: %d, want %d", c.origin, c.host, c.local, w.Code, c.status)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("origin %q: the page can't read why", c.origin)
		}
		var e struct{ Type, Code, Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &e, json.MatchCaseInsensitiveNames(true)); err != nil || e.Type != "error" || e.Message == "" {
			t.Errorf("origin %q: %s", c.origin, w.Body)
		}
		if c.status == 403 && (e.Code != CodeOrigin || !strings.Contains(e.Message, "--origin "+c.origin)) {
			t.Errorf("the refusal doesn't name the flag: %s", w.Body)
		}
	}
}

func TestDiagnosis(t *testing.T) {
	hub := NewHub(nil)
	ask := func(method, target string) (int, string) {
		w := httptest.NewRecorder()
		hub.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		method, target string
		status         int
		says           string
	}{
		{"GET", "/v1/rooms/lobby", 426, `"code":"upgrade"`},
		{"GET", "/v1/rooms/", 400, `"code":"room"`},
		{"GET", "/v1/rooms/a%20b", 400, `"code":"room"`},
		{"GET", "/elsewhere", 404, ""},
		{"POST", "/v1/rooms/lobby", 405, ""},
	} {
		if status, body := ask(c.method, c.target); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: %d %s; want %d %s", c.method, c.target, status, body, c.status, c.says)
		}
	}
	hub.Shutdown(t.Context())
	if status, body := ask("GET", "/v1/rooms/lobby"); status != 503 || !strings.Contains(body, `"code":"going-away"`) || !strings.Contains(body, `"retry":`) {
		t.Errorf("after Shutdown: %d %s", status, body)
	}
}

func TestDialTellsWhatIsWrong(t *testing.T) {
	hello := Hello{Secret: NewSecret(), Kind: "go"}
	dial := func(ctx context.Context, base string) error {
		invite, err := ParseInvite(base + "/r/lobby")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Dial(ctx, invite, hello, nil)
		return err
	}
	serve := func(f http.HandlerFunc) string {
		s := httptest.NewServer(f)
		t.Cleanup(s.Close)
		return s.URL
	}
	page := serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<!doctype html>") })
	if err := dial(t.Context(), page); !errors.Is(err, ErrNotHub) {
		t.Errorf("a page: %v", err)
	}
	other := serve(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err == nil {
			ws.WriteMessage(websocket.TextMessage, []byte(`{"hello":"I am something else"}`))
			ws.Close()
		}
	})
	if err := dial(t.Context(), other); !errors.Is(err, ErrNotHub) {
		t.Errorf("another WebSocket server: %v", err)
	}
	nonsense, _ := net.Listen("tcp", "127.0.0.1:0")
	go func() {
		for {
			c, err := nonsense.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220 mail.example ESMTP\r\n")
			c.Close()
		}
	}()
	if err := dial(t.Context(), "http://"+nonsense.Addr().String()); !errors.Is(err, ErrNotHub) {
		t.Errorf("a mail server: %v", err)
	}
	nonsense.Close()
	if err := dial(t.Context(), "http://"+nonsense.Addr().String()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nothing: %v", err)
	}
	hub := NewHub(nil)
	defer hub.Shutdown(t.Context())
	plain := serve(hub.ServeHTTP)
	if err := dial(t.Context(), strings.Replace(plain, "http:", "https:", 1)); !errors.Is(err, ErrNotHub) {
		t.Errorf("https to a plain hub: %v", err)
	}
	secured := httptest.NewTLSServer(hub)
	defer secured.Close()
	if err := dial(t.Context(), secured.URL); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "trusted") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	hello.Kind = "NO"
	var e *Error
	if err := dial(t.Context(), plain); !errors.As(err, &e) || e.Code != CodeMalformed || !e.Final {
		t.Errorf("a kind out of the alphabet: %v", err)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			t.Cleanup(func() { theirs.Close() })
			return ours, nil
		}
		invite, _ := ParseInvite("http://hub.test/r/lobby")
		o := &DialOptions{NetDialContext: silent}
		start := time.Now()
		_, err := Dial(t.Context(), invite, Hello{Kind: "go"}, o)
		if !errors.Is(err, ErrUnreachable) || time.Since(start) != dialTimeout {
			t.Errorf("a silent hub: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := Dial(ctx, invite, Hello{Kind: "go"}, o); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled dial: %v", err)
		}
	})
}

func TestConnEnds(t *testing.T) {
	l := newLab(t, nil)
	ann := l.join("Ann")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ann.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Receive: %v", err)
	}
	bob := l.join("Bob")
	waiting := make(chan error)
	go func() {
		for {
			if _, err := bob.Receive(t.Context()); err != nil {
				waiting <- err
				return
			}
		}
	}()
	bob.Close()
	bob.Close()
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("Receive ended with %v", err)
	}
	if _, err := bob.Signal(t.Context(), ann.Welcome().You, []byte("1")); !errors.Is(err, ErrClosed) {
		t.Errorf("Signal after Close: %v", err)
	}
	if err := bob.Ping(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Ping after Close: %v", err)
	}
	cem := l.join("Cem")
	if _, err := cem.Signal(t.Context(), bob.Welcome().You, []byte(`"`+strings.Repeat("x", 65536)+`"`)); err == nil {
		t.Error("a signal longer than the hub takes was sent")
	}
}

func TestRefusalsOfTheHook(t *testing.T) {
	for _, c := range []struct {
		said  Error
		code  string
		close int
	}{
		{Error{Code: CodeToken, Message: "No."}, CodeToken, 4506},
		{Error{Code: CodeUnavailable, Message: "No.", Final: true}, CodeUnavailable, 4008},
		{Error{Code: "banned", Message: "No.", Final: true}, "banned", 4999},
		{Error{Code: "full-moon", Message: "No.", Retry: time.Second}, "full-moon", 4499},
		{Error{Message: "No."}, CodeForbidden, 4508},
	} {
		t.Run(c.code, func(t *testing.T) {
			l := newLab(t, &Options{Authorize: func(context.Context, AuthRequest) (Grant, error) { return Grant{}, &c.said }})
			ws := l.raw(Subprotocol)
			if err := ws.WriteMessage(websocket.TextMessage, []byte(goodHello)); err != nil {
				t.Fatal(err)
			}
			_, data, err := ws.ReadMessage()
			if err != nil || !strings.Contains(string(data), `"code":"`+c.code+`"`) {
				t.Errorf("got %s, %v", data, err)
			}
			if _, _, err = ws.ReadMessage(); !websocket.IsCloseError(err, c.close) {
				t.Errorf("the connection ended with %v, want %d", err, c.close)
			}
			for _, transport := range []string{TransportWebSocket, TransportHTTP} {
				o := DialOptions{Transport: transport}
				if l.dial != nil {
					o.NetDialContext = l.dial.NetDialContext
				}
				var refused *Error
				_, err := Dial(t.Context(), l.invite, Hello{Secret: NewSecret(), Kind: "go"}, &o)
				if !errors.As(err, &refused) || refused.Code != c.code || refused.Final != (c.close >= finalCloseMin) {
					t.Errorf("%s: a client is told %+v", transport, err)
				}
			}
		})
	}
}
