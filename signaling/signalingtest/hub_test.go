package signalingtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// everywhere runs a test over TCP, and in a bubble.
func everywhere(t *testing.T, test func(t *testing.T, hub func(*signaling.Options) *Hub)) {
	t.Run("tcp", func(t *testing.T) {
		test(t, func(o *signaling.Options) *Hub { return NewHub(t, o) })
	})
	t.Run("bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, func(o *signaling.Options) *Hub { return NewBubbleHub(t, o) })
		})
	})
}

func dial(t *testing.T, l *Line, name string) *signaling.Conn {
	t.Helper()
	hello := signaling.Hello{Secret: signaling.NewSecret(), Name: name, Kind: "go"}
	c, err := signaling.Dial(t.Context(), l.Invite("lobby"), hello, l.DialOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// receive waits for the next message of a kind.
func receive[M signaling.Message](t *testing.T, c *signaling.Conn) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("waiting for a %T: %v", *new(M), err)
		}
		if m, ok := m.(M); ok {
			return m
		}
	}
}

// isLost waits for the connection's end.
func isLost(t *testing.T, c *signaling.Conn) {
	t.Helper()
	for {
		if _, err := c.Receive(t.Context()); err != nil {
			if !errors.Is(err, signaling.ErrUnreachable) {
				t.Errorf("the connection ended with %v", err)
			}
			return
		}
	}
}

// talk has a signal go each way.
func talk(t *testing.T, a, b *signaling.Conn) {
	t.Helper()
	for _, c := range [][2]*signaling.Conn{{a, b}, {b, a}} {
		if _, err := c[0].Signal(t.Context(), c[1].Welcome().You, []byte(`"hi"`)); err != nil {
			t.Fatal(err)
		}
		if s := receive[signaling.Signal](t, c[1]); string(s.Body) != `"hi"` {
			t.Errorf("got %s", s.Body)
		}
	}
}

func TestMembersMeetOnEveryLine(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		ann, bob := dial(t, hub.Line, "Ann"), dial(t, hub.NewLine(), "Bob")
		talk(t, ann, bob)
		if !strings.HasPrefix(hub.URL, "http://") {
			t.Errorf("the hub is at %s", hub.URL)
		}
	})
}

func TestCutLosesConnectionsAndLetsNewOnesIn(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		other := hub.NewLine()
		ann, bob := dial(t, hub.Line, "Ann"), dial(t, other, "Bob")
		hub.Cut()
		isLost(t, ann)
		talk(t, dial(t, hub.Line, "Ann again"), bob)
	})
}

func TestFramesSurviveOneByteWritesAndDelay(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		hub.OneByteWrites(true)
		hub.Delay(time.Millisecond)
		talk(t, dial(t, hub.Line, "Ann"), dial(t, hub.Line, "Bob"))
	})
}

func TestDuplicatesChangeNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		hub.Duplicate(true)
		ann := dial(t, hub.Line, "Ann")
		bob := dial(t, hub.Line, "Bob")
		roster := ann.Welcome().Roster
		for range 2 { // it comes twice, and counts once
			roster.Apply(receive[signaling.RosterChange](t, ann))
			if len(roster.Members) != 2 {
				t.Errorf("the roster is %v", roster.Members)
			}
		}
		talk(t, ann, bob)
		ann.Ping(t.Context())
		receive[signaling.Pong](t, ann)
		receive[signaling.Pong](t, ann)
	})
}

func TestRefusalsAreCounted(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		hello := signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}
		client := &http.Client{Transport: &http.Transport{DialContext: hub.Dial, DisableKeepAlives: true}}
		ask := func(status int) {
			t.Helper()
			resp, err := client.Get(hub.URL + "/v1/rooms/lobby")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != status {
				t.Errorf("who asks why is told %s, not %d", resp.Status, status)
			}
		}
		hub.Refuse(503, 7*time.Second, 2)
		ask(503)
		for range 2 {
			_, err := signaling.Dial(t.Context(), hub.Invite("lobby"), hello, hub.DialOptions())
			var e *signaling.Error
			if !errors.As(err, &e) || e.Code != signaling.CodeGoingAway || e.Retry != 7*time.Second || e.Final {
				t.Errorf("got %v", err)
			}
			ask(503)
		}
		dial(t, hub.Line, "Ann")
		ask(426)
		hub.Refuse(502, 0, 2) // a WebSocket, and HTTP after that
		if _, err := signaling.Dial(t.Context(), hub.Invite("lobby"), hello, hub.DialOptions()); !errors.Is(err, signaling.ErrNotHub) {
			t.Errorf("502: %v", err)
		}
	})
}

func TestRestartKeepsAndForgetDoesnt(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		ann := dial(t, hub.Line, "Ann")
		url, same := hub.URL, hub.Signaling()
		hub.Restart(0)
		isLost(t, ann)
		if hub.Signaling() != same || hub.URL != url {
			t.Error("Restart made another hub")
		}
		ann = dial(t, hub.Line, "Ann")
		epoch := ann.Welcome().Roster.Epoch
		hub.Forget(0)
		isLost(t, ann)
		if now := dial(t, hub.Line, "Ann").Welcome().Roster; now.Epoch == epoch || len(now.Members) != 1 || hub.URL != url {
			t.Errorf("after Forget: %+v", now)
		}
	})
}

func TestDownIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		hub.Down()
		hub.Down()
		if c, err := hub.Dial(t.Context(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v, %v", c, err)
		}
		if err := errors.Join(hub.Up(), hub.Up()); err != nil {
			t.Fatal(err)
		}
		dial(t, hub.Line, "Ann")
	})
}

func TestDeploySaysWhenToComeBack(t *testing.T) {
	everywhere(t, func(t *testing.T, start func(*signaling.Options) *Hub) {
		hub := start(nil)
		ann := dial(t, hub.Line, "Ann")
		told := make(chan error, 1)
		go func() {
			for {
				if _, err := ann.Receive(t.Context()); err != nil {
					told <- err
					return
				}
			}
		}()
		hub.Deploy()
		var e *signaling.Error
		if err := <-told; !errors.As(err, &e) || e.Code != signaling.CodeGoingAway || e.Retry == 0 {
			t.Errorf("Ann was told %v", err)
		}
		dial(t, hub.Line, "Ann")
	})
}

func TestHubGivesUpWhomItDoesntHear(t *testing.T) {
	for name, fault := range map[string]func(*Line){
		"half open": func(l *Line) { l.HalfOpen(ToHub) },
		"no pong":   func(l *Line) { l.NoPong(true) },
		"pause":     (*Line).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := NewBubbleHub(t, nil)
				other := hub.NewLine()
				ann, bob := dial(t, hub.Line, "Ann"), dial(t, other, "Bob")
				receive[signaling.RosterChange](t, ann)
				start := time.Now()
				fault(other)
				go func() {
					for { // Bob answers the hub's pings
						if _, err := bob.Receive(t.Context()); err != nil {
							return
						}
					}
				}()
				if _, err := ann.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); d < 29*time.Second || d > 50*time.Second {
					t.Errorf("Bob was given up after %v", d)
				}
				other.Heal()
				other.Cut()
			})
		})
	}
}

func TestClientGivesUpAHubItDoesntHear(t *testing.T) {
	for name, fault := range map[string]func(*Line){
		"half open": func(l *Line) { l.HalfOpen(ToClient) },
		"no ping":   func(l *Line) { l.NoPing(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := NewBubbleHub(t, &signaling.Options{PongTimeout: time.Hour})
				ann := dial(t, hub.Line, "Ann")
				fault(hub.Line)
				isLost(t, ann)
			})
		})
	}
}

func TestLargeMessagesPassSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := NewBubbleHub(t, nil)
		ann, bob := dial(t, hub.Line, "Ann"), dial(t, hub.Line, "Bob")
		hub.Slow(10_000)
		start := time.Now()
		body := `"` + strings.Repeat("x", 40_000) + `"`
		if _, err := ann.Signal(t.Context(), bob.Welcome().You, []byte(body)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			m, err := bob.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := m.(signaling.Signal); ok {
				if string(s.Body) != body {
					t.Error("the signal came out otherwise")
				}
				break
			}
		}
		if d := time.Since(start); d < 8*time.Second || d > 9*time.Second {
			t.Errorf("80,000 bytes at 10,000 a second took %v", d)
		}
	})
}

func TestTokensCanBeRevoked(t *testing.T) {
	var tokens Tokens
	ann := tokens.Mint(signaling.Grant{Identity: "ann", Permissions: signaling.PermitJoin})
	old := tokens.Mint(signaling.Grant{Identity: "ann", Expires: time.Now().Add(-time.Second)})
	ask := func(token string) (signaling.Grant, string) {
		g, err := tokens.Authorize(t.Context(), signaling.AuthRequest{Token: token})
		var e *signaling.Error
		errors.As(err, &e)
		if e == nil {
			return g, ""
		}
		return g, e.Code
	}
	if g, code := ask(ann); code != "" || g.Identity != "ann" || g.TokenID == "" {
		t.Errorf("%+v %s", g, code)
	}
	if _, code := ask(old); code != "expired" {
		t.Errorf("an old one: %s", code)
	}
	tokens.Revoke(ann)
	if _, code := ask(ann); code != "token" {
		t.Errorf("a revoked one: %s", code)
	}
	bob := tokens.Mint(signaling.Grant{Identity: "bob"})
	tokens.RevokeAll()
	if _, code := ask(bob); code != "token" {
		t.Errorf("after RevokeAll: %s", code)
	}
}

// A browser that asks for a page and keeps the connection, and a client that connects by TCP
// alone, are ended with the hub.
func TestHubEndsWithItsTest(t *testing.T) {
	t.Run("inner", func(t *testing.T) {
		hub := NewHub(t, nil)
		c, err := hub.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.Read(make([]byte, 1))
		hub.HalfOpen(BothWays)
		dial(t, hub.Line, "Ann")
	})
}
