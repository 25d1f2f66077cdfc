package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
	"github.com/snug-chat/snug/internal/turn"
	"github.com/snug-chat/snug/signaling"
)

const turnPatience = 20 * time.Second

// untrusting takes any certificate: a test's own.
func untrusting(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}
}

// dialTURN connects as a URL says.
func dialTURN(t *testing.T, url string, protocols ...string) net.PacketConn {
	t.Helper()
	scheme, rest, _ := strings.Cut(url, ":")
	host, transport, _ := strings.Cut(rest, "?transport=")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	at := "127.0.0.1:" + port // whatever the certificate's name is
	var conn net.Conn
	switch {
	case transport == "udp":
		u, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return u
	case scheme == "turns":
		conn, err = tls.Dial("tcp", at, untrusting(protocols...))
	default:
		conn, err = net.Dial("tcp", at)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pion.NewSTUNConn(conn)
}

// relayed is an allocation, made as a URL and a credential say.
func relayed(t *testing.T, url string, s signaling.ICEServer, protocols ...string) (*pion.Client, net.PacketConn) {
	t.Helper()
	_, rest, _ := strings.Cut(url, ":")
	host, _, _ := strings.Cut(rest, "?")
	_, port, _ := net.SplitHostPort(host)
	conn := dialTURN(t, url, protocols...)
	c, err := pion.NewClient(&pion.ClientConfig{TURNServerAddr: "127.0.0.1:" + port, Username: s.Username, Password: s.Credential, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		conn.Close()
	})
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := c.Allocate()
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return c, relay
}

// talks checks that two relays reach each other.
func talks(t *testing.T, a, b net.PacketConn) {
	t.Helper()
	for _, way := range [][2]net.PacketConn{{a, b}, {b, a}, {a, b}} { // the first of b's opens its own door
		text := []byte(strings.Repeat("x", 1200))
		got := make([]byte, 1500)
		if _, err := way[0].WriteTo(text, way[1].LocalAddr()); err != nil {
			t.Fatal(err)
		}
		way[1].SetReadDeadline(time.Now().Add(turnPatience))
		n, from, err := way[1].ReadFrom(got)
		if err != nil || n != len(text) || from.String() != way[0].LocalAddr().String() {
			t.Fatalf("%d bytes from %v, %v", n, from, err)
		}
	}
}

// turnOf is the TURN server that a member is told.
func turnOf(t *testing.T, c *signaling.Conn) signaling.ICEServer {
	t.Helper()
	servers := c.Welcome().ICE.Servers
	i := slices.IndexFunc(servers, func(s signaling.ICEServer) bool { return s.Username != "" })
	if i < 0 {
		t.Fatalf("no TURN server is told: %v", servers)
	}
	return servers[i]
}

// join makes a member and reads what it is told.
func (l *lab) join(scheme string) *signaling.Conn {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), turnPatience)
	defer cancel()
	invite, err := signaling.ParseInvite(scheme + "://" + l.gate.Addr().String() + "/r/lobby")
	if err != nil {
		l.t.Fatal(err)
	}
	conn, err := signaling.Dial(ctx, invite, signaling.Hello{Secret: signaling.NewSecret(), Name: "Ann", Kind: "go"}, &signaling.DialOptions{TLSConfig: untrusting()})
	if err != nil {
		l.t.Fatal(err)
	}
	go func() {
		for {
			if _, err := conn.Receive(context.Background()); err != nil {
				return
			}
		}
	}()
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

