package signaling

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func TestHostsThatArentTheHubAreRefused(t *testing.T) {
	for host, fine := range map[string]bool{
		"chat.example.org": true, "CHAT.example.ORG.:8080": true, "192.0.2.1": true, "[2001:DB8::1]:443": true,
		"localhost": true, "localhost:8080": true, "app.localhost": true, "127.0.0.1:9": true, "[::1]": true,
		"evil.example": false, "evil.example:8080": false, "chat.example.org.evil.example": false, "example.org": false,
		"192.0.2.2": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "": true, // of which Go makes the address that was dialled
	} {
		l := newLab(t, &Options{Hosts: []string{"chat.example.org", "192.0.2.1", "2001:db8::1"}})
		for _, origin := range []string{"", "http://" + host} {
			for _, path := range []string{"lobby", "lobby/connect"} {
				method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[strings.Contains(path, "/")]
				r, _ := http.NewRequest(method, l.invite.Hub.String()+roomsPath+path, strings.NewReader(""))
				r.Host = host
				if origin != "" {
					r.Header.Set("Origin", origin)
				}
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				refused := answer.StatusCode == http.StatusMisdirectedRequest
				if refused == fine || refused && !bytes.Contains(body, []byte(`"code":"host"`)) {
					t.Errorf("%s %s for %q, origin %q: %d %s", method, path, host, origin, answer.StatusCode, body)
				}
			}
		}
		if s := l.hub.Stats(); !fine && s.Refusals[CodeHost] != 4 {
			t.Errorf("%s: refusals %v", host, s.Refusals)
		}
	}
}

// The page of a name that was pointed here comes in nowhere; without a list of hosts it would.
func TestRebindingPagesGetNoWebSocket(t *testing.T) {
	for hosts, want := range map[string]int{"": http.StatusSwitchingProtocols, "localhost": http.StatusMisdirectedRequest} {
		o := &Options{}
		if hosts != "" {
			o.Hosts = []string{hosts}
		}
		l := newLab(t, o)
		endpoint := strings.Replace(l.invite.Hub.String(), "http", "ws", 1) + roomsPath + "lobby"
		d := websocket.Dialer{Subprotocols: []string{Subprotocol}}
		ws, answer, err := d.Dial(endpoint, http.Header{"Host": {"evil.example:8080"}, "Origin": {"http://evil.example:8080"}})
		if answer == nil || answer.StatusCode != want {
			t.Fatalf("hosts %q: %v, %v", hosts, answer, err)
		}
		if err == nil {
			ws.Close()
		}
	}
}

func TestWhoAsksForAnotherHostIsToldForGood(t *testing.T) {
	for _, transport := range []string{TransportAny, TransportWebSocket, TransportHTTP} {
		l := newLab(t, &Options{Hosts: []string{"chat.example.org"}})
		address := l.invite.Hub.Host
		invite := Invite{Hub: &url.URL{Scheme: "http", Host: "evil.example"}, Room: "lobby"}
		_, err := Dial(t.Context(), invite, Hello{Secret: NewSecret(), Kind: "go"}, &DialOptions{Transport: transport, NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}})
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeHost || !e.Final || !strings.Contains(e.Message, "hosts=evil.example") {
			t.Errorf("%s: %v", transport, err)
		}
	}
}
