package signaling_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// answered reads an answer to a request, of a status and, unless it is empty, an error's code.
func (l *target) answered(c net.Conn, status int, code string) {
	l.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		l.Error(err)
		return
	}
	l.check(answer, status, code)
	c.Close()
}

func (l *target) check(answer *http.Response, status int, code string) {
	l.Helper()
	defer answer.Body.Close()
	data, _ := io.ReadAll(answer.Body)
	if e := parse(data); answer.StatusCode != status || e.Code != code || code != "" && e.Message == "" {
		l.Errorf("answered %d %s; want %d %s", answer.StatusCode, data, status, code)
	}
}

// post asks the hub something over HTTP.
func (l *target) post(verb string, body io.Reader, size int64, header http.Header) *http.Response {
	l.Helper()
	r, err := http.NewRequestWithContext(l.Context(), "POST", "http://"+l.address+"/v1/rooms/lobby/"+verb, body)
	if err != nil {
		l.Fatal(err)
	}
	r.ContentLength = size
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		l.Fatal(err)
	}
	return answer
}

func (l *target) posts(verb, body string) *http.Response {
	l.Helper()
	return l.post(verb, strings.NewReader(body), int64(len(body)), nil)
}

// endlessBodies are longer than what they may be, by what they say or without saying so.
func endlessBodies(l *target) {
	for range 20 {
		for _, verb := range []string{"connect", "receive", "send"} {
			for _, size := range []int64{1 << 30, -1} {
				c := l.tcp()
				length := fmt.Sprintf("Content-Length: %d\r\n\r\n", size)
				if size < 0 {
					length = "Transfer-Encoding: chunked\r\n\r\n40000000\r\n"
				}
				go func() {
					_, err := io.WriteString(c, "POST /v1/rooms/lobby/"+verb+" HTTP/1.1\r\nHost: x\r\n"+length)
					for err == nil {
						_, err = io.WriteString(c, strings.Repeat(" ", 32<<10))
					}
				}()
				l.answered(c, http.StatusRequestEntityTooLarge, signaling.CodeTooBig)
			}
		}
	}
}

func foreignOrigin(l *target) {
	header := http.Header{"Origin": {"https://foe.example"}}
	for range 100 {
		_, answer, err := websocket.DefaultDialer.Dial("ws://"+l.address+"/v1/rooms/lobby", header)
		if !errors.Is(err, websocket.ErrBadHandshake) {
			l.Fatalf("an upgrade from a foreign origin: %v", err)
		}
		l.check(answer, http.StatusForbidden, signaling.CodeOrigin)
		for _, verb := range []string{"connect", "receive", "send"} {
			answer := l.post(verb, strings.NewReader("{}"), 2, header)
			if allowed := answer.Header.Get("Access-Control-Allow-Origin"); allowed != "" {
				l.Errorf("%s: %q may read the answer", verb, allowed)
			}
			l.check(answer, http.StatusForbidden, signaling.CodeOrigin)
		}
	}
}

func wrongTokens(l *target) {
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		l.Fatal(err)
	}
	good := token.Claims{Room: "lobby", Subject: "ann", Expires: time.Now().Add(time.Hour)}
	claims := fmt.Sprintf(`{"room":"lobby","sub":"ann","exp":%d}`, good.Expires.Unix())
	coded := base64.RawURLEncoding.EncodeToString
	none := coded([]byte(`{"alg":"none"}`)) + "." + coded([]byte(claims)) + "."
	elsewhere, past := good, good
	elsewhere.Room, past.Expires = "board", time.Now().Add(-time.Minute)
	signed := l.sign(l.key, good)
	for _, wrong := range []struct {
		name, token, code string
		close             int
	}{
		{"none", "", signaling.CodeToken, 4506},
		{"alg none", none, signaling.CodeToken, 4506},
		{"alg none, with a signature", none + signed[strings.LastIndex(signed, ".")+1:], signaling.CodeToken, 4506},
		{"wrong key", l.sign(other, good), signaling.CodeToken, 4506},
		{"wrong room", l.sign(l.key, elsewhere), signaling.CodeToken, 4506},
		{"expired", l.sign(l.key, past), signaling.CodeExpired, 4004},
	} {
		for range 50 {
			text := hello(fmt.Sprintf(`,"token":%q`, wrong.token))
			ws := l.upgraded()
			ws.WriteMessage(websocket.TextMessage, text)
			l.refused(ws, wrong.code, wrong.close)
			answer := l.posts("connect", string(text)+"\n")
			data, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			lines := strings.Split(strings.TrimSpace(string(data)), "\n")
			last := lines[len(lines)-1]
			if len(lines) != 3 || parse([]byte(lines[1])).Code != wrong.code || last != fmt.Sprintf(`{"type":"close","code":%d}`, wrong.close) {
				l.Fatalf("%s, over HTTP: %s", wrong.name, data)
			}
		}
	}
	if s := l.hub.Stats(); s.Members != 2 || s.Joins != 2 {
		l.Errorf("%d members, %d joins", s.Members, s.Joins)
	}
}

