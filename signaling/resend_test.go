package signaling

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-json-experiment/json/jsontext"
)

// heardBy are the bodies of the signals that come to c, up to the last.
func heardBy(t *testing.T, c *Client, last string) (bodies []string) {
	t.Helper()
	for !slices.Contains(bodies, last) {
		bodies = append(bodies, string(next[Signal](t, c).Body))
	}
	return bodies
}

// passOver takes what comes to c, until the test ends.
func passOver(t *testing.T, c *Client) {
	go func() {
		for {
			if _, err := c.Receive(t.Context()); err != nil {
				return
			}
		}
	}()
}

// The hub took the first signal that was sent again, but its answer was lost. What is said then, on the same
// connection, mustn't be counted in place of the signals that were to follow.
func TestNothingOvertakesWhatIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		l.dial.Transport = TransportHTTP
		ann, bob := connect(t, l, "Ann"), connect(t, l, "Bob")
		to := next[Welcome](t, bob).You
		next[Welcome](t, ann)
		next[RosterChange](t, ann)
		ann.cut()
		next[Lost](t, ann)
		say := func(numbers ...int) {
			t.Helper()
			for _, i := range numbers {
				if _, err := ann.Signal(t.Context(), to, jsontext.Value(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		say(0, 1, 2)
		l.unheard.Store(1)
		if w := next[Welcome](t, ann); !w.Recovered {
			t.Errorf("welcome %+v", w)
		}
		say(3)
		next[Lost](t, ann)
		if w := next[Welcome](t, ann); !w.Recovered || w.Received != 1 {
			t.Errorf("welcome %+v", w)
		}
		passOver(t, ann)
		say(4)
		if got := heardBy(t, bob, "4"); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
			t.Errorf("Bob heard %v", got)
		}
	})
}

func TestConnThatFailedToSendSendsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		l.dial.Transport = TransportHTTP
		ann, bob := l.join("Ann"), l.join("Bob")
		to := bob.Welcome().You
		l.unheard.Store(1)
		for _, body := range []string{"1", "2", "3"} {
			if _, err := ann.Signal(t.Context(), to, jsontext.Value(body)); !errors.Is(err, ErrUnreachable) {
				t.Errorf("signal %s: %v", body, err)
			}
		}
		carl := l.join("Carl") // who speaks after that
		if _, err := carl.Signal(t.Context(), to, jsontext.Value(`"last"`)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for !slices.Contains(got, `"last"`) {
			m, err := bob.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := m.(Signal); ok {
				got = append(got, string(s.Body))
			}
		}
		if !slices.Equal(got, []string{"1", `"last"`}) {
			t.Errorf("Bob heard %v", got)
		}
	})
}

// A hub that takes less than before can't be sent again what it would refuse. Nor can that be left out in silence.
func TestSignalThatBecameTooLongEndsTheSession(t *testing.T) {
	for _, transport := range []string{TransportWebSocket, TransportHTTP} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, nil)
				l.dial.Transport = transport
				ann, bob := connect(t, l, "Ann"), connect(t, l, "Bob")
				to := next[Welcome](t, bob).You
				next[Welcome](t, ann)
				next[RosterChange](t, ann)
				ann.cut()
				next[Lost](t, ann)
				for _, body := range []string{`"short"`, `"` + strings.Repeat("x", 20_000) + `"`, `"next"`} {
					if _, err := ann.Signal(t.Context(), to, jsontext.Value(body)); err != nil {
						t.Fatal(err)
					}
				}
				l.hub.Configure(&Options{Limits: HubLimits{Frame: 10_000}})
				next[Welcome](t, ann)
				if lost := next[Lost](t, ann); !errors.Is(lost.Err, ErrUnreachable) || !strings.Contains(lost.Err.Error(), "too long") {
					t.Errorf("lost for %v", lost.Err)
				}
				if w := next[Welcome](t, ann); w.Recovered {
					t.Error("Ann isn't told that something may be missing")
				}
				passOver(t, ann)
				n, err := ann.Signal(t.Context(), to, jsontext.Value(`"last"`))
				if err != nil || n != 4 {
					t.Errorf("number %d, %v", n, err)
				}
				if got := heardBy(t, bob, `"last"`); !slices.Equal(got, []string{`"short"`, `"last"`}) {
					t.Errorf("Bob heard %v", got)
				}
			})
		})
	}
}
