package signalingtest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

func ExampleNewHostileHub() {
	hub := signalingtest.NewHostileHub(t, nil)
	hub.Meddle(signalingtest.DropEvery(2)) // and every second signal is lost, without a word
	fmt.Println("let in by", hub.Invite("lobby"))
}

// guest is a member of a hostile hub's room.
func guest(t *testing.T, h *signalingtest.HostileHub, name string) *signaling.Client {
	t.Helper()
	hello := signaling.Hello{Secret: signaling.NewSecret(), Name: name, Kind: "go"}
	c, err := signaling.Connect(t.Context(), h.Invite("lobby"), hello, &signaling.DialOptions{Transport: signaling.TransportWebSocket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// next waits for the next message of a kind.
func next[M signaling.Message](t *testing.T, c *signaling.Client) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := m.(M); ok {
			return m
		}
	}
}

// drain takes all that comes until the client is closed.
func drain(c *signaling.Client) {
	for {
		if _, err := c.Receive(context.Background()); err != nil {
			return
		}
	}
}

// An honest one is a hub, also for a client that sends more than it may keep, and that comes back.
func TestHostileHubThatIsHonest(t *testing.T) {
	h := signalingtest.NewHostileHub(t, nil)
	ann, bob := guest(t, h, "Ann"), guest(t, h, "Bob")
	next[signaling.Welcome](t, ann)
	go drain(ann)
	to := next[signaling.Welcome](t, bob).You
	body := strings.Repeat("x", 10_000)
	for i := range 100 {
		if _, err := ann.Signal(t.Context(), to, jsontext.Value(fmt.Sprintf(`["%s",%d]`, body, i))); err != nil {
			t.Fatal(err)
		}
		if s := next[signaling.Signal](t, bob); !strings.HasSuffix(string(s.Body), fmt.Sprintf(",%d]", i)) {
			t.Fatalf("signal %d is %.20s", i, s.Body)
		}
	}
	bob.Redial()
	if w := next[signaling.Welcome](t, bob); w.You != to || w.Recovered {
		t.Errorf("Bob comes back as %+v", w)
	}
	seen := string(h.Seen())
	for _, want := range []string{"/v1/rooms/lobby\n", `"type":"hello"`, `"type":"welcome"`, body, "Sec-Websocket-Protocol: snug.v1"} {
		if !strings.Contains(seen, want) {
			t.Errorf("it didn't see %.30s", want)
		}
	}
}

// What each kind of meddling makes of the signals 1 to 4.
func TestMeddling(t *testing.T) {
	for name, c := range map[string]struct {
		meddle func(signalingtest.Passing) []signalingtest.Passing
		want   string
	}{
		"swap":     {signalingtest.SwapBodies(), "2 1 4 3"},
		"repeat":   {signalingtest.RepeatAll(), "1 1 2 1 2 3 1 2 3 4 1 2 3 4"},
		"reverse":  {signalingtest.Reverse(2), "2 1 4 3"},
		"drop":     {signalingtest.DropEvery(2), "1 3"},
		"invent":   {signalingtest.Invent("0"), "0 1 0 0 2 0 0 3 0 0 4 0"},
		"redirect": {signalingtest.Redirect(func(from, to string) (string, string) { return to, from }), "1<ann 2<ann 3<ann 4<ann"},
	} {
		var got []string
		for n := range 4 {
			for _, p := range c.meddle(signalingtest.Relayed{From: "ann", To: "bob", Body: jsontext.Value(fmt.Sprint(n + 1))}.Passing()) {
				signalingtest.Signals(func(r signalingtest.Relayed) []signalingtest.Relayed {
					text := string(r.Body)
					if r.To == "ann" && r.From == "bob" {
						text += "<ann"
					}
					got = append(got, text)
					return nil
				})(p)
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func TestHostileHubLiesAndSays(t *testing.T) {
	h := signalingtest.NewHostileHub(t, nil)
	ann := guest(t, h, "Ann")
	next[signaling.Welcome](t, ann)
	h.Meddle(signalingtest.Members(func(all []signaling.Member) []signaling.Member {
		for i := range all {
			all[i].Name = "Mallory"
		}
		return all
	}))
	bob := guest(t, h, "Bob")
	w := next[signaling.Welcome](t, bob)
	if !slices.ContainsFunc(w.Roster.Members, func(m signaling.Member) bool { return m.Name == "Mallory" }) || len(w.Roster.Members) != 2 {
		t.Errorf("Bob is told %+v", w.Roster.Members)
	}
	if c := next[signaling.RosterChange](t, ann); len(c.Joined) != 1 || c.Joined[0].Name != "Mallory" {
		t.Errorf("Ann is told %+v", c)
	}
	h.Say(signalingtest.Relayed{From: w.Roster.Members[0].ID, To: w.You, Body: jsontext.Value(`"said"`)}.Passing())
	if s := next[signaling.Signal](t, bob); string(s.Body) != `"said"` || s.From != w.Roster.Members[0].ID {
		t.Errorf("Bob hears %+v", s)
	}
}