// guessedSecrets try to resume somebody's session, knowing its name and counts, but not its secret.
func guessedSecrets(l *target) {
	secret := signaling.NewSecret()
	victim := l.member(secret, "victim")
	w := victim.Welcome()
	for range 300 {
		guess := signaling.Hello{Secret: signaling.NewSecret(), Kind: "go", Session: w.Session, Received: victim.Received()}
		c, err := signaling.Dial(l.Context(), l.invite, guess, nil)
		if err != nil {
			l.Fatal(err)
		}
		if got := c.Welcome(); got.Recovered || got.You == w.You || got.Session == w.Session {
			l.Errorf("a guess is welcomed as %+v", got)
		}
		c.Close()
	}
	l.alive(victim)
	again := l.member(secret, "victim") // the one who knows it
	if again.Welcome().You != w.You {
		l.Error("the secret is another member's")
	}
}

// alive fails unless the hub still answers c.
func (l *target) alive(c *signaling.Conn) {
	l.Helper()
	if err := c.Ping(l.Context()); err != nil {
		l.Error(err)
	}
	for {
		m, err := c.Receive(l.Context())
		if err != nil {
			l.Error(err)
			return
		}
		if _, ok := m.(signaling.Pong); ok {
			return
		}
	}
}

func guessedConnections(l *target) {
	victim, err := signaling.Dial(l.Context(), l.invite, signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, &signaling.DialOptions{Transport: signaling.TransportHTTP})
	if err != nil {
		l.Fatal(err)
	}
	l.open = append(l.open, victim)
	for range 500 {
		id := signaling.NewSecret().MemberID() // 22 characters as well
		for _, verb := range []string{"receive", "send"} {
			answer := l.posts(verb, fmt.Sprintf(`{"connection":%q,"n":1}`, id)+"\n")
			l.check(answer, http.StatusGone, signaling.CodeConnection)
		}
	}
	l.alive(victim)
}

// supersededFrames come on a socket whose session was continued on another.
func supersededFrames(l *target) {
	receiver := l.member(signaling.NewSecret(), "receiver")
	to := receiver.Welcome().You
	secret := signaling.NewSecret()
	text, _ := secret.MarshalText()
	old := l.upgraded()
	old.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"hello","secret":"%s","kind":"go"}`, text))
	if _, _, err := old.ReadMessage(); err != nil {
		l.Fatal(err)
	}
	again := l.member(secret, "again")
	stale := frame(final|opText, fmt.Appendf(nil, `{"type":"signal","to":%q,"body":"stale"}`, to))
	go old.NetConn().Write(bytes.Repeat(stale, 10_000))
	l.refused(old, signaling.CodeSuperseded, 4503)
	if _, err := again.Signal(l.Context(), to, jsontext.Value(`"fresh"`)); err != nil {
		l.Fatal(err)
	}
	for {
		m, err := receiver.Receive(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		if s, ok := m.(signaling.Signal); ok {
			if string(s.Body) != `"fresh"` {
				l.Errorf("%s of the superseded socket came through", s.Body)
				continue
			}
			return
		}
	}
}
