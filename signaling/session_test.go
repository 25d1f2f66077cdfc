package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// resume dials as c's session, with another connection.
func (l *lab) resume(s Secret, c *Conn) *Conn {
	l.t.Helper()
	hello := Hello{Secret: s, Name: "again", Kind: "go", Session: c.Welcome().Session, Received: c.Received()}
	again, err := Dial(l.t.Context(), l.invite, hello, l.dial)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { again.Close() })
	return again
}

func TestLostConnectionIsResumedWithoutLoss(t *testing.T) {
	for _, transport := range []string{TransportWebSocket, TransportHTTP} {
		t.Run(transport, func(t *testing.T) {
			l := newLab(t, nil)
			l.dial = &DialOptions{Transport: transport}
			ann, secret := l.join("Ann"), NewSecret()
			bob := l.joinAs(secret, "Bob")
			receive[RosterChange](t, ann)
			send(t, ann, bob, `1`)
			if s := receive[Signal](t, bob); string(s.Body) != "1" {
				t.Fatalf("got %s", s.Body)
			}
			bob.abandon()
			if transport == TransportWebSocket { // over HTTP, only silence tells
				if c := receive[RosterChange](t, ann); len(c.Away) != 1 || !c.Away[0].Away {
					t.Errorf("Ann is told %+v", c)
				}
			}
			send(t, ann, bob, `2`)
			send(t, ann, bob, `3`)
			again := l.resume(secret, bob)
			w := again.Welcome()
			if !w.Recovered || w.You != bob.Welcome().You || w.Session != bob.Welcome().Session || len(w.Roster.Members) != 2 {
				t.Errorf("welcome %+v", w)
			}
			for _, want := range []string{"2", "3"} {
				if s := receive[Signal](t, again); string(s.Body) != want {
					t.Errorf("got %s, want %s", s.Body, want)
				}
			}
			if transport == TransportWebSocket {
				if c := receive[RosterChange](t, ann); len(c.Away) != 1 || c.Away[0].Away || len(c.Joined)+len(c.Left) != 0 {
					t.Errorf("Ann is told %+v", c)
				}
			}
			send(t, again, ann, `4`)
			if s := receive[Signal](t, ann); string(s.Body) != "4" {
				t.Errorf("got %s", s.Body)
			}
		})
	}
}

func TestSessionIsResumedAcrossTransports(t *testing.T) {
	l := newLab(t, nil)
	ann, secret := l.join("Ann"), NewSecret()
	bob := l.joinAs(secret, "Bob")
	receive[RosterChange](t, ann)
	for i, transport := range []string{TransportHTTP, TransportWebSocket, TransportHTTP} {
		l.dial = &DialOptions{Transport: transport}
		send(t, ann, bob, fmt.Sprint(i))
		again := l.resume(secret, bob) // takes over: Bob read nothing
		if !again.Welcome().Recovered || again.Transport() != transport {
			t.Errorf("over %s: %+v", transport, again.Welcome())
		}
		if s := receive[Signal](t, again); string(s.Body) != fmt.Sprint(i) {
			t.Errorf("over %s: %s", transport, s.Body)
		}
		if e := receiveError(t, bob); e.Code != CodeSuperseded || !e.Final {
			t.Errorf("the older connection ended with %v", e)
		}
		bob = again
	}
}

func TestRecoveredNeverLies(t *testing.T) {
	l := newLab(t, &Options{Limits: HubLimits{Replay: 4000}})
	ann, secret := l.join("Ann"), NewSecret()
	bob := l.joinAs(secret, "Bob")
	receive[RosterChange](t, ann)
	body := `"` + strings.Repeat("x", 1000) + `"`

	// What a connected member didn't acknowledge is dropped, oldest first.
	for range 5 {
		send(t, ann, bob, body)
	}
	settle(t, ann)
	bob.abandon()
	if c := receive[RosterChange](t, ann); len(c.Away) != 1 {
		t.Fatalf("Ann is told %+v", c)
	}
	again := l.resume(secret, bob)
	if w := again.Welcome(); w.Recovered || w.Session == bob.Welcome().Session || w.Received != 0 {
		t.Errorf("two signals are gone, and yet: %+v", w)
	}
	receive[RosterChange](t, ann)

	// While it is away, what doesn't fit is refused, and all else is there.
	again.abandon()
	receive[RosterChange](t, ann)
	for range 5 {
		send(t, ann, again, body)
	}
	for i := range 2 {
		if u := receive[Undeliverable](t, ann); u.Reason != UndeliverableSlow || u.Signal != uint64(9+i) {
			t.Errorf("Ann is told %+v", u)
		}
	}
	bob = l.resume(secret, again)
	if !bob.Welcome().Recovered {
		t.Errorf("welcome %+v", bob.Welcome())
	}
	for range 3 {
		receive[Signal](t, bob)
	}

	// Neither a session of before, nor more than was sent, is recovered.
	for _, wrong := range []Hello{{Session: "other", Received: 3}, {Session: bob.Welcome().Session, Received: 99}} {
		wrong.Secret, wrong.Kind = secret, "go"
		c, err := Dial(t.Context(), l.invite, wrong, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Welcome().Recovered {
			t.Errorf("%+v was recovered", wrong)
		}
		c.abandon()
	}
}

// settle returns when the hub has dealt with everything that c sent.
func settle(t testing.TB, c *Conn) {
	t.Helper()
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	receive[Pong](t, c)
}

func TestAcknowledgementsFreeWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann, bob := l.join("Ann"), l.join("Bob")
		receive[RosterChange](t, ann)
		for i := range ackMessages + 1 {
			send(t, ann, bob, fmt.Sprint(i))
			receive[Signal](t, bob)
		}
		if a := receive[Ack](t, ann); a.Received != ackMessages {
			t.Errorf("acknowledged %d", a.Received)
		}
		if a := receive[Ack](t, ann); a.Received != ackMessages+1 {
			t.Errorf("acknowledged %d", a.Received)
		}
		time.Sleep(2 * ackWait) // in virtual time: Bob's acknowledgement of the last
		synctest.Wait()
		if s := l.hub.Stats(); s.Bytes != 0 {
			t.Errorf("%d bytes are kept for nothing", s.Bytes)
		}
	})
}