// Every URL that members are told relays, with the credential that they are told.
func TestMembersAreRelayedByEveryURL(t *testing.T) {
	for scheme, want := range map[string][]string{
		"http":  {"turn udp", "turn tcp", "turn tcp page"},
		"https": {"turn udp", "turn tcp", "turns tcp", "turns tcp page"},
	} {
		t.Run(scheme, func(t *testing.T) {
			t.Chdir(t.TempDir())
			text := "turn: {mode: on}\n"
			if scheme == "https" {
				certificate(t, "hub.example")
				text += "tls: {cert: cert.pem, key: key.pem}\n"
			}
			l := begin(t, text)
			a, b := l.join(scheme), l.join(scheme)
			at, bt := turnOf(t, a), turnOf(t, b)
			var kinds []string
			for i, url := range at.URLs {
				_, port, _ := net.SplitHostPort(l.gate.Addr().String())
				kind := url[:strings.IndexByte(url, ':')] + " " + url[strings.LastIndexByte(url, '=')+1:]
				if strings.Contains(url, ":"+port+"?") {
					kind += " page"
				}
				kinds = append(kinds, kind)
				ac, ar := relayed(t, url, at)
				_, br := relayed(t, bt.URLs[(i+1)%len(at.URLs)], bt)
				if err := ac.CreatePermission(br.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				talks(t, br, ar)
			}
			if !slices.Equal(kinds, want) {
				t.Errorf("the URLs are %v", kinds)
			}
			stun := a.Welcome().ICE.Servers[0]
			if len(stun.URLs) != 1 || !strings.HasPrefix(stun.URLs[0], "stun:") || stun.Username != "" {
				t.Errorf("the first server is %v", stun)
			}
			left := time.Until(time.UnixMilli(a.Welcome().ICE.Expires))
			if left < 50*time.Minute || left > 61*time.Minute {
				t.Errorf("it expires in %v", left)
			}
		})
	}
}

// On the page's port, pages are served as ever, and TURN with or without a word about it in the handshake.
func TestPageAndTURNShareAPort(t *testing.T) {
	t.Chdir(t.TempDir())
	certificate(t, "hub.example")
	l := begin(t, "turn: {mode: on}\ntls: {cert: cert.pem, key: key.pem}\n")
	at := l.gate.Addr().String()
	for _, protocols := range [][]string{nil, {"http/1.1"}, {"h2", "http/1.1"}} {
		conn, err := tls.Dial("tcp", at, untrusting(protocols...))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET /livez HTTP/1.1\r\nHost: hub.example\r\nConnection: close\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%v: %v, %v", protocols, answer, err)
		}
		conn.Close()
	}
	s := turnOf(t, l.join("https"))
	for _, protocols := range [][]string{nil, {protocolTURN}} {
		relayed(t, s.URLs[len(s.URLs)-1], s, protocols...)
	}
	if got := l.turn.Stats().Allocations; got != 2 {
		t.Errorf("there are %d allocations", got)
	}
	plain, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, "GET / HTTP/1.1\r\nHost: hub.example\r\n\r\n")
	if said, err := io.ReadAll(plain); !strings.HasPrefix(string(said), "HTTP/1.0 400") {
		t.Errorf("HTTP without TLS: %q, %v", said, err)
	}
}

func TestWhoIsPutOutIsRelayedNoMore(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "turn: {mode: on}\n")
	a, b := l.join("http"), l.join("http")
	at, bt := turnOf(t, a), turnOf(t, b)
	ac, ar := relayed(t, at.URLs[0], at)
	_, br := relayed(t, bt.URLs[1], bt)
	if err := ac.CreatePermission(br.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	talks(t, br, ar)
	start := time.Now()
	if holds := l.hub.Kick("lobby", a.Welcome().You); holds != signaling.HoldsSession {
		t.Fatal(holds)
	}
	within(t, "the relay is gone", func() bool { return l.turn.Stats().Allocations == 1 })
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	b.Close() // a bye
	within(t, "the other's is gone", func() bool { return l.turn.Stats().Allocations == 0 })
}

// Two peers that may use relays alone open a channel through the hub's own.
func TestPeersTalkThroughTheHubsRelay(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "turn: {mode: on}\n")
	for _, n := range []int{0, 1, 2} { // UDP, TCP, the page's port
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b := relayPeer(t, turnOf(t, l.join("http")), n), relayPeer(t, turnOf(t, l.join("http")), n)
			channel, err := a.CreateDataChannel("x", nil)
			if err != nil {
				t.Fatal(err)
			}
			heard := make(chan string, 1)
			b.OnDataChannel(func(d *webrtc.DataChannel) {
				d.OnMessage(func(m webrtc.DataChannelMessage) { heard <- string(m.Data) })
			})
			channel.OnOpen(func() { channel.SendText("through the relay") })
			introduce(t, a, b)
			select {
			case text := <-heard:
				if text != "through the relay" {
					t.Errorf("heard %q", text)
				}
			case <-time.After(turnPatience):
				t.Fatal("nothing is heard")
			}
		})
	}
	if s := l.turn.Stats(); s.BytesSent == 0 || s.BytesReceived == 0 {
		t.Errorf("%+v", s)
	}
}

