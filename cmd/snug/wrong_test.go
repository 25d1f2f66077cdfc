package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/snug-chat/snug/signaling"
)

// oneSentence checks what a person reads when something is wrong: one line, without
// anything of the program's insides.
func oneSentence(t *testing.T, notes string, parts ...string) {
	t.Helper()
	line, ended := strings.CutSuffix(notes, "\n")
	if !strings.HasPrefix(line, "snug: ") || !ended || strings.Contains(line, "\n") || len(line) > 500 || len(line) < 20 {
		t.Errorf("this is no line: %q", notes)
	}
	if !strings.ContainsAny(line[max(0, len(line)-1):], ".?!)") && !strings.HasSuffix(line, "--help") {
		t.Errorf("this is no sentence: %q", notes)
	}
	for _, inside := range []string{"goroutine", "panic", ".go:", "signaling:", "peer:", "websocket:", "context canceled", "%!"} {
		if strings.Contains(line, inside) {
			t.Errorf("it says %q: %q", inside, notes)
		}
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || 0x7f <= r && r <= 0x9f || r == '\u202e' }); i >= 0 {
		t.Errorf("a terminal would obey this: %q", notes)
	}
	for _, part := range parts {
		if !strings.Contains(line, part) {
			t.Errorf("it doesn't say %q: %q", part, notes)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ args, say string }{
		{"nonsense", `unknown command "nonsense"`},
		{"sreve", `unknown command "sreve" for "snug" (did you mean serve?)`},
		{"config chekc a.yaml", `(did you mean check?)`},
		{"--nonsense", "unknown flag: --nonsense"},
		{"serve --nonsense", "See: snug serve --help"},
		{"serve here", "See: snug serve --help"},
		{"serve --listen", "flag needs an argument"},
		{"serve --lan=perhaps", "invalid argument"},
		{"config nonsense", "See: snug config --help"},
		{"config check", "a file is missing"},
		{"config check a b", "one file is enough, here are 2"},
		{"config print a", "See: snug config print --help"},
		{"chat", "an invite is missing: the link that ends in /r/ROOM"},
		{"chat http://localhost/r/a http://localhost/r/b", "one invite is enough, here are 2"},
		{"chat --nonsense http://localhost/r/a", "See: snug chat --help"},
		{"doctor", "an address is missing"},
		{"doctor hub.example", "is no address of a hub: it should look like https://hub.example.org"},
		{"doctor http://localhost http://localhost", "one address is enough, here are 2"},
		{"doctor --idle -1s http://localhost", "--idle not below it"},
		{"doctor --json --plain http://localhost", "json plain"},
		{"bot nonsense", "See: snug bot --help"},
		{"bot echo", "an invite is missing"},
		{"bot echo a b c", "one invite is enough, here are 3"},
	} {
		t.Run(c.args, func(t *testing.T) {
			p := start(t, strings.Fields(c.args)...)
			if status := p.status(); status != exitUsage || p.out.text() != "" {
				t.Errorf("status %d, %s", status, p.out.text())
			}
			oneSentence(t, p.notes.text(), c.say, "--help")
		})
	}
}

func TestHelp(t *testing.T) {
	for args, say := range map[string]string{
		"": "Usage:", "--help": "chat        Talk", "--version": " (" + runtime.Version() + ", ", "version": " (" + runtime.Version() + ", ", "serve --help": "Who comes in:\n      --token-keys FILE ", "config": "check       Say", "config check --help": "snug config check FILE", "config print --help": "--defaults", "chat --help": "--name NAME", "bot": "echo        Answer", "bot echo --help": "snug bot echo INVITE",
		"doctor --help": "snug doctor --server /etc/snug/snug.yaml https://hub.example.org",
	} {
		p := start(t, strings.Fields(args)...)
		if status := p.status(); status != 0 || !strings.Contains(p.out.text(), say) || p.notes.text() != "" {
			t.Errorf("%q: status %d, %s%s", args, status, p.out.text(), p.notes.text())
		}
	}
}

// refused runs a command that has to fail, and checks how.
func refused(t *testing.T, args []string, say ...string) {
	t.Helper()
	p := start(t, args...)
	if status := p.status(); status != exitError || p.out.text() != "" {
		t.Errorf("status %d, %s", status, p.out.text())
	}
	oneSentence(t, p.notes.text(), say...)
}

func TestWrongAddressesToListenOn(t *testing.T) {
	for listen, say := range map[string]string{
		"nonsense":         "write HOST:PORT, such as 127.0.0.1:8080",
		"127.0.0.1:99999":  "write a number from 0 to 65535",
		"203.0.113.9:0":    "no address of this machine",
		"nowhere.invalid:": "write a number",
	} {
		refused(t, []string{"serve", "--open", "--listen", listen}, say)
	}
}