func TestLedger(t *testing.T) {
	var l ledger
	for range 5 {
		l.add(make(frame, 10), true)
	}
	if !l.has(0) || !l.has(5) || l.has(6) || l.bytes != 50 {
		t.Errorf("%+v", l)
	}
	if freed := l.acknowledged(2); freed != 20 || l.has(1) || !l.has(2) {
		t.Errorf("freed %d: %+v", freed, l)
	}
	for _, n := range []uint64{0, 2, 6} { // known already, or never sent
		if freed := l.acknowledged(n); freed != 0 {
			t.Errorf("%d freed %d", n, freed)
		}
	}
	if freed := l.trim(25); freed != 10 || l.has(2) || !l.has(3) {
		t.Errorf("freed %d: %+v", freed, l)
	}
	if freed := l.add(make(frame, 10), false); freed != 20 || l.has(5) || !l.has(6) || l.bytes != 0 {
		t.Errorf("freed %d: %+v", freed, l)
	}
}

func connect(t testing.TB, l *lab, name string) *Client {
	t.Helper()
	c, err := Connect(t.Context(), l.invite, Hello{Secret: NewSecret(), Name: name, Kind: "go"}, l.dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func next[M Message](t testing.TB, c *Client) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			var none M
			t.Fatalf("waiting for a %T: %v", none, err)
		}
		if m, ok := m.(M); ok {
			return m
		}
	}
}

func TestClientLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann, bob := connect(t, l, "Ann"), connect(t, l, "Bob")
		next[Welcome](t, ann)
		to := next[Welcome](t, bob).You
		const signals = 200
		go func() {
			for i := range signals {
				time.Sleep(20 * time.Millisecond)
				if _, err := ann.Signal(t.Context(), to, jsontext.Value(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
				for c, modulus := range map[*Client]int{ann: 30, bob: 41} {
					if i%modulus == 7 {
						c.cut()
					}
				}
			}
		}()
		go func() { // Ann has to receive, too
			for {
				if _, err := ann.Receive(t.Context()); err != nil {
					return
				}
			}
		}()
		var got, want []string
		recovered := 0
		for len(got) < signals {
			m, err := bob.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch m := m.(type) {
			case Signal:
				want = append(want, fmt.Sprint(len(got)))
				got = append(got, string(m.Body))
			case Welcome:
				if !m.Recovered {
					t.Error("Bob was not recovered")
				}
				recovered++
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if recovered < 3 {
			t.Errorf("Bob was cut off only %d times", recovered)
		}
	})
}

// cut ends the connection of a client as a network does.
func (c *Client) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.wire.abort()
	}
}

func TestClientTellsOfAHubThatForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann := connect(t, l, "Ann")
		first := next[Welcome](t, ann)
		ann.Signal(t.Context(), NewSecret().MemberID(), jsontext.Value("1"))
		if u := next[Undeliverable](t, ann); u.Signal != 1 {
			t.Errorf("got %+v", u)
		}
		other := NewHub(nil)
		l.handler.Store(other)
		l.hub.Shutdown(t.Context())
		defer other.Shutdown(t.Context())
		if lost := next[Lost](t, ann); lost.Err == nil || lost.Retry == 0 {
			t.Errorf("lost for %+v", lost)
		}
		w := next[Welcome](t, ann)
		if w.Recovered || w.You != first.You || w.Session == first.Session {
			t.Errorf("welcome %+v", w)
		}
		n, err := ann.Signal(t.Context(), NewSecret().MemberID(), jsontext.Value("2"))
		if err != nil || n != 2 {
			t.Errorf("number %d, %v", n, err)
		}
		if u := next[Undeliverable](t, ann); u.Signal != 2 {
			t.Errorf("the numbers of a client go on, but this is %d", u.Signal)
		}
	})
}

func TestClientGivesUpAHubThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann := connect(t, l, "Ann")
		next[Welcome](t, ann)
		start := time.Now()
		l.listener.halfOpen.Store(true) // nothing gets through, nothing ends
		ann.Probe()
		next[Lost](t, ann)
		if d := time.Since(start); d > pongWait+2*watchEvery {
			t.Errorf("that took %v", d)
		}
		l.listener.halfOpen.Store(false)
		if w := next[Welcome](t, ann); !w.Recovered {
			t.Errorf("welcome %+v", w)
		}
	})
}

func TestClientFallsBackToHTTP(t *testing.T) {
	for name, block := range map[string]blocking{"refused": blockRefuse, "swallowed": blockSwallow} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, nil)
				l.block.Store(int32(block))
				start := time.Now()
				ann := connect(t, l, "Ann")
				if next[Welcome](t, ann); ann.Transport() != TransportHTTP || time.Since(start) > 5*time.Second {
					t.Errorf("over %q after %v", ann.Transport(), time.Since(start))
				}
				l.block.Store(0)
				bob := connect(t, l, "Bob")
				w := next[Welcome](t, bob)
				if bob.Transport() != TransportWebSocket {
					t.Errorf("Bob is connected over %q", bob.Transport())
				}
				go bob.Signal(t.Context(), w.Roster.Members[0].ID, jsontext.Value(`"hello"`))
				if s := next[Signal](t, ann); string(s.Body) != `"hello"` {
					t.Errorf("got %s", s.Body)
				}
				go ann.Signal(t.Context(), w.You, jsontext.Value(`"hello, too"`))
				if s := next[Signal](t, bob); string(s.Body) != `"hello, too"` {
					t.Errorf("got %s", s.Body)
				}
				go func() { // what bob is told meanwhile
					for {
						if _, err := bob.Receive(t.Context()); err != nil {
							return
						}
					}
				}()
				// An hour of silence ends nothing, where WebSockets still don't get through.
				l.block.Store(int32(block))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				for {
					m, err := ann.Receive(ctx)
					if errors.Is(err, context.DeadlineExceeded) {
						break
					}
					if _, ok := m.(Ack); err != nil || !ok {
						t.Fatalf("in the hour came %+v, %v", m, err)
					}
				}
				ann.Close()
				synctest.Wait()
				if s := l.hub.Stats(); s.Leaves[ReasonBye] != 1 {
					t.Errorf("leaves %v", s.Leaves)
				}
			})
		})
	}
}

// A signal that waits because much is kept must not hold the client up when its hub goes away.
func TestSignalThatWaitsEndsWithTheConnection(t *testing.T) {
	for _, then := range []string{"the hub comes back", "the client leaves"} {
		t.Run(then, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, nil)
				ann := connect(t, l, "Ann")
				next[Welcome](t, ann)
				l.listener.halfOpen.Store(true) // so that nothing is acknowledged
				body := jsontext.Value(`"` + strings.Repeat("x", 60_000) + `"`)
				var err error
				waited := make(chan struct{})
				go func() {
					defer close(waited)
					for err == nil {
						_, err = ann.Signal(context.Background(), NewSecret().MemberID(), body)
					}
				}()
				synctest.Wait()
				l.listener.halfOpen.Store(false)
				ann.cut()
				if then == "the hub comes back" {
					next[Welcome](t, ann)
				} else {
					next[Lost](t, ann)
					ann.Close()
				}
				<-waited
				if !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrClosed) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// A signal may be sent again long after Signal has returned, and the caller's buffer was used for something else.
func TestClientKeepsItsOwnCopyOfASignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann, bob := connect(t, l, "Ann"), connect(t, l, "Bob")
		to := next[Welcome](t, bob).You
		next[Welcome](t, ann)
		next[RosterChange](t, ann)
		ann.cut()
		next[Lost](t, ann)
		body := []byte(`"first"`)
		if _, err := ann.Signal(t.Context(), to, body); err != nil {
			t.Fatal(err)
		}
		copy(body, `"other"`)
		next[Welcome](t, ann)
		if s := next[Signal](t, bob); string(s.Body) != `"first"` {
			t.Errorf("got %s", s.Body)
		}
	})
}

func TestFailedRequestEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		l.dial.Transport = TransportHTTP
		ann, bob := connect(t, l, "Ann"), connect(t, l, "Bob")
		to := next[Welcome](t, bob).You
		next[Welcome](t, ann)
		next[RosterChange](t, ann)
		l.fail.Store(1)
		start := time.Now()
		if _, err := ann.Signal(t.Context(), to, jsontext.Value(`1`)); err != nil {
			t.Fatal(err)
		}
		next[Lost](t, ann)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("it took %v", d)
		}
		if w := next[Welcome](t, ann); !w.Recovered {
			t.Errorf("welcome %+v", w)
		}
		if s := next[Signal](t, bob); string(s.Body) != "1" {
			t.Errorf("got %s", s.Body)
		}
	})
}