func relayPeer(t *testing.T, s signaling.ICEServer, n int) *webrtc.PeerConnection {
	t.Helper()
	p, err := webrtc.NewPeerConnection(webrtc.Configuration{
		ICEServers:         []webrtc.ICEServer{{URLs: s.URLs[n : n+1], Username: s.Username, Credential: s.Credential}},
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// introduce exchanges complete descriptions.
func introduce(t *testing.T, a, b *webrtc.PeerConnection) {
	t.Helper()
	describe := func(p *webrtc.PeerConnection, make func() (webrtc.SessionDescription, error)) webrtc.SessionDescription {
		gathered := webrtc.GatheringCompletePromise(p)
		d, err := make()
		if err == nil {
			err = p.SetLocalDescription(d)
		}
		if err != nil {
			t.Fatal(err)
		}
		<-gathered
		return *p.LocalDescription()
	}
	if err := b.SetRemoteDescription(describe(a, func() (webrtc.SessionDescription, error) { return a.CreateOffer(nil) })); err != nil {
		t.Fatal(err)
	}
	if err := a.SetRemoteDescription(describe(b, func() (webrtc.SessionDescription, error) { return b.CreateAnswer(nil) })); err != nil {
		t.Fatal(err)
	}
}

// Members get new credentials before the old ones expire.
func TestCredentialsAreRenewed(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "turn: {mode: on, validity: 4s}\n")
	conn, err := l.dial("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), turnPatience)
	defer cancel()
	for {
		m, err := conn.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if ice, ok := m.(signaling.ICE); ok {
			if first := conn.Welcome().ICE; ice.Expires <= first.Expires || time.Now().UnixMilli() >= first.Expires {
				t.Errorf("%d after %d", ice.Expires, first.Expires)
			}
			i := slices.IndexFunc(ice.Servers, func(s signaling.ICEServer) bool { return s.Username != "" })
			relayed(t, ice.Servers[i].URLs[0], ice.Servers[i])
			return
		}
	}
}

func TestOthersServersAreTold(t *testing.T) {
	t.Chdir(t.TempDir())
	os.WriteFile("secret", []byte("of coturn\n"), 0o600)
	os.WriteFile("password", []byte("of a provider"), 0o600)
	l := begin(t, "ice: {servers: ['turn:turn.example.org?transport=udp', 'stun:stun.example.org'], secret_file: secret, validity: 2h}\n")
	conn, err := l.dial("")
	if err != nil {
		t.Fatal(err)
	}
	ice := conn.Welcome().ICE
	if len(ice.Servers) != 2 || ice.Servers[0].URLs[0] != "stun:stun.example.org" || ice.Servers[0].Username != "" || ice.Servers[1].URLs[0] != "turn:turn.example.org?transport=udp" {
		t.Fatalf("the servers are %v", ice.Servers)
	}
	want := turn.NewCredential([]byte("of coturn"), "lobby", conn.Welcome().You, time.UnixMilli(ice.Expires))
	if got := ice.Servers[1]; got.Username != want.Username || got.Credential != want.Password || time.Until(want.Expires) < 119*time.Minute {
		t.Errorf("got %v, want %v", got, want)
	}
	if raw, err := base64.StdEncoding.DecodeString(want.Password); err != nil || len(raw) != 20 {
		t.Errorf("the password is %q", want.Password)
	}

	l.write("snug.yaml", "ice: {servers: ['turn:turn.example.org'], username: ann, password_file: password}\n")
	if said := l.reload(); !strings.Contains(said, "key=ice.username") {
		t.Errorf("it says %s", said)
	}
	if conn, err = l.dial(""); err != nil {
		t.Fatal(err)
	}
	if ice := conn.Welcome().ICE; len(ice.Servers) != 1 || ice.Servers[0].Username != "ann" || ice.Servers[0].Credential != "of a provider" || ice.Expires != 0 {
		t.Errorf("the servers are %v", ice)
	}
	for text, want := range map[string]string{
		"ice: {servers: ['turn:a.example'], secret_file: nowhere}": "snug.yaml:1: ice.secret_file: there is no file nowhere.",
		"ice: {servers: ['turn:a.example'], secret_file: .}":       "snug.yaml:1: ice.secret_file: . is no file that can be read.",
		"ice: {servers: ['turn:a.example'], secret_file: empty}":   "snug.yaml:1: ice.secret_file: empty must hold one line.",
	} {
		l.write("empty", "\n")
		l.write("snug.yaml", text)
		if said := l.reload(); !strings.Contains(said, want) {
			t.Errorf("it says %s, not %s", said, want)
		}
	}
}

func TestTURNIsReloaded(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "turn: {mode: on}\n")
	s := turnOf(t, l.join("http"))
	relayed(t, s.URLs[0], s)
	l.write("snug.yaml", "turn: {mode: on, allocations: 1, ports: 50000-50100, host: turn.example}\n")
	said := l.reload()
	for _, want := range []string{`has changed" key=turn.allocations from=256 to=1`, `has changed" key=turn.ports from=49152-65535 to=50000-50100`, `needs a restart" key=turn.host from="" to=turn.example`} {
		if !strings.Contains(said, want) {
			t.Errorf("it doesn't say %s but %s", want, said)
		}
	}
	if got := l.turn.Stats().Allocations; got != 1 {
		t.Errorf("%d allocations are there after it", got)
	}
	conn := dialTURN(t, s.URLs[1])
	defer conn.Close()
	c, err := pion.NewClient(&pion.ClientConfig{TURNServerAddr: "127.0.0.1:1", Username: s.Username, Password: s.Credential, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a second allocation: %v", err)
	}
}

// Whoever is sent away talks on until the end.
func TestAllocationsOutliveTheDrain(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "turn: {mode: on}\n")
	s := turnOf(t, l.join("http"))
	ac, ar := relayed(t, s.URLs[0], s)
	_, br := relayed(t, s.URLs[1], s)
	if err := ac.CreatePermission(br.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	l.hub.Drain(0)
	within(t, "the member is sent away", func() bool { return l.hub.Stats().Connections == 0 })
	talks(t, br, ar)
	l.finish()
	if got := l.turn.Stats().Allocations; got != 0 {
		t.Errorf("%d allocations are left at the end", got)
	}
}

// What comes to nothing leaves nothing.
func TestCloseBeforeServingFreesThePorts(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	certificate(t, "hub.example")
	c := configured(t, fmt.Sprintf("turn: {mode: on}\ntls: {cert: %s/cert.pem, key: %[1]s/key.pem}\n", dir))
	before := runtime.NumGoroutine()
	s := listen(t, c, Options{})
	told := s.turn.turn
	s.Close()
	for _, url := range told {
		_, rest, _ := strings.Cut(url, ":")
		host, transport, _ := strings.Cut(rest, "?transport=")
		_, port, _ := net.SplitHostPort(host)
		var again io.Closer
		var err error
		if transport == "udp" {
			again, err = net.ListenPacket("udp4", "127.0.0.1:"+port)
		} else {
			again, err = net.Listen("tcp4", "127.0.0.1:"+port)
		}
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		again.Close()
	}
	within(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestTURNIsOffWhereNobodyIsFarAway(t *testing.T) {
	s := listen(t, configured(t, ""), Options{})
	run(t, s)
	if s.turn != nil {
		t.Error("it relays")
	}
}

func TestWhyTURNCannotListen(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := configured(t, "turn: {mode: on, listen: '"+taken.LocalAddr().String()+"'}")
	_, port, _ := net.SplitHostPort(taken.LocalAddr().String())
	want := "port " + port + ", which TURN needs, is in use by another program: choose another address (turn.listen), or leave TURN out (--turn off)"
	if _, err := Listen(c, Options{Log: io.Discard}); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
