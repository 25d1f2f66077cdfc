package signaling_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// connect keeps a session of somebody new.
func connect(t *testing.T, l *signalingtest.Line, room, name string) *signaling.Client {
	t.Helper()
	hello := signaling.Hello{Secret: signaling.NewSecret(), Name: name, Kind: "go"}
	c, err := signaling.Connect(t.Context(), l.Invite(room), hello, l.DialOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// await waits for a client's next message of a kind.
func await[M signaling.Message](t *testing.T, c *signaling.Client) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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

func TestSignalsThatCannotBeSentAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := signalingtest.NewBubbleHub(t, nil)
		ann, bob := connect(t, hub.NewLine(), "lobby", "Ann"), connect(t, hub.Line, "lobby", "Bob")
		to := await[signaling.Welcome](t, bob).You
		await[signaling.Welcome](t, ann)
		var refused *signaling.Error
		if _, err := ann.Signal(t.Context(), to, []byte(`"`+strings.Repeat("x", 65_536)+`"`)); !errors.As(err, &refused) || refused.Code != signaling.CodeTooBig {
			t.Errorf("a signal longer than the hub takes: %v", err)
		}
		if _, err := ann.Signal(t.Context(), to, []byte(`{"no":`)); err == nil {
			t.Error("a body that is no JSON was taken")
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		before := 0
		if _, err := ann.Signal(over, to, []byte(`0`)); err == nil {
			before++ // it may be taken all the same, but then it must arrive
		}
		for i := range 3 {
			n, err := ann.Signal(t.Context(), to, fmt.Appendf(nil, "%d", i+1))
			if err != nil || n != uint64(before+i+1) {
				t.Errorf("signal %d is number %d, %v", i+1, n, err)
			}
		}
		for i := 1 - before; i <= 3; i++ {
			if s := await[signaling.Signal](t, bob); string(s.Body) != fmt.Sprint(i) {
				t.Fatalf("got %s, want %d", s.Body, i)
			}
		}
		ann.Signal(t.Context(), "nobody", []byte("1"))
		if u := await[signaling.Undeliverable](t, ann); u.Signal != uint64(before+4) {
			t.Errorf("signal %d is called %d", before+4, u.Signal)
		}
	})
}