func TestWrongInvites(t *testing.T) {
	for invite, say := range map[string]string{
		"":                                   "no invite",
		"nonsense":                           "look like http://localhost:8080/r/ROOM",
		"localhost:8080/r/lobby":             "begin with http:// or https://",
		"ftp://localhost/r/lobby":            "begin with http:// or https://",
		"http://[::1/r/lobby":                "look like http://localhost:8080/r/ROOM",
		"http:///r/lobby":                    "no invite",
		"http://localhost":                   "ends in /r/ROOM",
		"http://localhost/r/":                "ends in /r/ROOM",
		"http://localhost/r/..":              "can't be named",
		"http://localhost/r/two words":       "only A-Z a-z 0-9 - _ . ~ are allowed",
		"http://localhost/r/%1b%5b2J":        "only A-Z a-z 0-9 - _ . ~ are allowed",
		"http://localhost/r/\u202e":          "only A-Z a-z 0-9 - _ . ~ are allowed",
		"\x1b[2J\u202e\n":                    "no invite",
		strings.Repeat("x", 3000):            "no invite is longer than",
		"http://x/r/" + longName:             "129 characters long; 128 are allowed",
		"http://localhost:99999999/r/lobby":  "Check",
		"http://nowhere.invalid/r/lobby":     "Check the",
		"http://\x1b[2J.nowhere.invalid/r/x": "no invite",
	} {
		t.Run(invite[:min(len(invite), 30)], func(t *testing.T) {
			t.Parallel()
			refused(t, []string{"chat", invite}, say)
			refused(t, []string{"bot", "echo", invite}, say)
		})
	}
}

var longName = strings.Repeat("x", 129)

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, scheme := range []string{"http", "https"} {
		refused(t, []string{"chat", scheme + "://" + l.Addr().String() + "/r/lobby"}, "The hub can't be reached.", "Check the network", "snug serve", "refused")
	}
}

func TestWhatAnswersIsNoHub(t *testing.T) {
	const notHub = "it is no snug hub. Check the invite"
	for name, answer := range map[string]http.HandlerFunc{
		"200": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<!doctype html><title>Welcome!</title>")
		},
		"404": http.NotFound,
		"500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh no", http.StatusInternalServerError) },
		"302": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"another WebSocket": func(w http.ResponseWriter, r *http.Request) {
			greet(w, r, "hello there")
		},
		"another JSON": func(w http.ResponseWriter, r *http.Request) { greet(w, r, `{"type":"pong"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			refused(t, []string{"chat", s.URL + "/r/lobby"}, notHub)
			refused(t, []string{"bot", "echo", s.URL + "/r/lobby"}, notHub)
		})
	}
	for name, answer := range map[string]string{
		"SSH":             "SSH-2.0-OpenSSH_9.2\r\n",
		"silence":         "",
		"terminal escape": "HTTP/1.1 404 \x1b[2J\x1b]0;x\x07\u202eno\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) { refused(t, []string{"chat", "http://" + listener(t, answer) + "/r/lobby"}, notHub) })
	}
	t.Run("TLS", func(t *testing.T) {
		refused(t, []string{"chat", "https://" + listener(t, "HTTP/1.1 400 Bad Request\r\n\r\n") + "/r/lobby"}, notHub)
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		s.StartTLS()
		defer s.Close()
		refused(t, []string{"chat", s.URL + "/r/lobby"}, "certificate isn't trusted")
	})
}

// greet upgrades, says text once, and waits for the end.
func greet(w http.ResponseWriter, r *http.Request, text string) {
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.WriteMessage(websocket.TextMessage, []byte(text))
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
}

// listener answers each connection with the same bytes.
func listener(t *testing.T, answer string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestWhatAHubSaysIsMadePlain(t *testing.T) {
	const said = `{"type":"error","code":"closed","message":"Go\u001b[2J\u009b31m\naway\u202e."}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, said)
	}))
	defer s.Close()
	refused(t, []string{"chat", s.URL + "/r/lobby"}, "Go[2J31m away.")
}

func TestRoomIsFull(t *testing.T) {
	hub := signaling.NewHub(&signaling.Options{Limits: signaling.HubLimits{Members: 1}})
	s := httptest.NewServer(hub)
	defer s.Close()
	t.Cleanup(func() { hub.Shutdown(t.Context()) })
	small := s.URL + "/r/lobby"
	large, _ := serve(t)
	for invite, members := range map[string]int{small: 1, large: 64} {
		fill(t, invite, members)
		refused(t, []string{"chat", invite}, "This room has all its", "Wait until somebody leaves, or open another room.")
		refused(t, []string{"bot", "echo", invite}, "This room has all its")
	}
}

func TestNamesThatAHubRefuses(t *testing.T) {
	invite, _ := serve(t)
	refused(t, []string{"chat", "--name", "a\x1bb", invite}, "name holds the control character U+001B")
	refused(t, []string{"chat", "--name", strings.Repeat("x", 129), invite}, "name is 129 bytes long; 128 are allowed")
}
