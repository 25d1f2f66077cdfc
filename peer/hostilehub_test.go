package peer

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// Rooms whose hub is hostile. Members log nothing here: they have much to complain about.

func joinQuietly(t testing.TB, invite signaling.Invite, name string) *Room {
	t.Helper()
	r, err := Join(t.Context(), invite.String(), &Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// isLive tells whether a room's link to another's member is.
func isLive(r, to *Room) bool {
	l := r.Link(to.Self().ID)
	return l != nil && l.State() == LinkLive
}

func untilLive(t testing.TB, r *Room, others ...*Room) {
	t.Helper()
	untilWithin(t, r, 40*time.Second, func([]Member) bool {
		for _, o := range others {
			if !isLive(r, o) {
				return false
			}
		}
		return true
	})
}

// allAreWhoTheySay has everybody say who they are over each link that is live, and fails if
// somebody hears it from another.
func allAreWhoTheySay(t *testing.T, rooms ...*Room) {
	t.Helper()
	for _, from := range rooms {
		for _, to := range rooms {
			if from == to || !isLive(from, to) {
				continue
			}
			text := from.Self().ID + " to " + to.Self().ID
			if err := from.Link(to.Self().ID).Send(within(t, 20*time.Second), Text(text)); err != nil {
				t.Fatal(err)
			}
			m, err := to.Receive(within(t, 20*time.Second))
			if err != nil || string(m.Data) != text || m.From.ID != from.Self().ID || m.From.Name != from.Self().Name {
				t.Fatalf("%s heard %q from %+v, %v", to.Self().Name, m.Data, m.From, err)
			}
		}
	}
}

// onlyBetween has meddle deal with what passes between one member and newcomers, and leaves all else.
func onlyBetween(victim *Room, others []*Room, meddle func(signalingtest.Passing) []signalingtest.Passing) func(signalingtest.Passing) []signalingtest.Passing {
	spared := map[string]bool{}
	for _, o := range others {
		spared[o.Self().ID] = true
	}
	is := regexp.MustCompile(`"from":"([\w-]{22})"`)
	return func(p signalingtest.Passing) []signalingtest.Passing {
		from := is.FindSubmatch(p.Text)
		me := victim.Self().ID
		if from == nil || spared[p.Member] || spared[string(from[1])] || p.Member != me && string(from[1]) != me {
			return []signalingtest.Passing{p}
		}
		return meddle(p)
	}
}

// Whatever a hub does with the signals of two, they meet each other or nobody, the other members live on, and the two meet
// when it is honest again.
func TestHostileHubMeddlesWithSignals(t *testing.T) {
	const salt = "AAAAAAAAAAAAAAAAAAAAAA"
	offer := `{"type":"offer","n":1,"carrier":1,"sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}`
	swap := func(from, to string) (string, string) { return to, from }
	type meddle = func(signalingtest.Passing) []signalingtest.Passing
	for name, c := range map[string]struct {
		meddle func(third string) meddle
		never  bool // opens
	}{
		"swaps bodies":       {func(string) meddle { return signalingtest.SwapBodies() }, false},
		"repeats everything": {func(string) meddle { return signalingtest.RepeatAll() }, false},
		"reverses":           {func(string) meddle { return signalingtest.Reverse(3) }, false},
		"loses every second": {func(string) meddle { return signalingtest.DropEvery(2) }, false},
		"loses all":          {func(string) meddle { return signalingtest.DropEvery(1) }, true},
		"sends them back":    {func(string) meddle { return signalingtest.Redirect(swap) }, true},
		"gives them to a third": {func(third string) meddle {
			return signalingtest.Redirect(func(from, to string) (string, string) { return from, third })
		}, true},
		"gives them to a third, as another's": {func(third string) meddle {
			return signalingtest.Redirect(func(from, to string) (string, string) { return to, third })
		}, true},
		"says that they are a third's": {func(third string) meddle {
			return signalingtest.Redirect(func(from, to string) (string, string) { return third, to })
		}, true},
		"turns a bit": {func(string) meddle { return signalingtest.Signals(turnBit) }, true},
		"counts on": {func(string) meddle {
			return signalingtest.Signals(func(r signalingtest.Relayed) []signalingtest.Relayed {
				r.Body = jsontext.Value(strings.Replace(string(r.Body), `"n":`, `"n":1`, 1))
				return []signalingtest.Relayed{r}
			})
		}, true},
		"invents": {func(string) meddle {
			return signalingtest.Invent(offer, `{"type":"need-offer","n":0}`, `{"type":"candidates","n":1,"candidates":[]}`, `1`, `null`,
				`{"type":"sealed","salt":"`+salt+`","n":1,"data":""}`, `{"type":"sealed","salt":"`+salt+`","n":9007199254740991,"data":"AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := signalingtest.NewHostileHub(t, nil)
			invite := NewInvite(h.Address())
			ann, cem := joinQuietly(t, invite, "Ann"), joinQuietly(t, invite, "Cem")
			untilLive(t, ann, cem)
			untilLive(t, cem, ann)
			var meddled atomic.Int64
			meddle, before := c.meddle(cem.Self().ID), ann.Link(cem.Self().ID)
			wanted, enough := int64(2), make(chan struct{})
			if c.never {
				wanted = 6
			}
			var once sync.Once
			h.Meddle(onlyBetween(ann, []*Room{cem}, func(p signalingtest.Passing) []signalingtest.Passing {
				if meddled.Add(1) >= wanted {
					once.Do(func() { close(enough) })
				}
				return meddle(p)
			}))
			bob := joinQuietly(t, invite, "Bob")
			untilLive(t, bob, cem)
			untilLive(t, cem, bob)
			select {
			case <-enough:
			case <-time.After(20 * time.Second):
				t.Fatal("they don't try")
			}
			if c.never && (isLive(ann, bob) || isLive(bob, ann)) {
				t.Error("a link opened")
			}
			allAreWhoTheySay(t, ann, bob, cem)
			h.Meddle(nil)
			untilLive(t, ann, bob, cem)
			untilLive(t, bob, ann, cem)
			allAreWhoTheySay(t, ann, bob, cem)
			if ann.Link(cem.Self().ID) != before {
				t.Error("the others' link is another")
			}
		})
	}
}

// turnBit turns a bit of what is sealed.
func turnBit(r signalingtest.Relayed) []signalingtest.Relayed {
	at := strings.Index(string(r.Body), `"data":"`) + 8 + 5
	other := byte('A')
	if r.Body[at] == other {
		other = 'B'
	}
	r.Body = append(append(r.Body[:at:at], other), r.Body[at+1:]...)
	return []signalingtest.Relayed{r}
}

// between is a hub that puts Mallory between two who think that they meet each other: it shows neither of them Mallory, and gives Mallory
// Ann's signals to Bob, and Ann Mallory's as if they were Bob's.
func between(ann, bob, mallory string, passed *atomic.Int64) func(signalingtest.Passing) []signalingtest.Passing {
	redirect := signalingtest.Signals(func(r signalingtest.Relayed) []signalingtest.Relayed {
		switch {
		case r.From == ann && r.To == bob:
			passed.Add(1)
			return []signalingtest.Relayed{{From: ann, To: mallory, Body: r.Body}}
		case r.From == mallory && r.To == ann:
			passed.Add(1)
			return []signalingtest.Relayed{{From: bob, To: ann, Body: r.Body}}
		}
		return nil
	})
	hide := signalingtest.Members(func(all []signaling.Member) (shown []signaling.Member) {
		for _, m := range all {
			if m.ID != mallory {
				shown = append(shown, m)
			}
		}
		return shown
	})
	return func(p signalingtest.Passing) (out []signalingtest.Passing) {
		if p.Member == mallory {
			return redirect(p)
		}
		for _, shown := range hide(p) {
			out = append(out, redirect(shown)...)
		}
		return out
	}
}

// In an open room a hub can become the other end of a link. In a sealed one it can't.
func TestHostileHubPutsSomebodyBetween(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed %v", sealed), func(t *testing.T) {
			t.Parallel()
			h := signalingtest.NewHostileHub(t, nil)
			invite := h.Invite("lobby")
			if sealed {
				invite = NewInvite(h.Address())
			}
			var passed atomic.Int64
			ann, bob, mallory := newMember(t, invite, "Ann"), newMember(t, invite, "Bob"), newMember(t, signaling.Invite{Hub: invite.Hub, Room: invite.Room}, "Bob")
			id := func(r *Room) string { return r.secret.MemberID() }
			for (id(ann) < id(bob)) != (id(ann) < id(mallory)) { // or both would offer
				mallory = newMember(t, signaling.Invite{Hub: invite.Hub, Room: invite.Room}, "Bob")
			}
			h.Meddle(between(id(ann), id(bob), id(mallory), &passed))
			for _, r := range []*Room{mallory, bob, ann} {
				if _, err := enter(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { r.Close(context.Background()) })
			}
			if !sealed {
				untilLive(t, ann, bob)
				if err := ann.Link(id(bob)).Send(within(t, 20*time.Second), Text("for Bob alone")); err != nil {
					t.Fatal(err)
				}
				if m, err := mallory.Receive(within(t, 20*time.Second)); err != nil || string(m.Data) != "for Bob alone" {
					t.Errorf("this hub is harmless: %q, %v", m.Data, err)
				}
				return
			}
			for deadline := time.After(30 * time.Second); passed.Load() < 8; {
				select {
				case <-time.After(10 * time.Millisecond):
				case <-deadline:
					t.Fatalf("%d signals", passed.Load())
				}
			}
			if isLive(ann, bob) || isLive(bob, ann) {
				t.Error("a link opened")
			}
			for _, m := range append(mallory.Members(), ann.Members()...) {
				if m.State == LinkLive {
					t.Errorf("a link opened to %+v", m)
				}
			}
			h.Meddle(nil)
			untilLive(t, ann, bob)
			untilLive(t, bob, ann)
			allAreWhoTheySay(t, ann, bob)
		})
	}
}

// newMember is a room that isn't entered yet; without a key in the invite it speaks openly, in a sealed room, too.
func newMember(t testing.TB, invite signaling.Invite, name string) *Room {
	t.Helper()
	var key *roomKey
	if invite.Key != "" {
		var err error
		if key, err = keyOf(invite); err != nil {
			t.Fatal(err)
		}
	}
	return newRoom(invite, key, &Options{Name: name})
}

// A hub that lies about who is there makes nobody trust anybody.
func TestHostileHubLiesAboutTheRoster(t *testing.T) {
	swap := func(all []signaling.Member) []signaling.Member {
		if len(all) >= 2 {
			last := len(all) - 1
			all[0].Meta, all[last].Meta = all[last].Meta, all[0].Meta
		}
		return all
	}
	strangerID := strings.Repeat("M", 21) + "A"
	for name, c := range map[string]struct {
		lie       func([]signaling.Member) []signaling.Member
		strangers int // that a newcomer sees
	}{
		"swaps entries": {swap, 1},
		"puts names beside entries": {func(all []signaling.Member) []signaling.Member {
			for i := range all {
				all[i].Name = "Mallory"
			}
			return all
		}, 0},
		"invents a member": {func(all []signaling.Member) []signaling.Member {
			return append(all, signaling.Member{ID: strangerID, Name: "Ann", Kind: "go", Meta: jsontext.Value(`{"sealed":{"salt":"AAAAAAAAAAAAAAAAAAAAAA","data":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`), Joined: all[len(all)-1].Joined})
		}, 1},
		"copies an entry": {func(all []signaling.Member) []signaling.Member {
			copied := all[0]
			copied.ID = strangerID
			return append(all, copied)
		}, 1},
		"leaves entries out": {func(all []signaling.Member) []signaling.Member {
			for i := range all {
				all[i].Meta = jsontext.Value(`{}`)
			}
			return all
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := signalingtest.NewHostileHub(t, nil)
			invite := NewInvite(h.Address())
			ann, cem := joinQuietly(t, invite, "Ann"), joinQuietly(t, invite, "Cem")
			untilLive(t, ann, cem)
			untilLive(t, cem, ann)
			known := map[string]bool{ann.Self().ID: true, cem.Self().ID: true}
			meddle := signalingtest.Members(c.lie)
			h.Meddle(func(p signalingtest.Passing) []signalingtest.Passing {
				if known[p.Member] { // the newcomer alone is lied to
					return []signalingtest.Passing{p}
				}
				return meddle(p)
			})
			bob := joinQuietly(t, invite, "Bob")
			if bob.Self().Name != "Bob" {
				t.Errorf("Bob is %+v", bob.Self())
			}
			strangers := 0
			for _, m := range bob.Members() {
				switch {
				case m.Cause == CauseSealed:
					strangers++
					if m.Name != "" || bob.Link(m.ID) != nil {
						t.Errorf("Bob believes in %+v", m)
					}
				case m.Name != "Ann" && m.Name != "Cem":
					t.Errorf("Bob sees %+v", m)
				}
			}
			if strangers != c.strangers {
				t.Errorf("Bob sees %d strangers: %s", strangers, describe(bob.Members()))
			}
			for _, other := range []*Room{ann, cem} {
				if m := bob.Link(other.Self().ID); m != nil {
					untilLive(t, bob, other)
					untilLive(t, other, bob)
				}
			}
			allAreWhoTheySay(t, ann, bob, cem)
			h.Meddle(nil)
			bob.hub.Redial() // it hears the truth
			untilLive(t, bob, ann, cem)
			untilLive(t, ann, bob, cem)
			allAreWhoTheySay(t, ann, bob, cem)
		})
	}
}

// Everything that a hub saw of two members' conversation, looked through, also what it may have decoded. In an open room
// the same look finds it all.
func TestHubOfASealedRoomLearnsNothing(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		h := signalingtest.NewHostileHub(t, nil)
		invite := h.Invite("lobby")
		if sealed {
			invite = NewInvite(h.Address())
		}
		var rooms []*Room
		for _, name := range []string{"Annabella", "Bartholomew"} {
			r, err := Join(t.Context(), invite.String(), &Options{Name: name, Meta: jsontext.Value(`{"colour":"chartreuse"}`)})
			if err != nil {
				t.Fatal(err)
			}
			rooms = append(rooms, r)
		}
		ann, bob := rooms[0], rooms[1]
		untilLive(t, ann, bob)
		untilLive(t, bob, ann)
		says(t, ann, "the treasure")
		hears(t, bob, "Annabella", "the treasure")
		if bob.Members()[0].Name != "Annabella" || string(bob.Members()[0].Meta) != `{"colour":"chartreuse"}` {
			t.Errorf("Bob sees %+v", bob.Members()[0])
		}
		ann.Close(t.Context())
		bob.Close(t.Context())
		seen := string(h.Seen())
		for _, text := range regexp.MustCompile(`[\w-]{20,}`).FindAllString(seen, -1) {
			plain, _ := base64.RawURLEncoding.DecodeString(text)
			seen += "\n" + string(plain)
		}
		if strings.Contains(seen, "the treasure") || invite.Key != "" && strings.Contains(seen, invite.Key[:12]) {
			t.Errorf("sealed %v: the hub saw what was said, or the key", sealed)
		}
		if !strings.Contains(seen, `"type":"signal"`) || !strings.Contains(seen, ann.Self().ID) {
			t.Errorf("sealed %v: the hub saw nothing at all", sealed)
		}
		for _, secret := range []string{"Annabella", "Bartholomew", "colour", "chartreuse", "m=application", "fingerprint", "sha-256", "candidate", "ufrag", "offer", "answer"} {
			if strings.Contains(seen, secret) == sealed {
				t.Errorf("sealed %v: what the hub saw holds %q: %v", sealed, secret, sealed)
			}
		}
	}
}

// When nothing but forgeries comes from a member, that is said.
func TestForgeriesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newVirtualLab(t, 0)
		l.invite = NewInvite(&url.URL{Scheme: "http", Host: "hub.test"}).String()
		l.logger = slog.New(slog.DiscardHandler)
		l.loseSignals(func(string) bool { return true })
		ann, bob := l.join("Ann"), l.join("Bob")
		until(t, ann, func(m []Member) bool { return len(m) == 1 })
		ann.signaled(signaling.Signal{From: bob.Self().ID, Body: bob.seal.signal("another", jsontext.Value(`{}`))})
		untilWithin(t, ann, time.Minute, func(m []Member) bool { return m[0].State == LinkGone && m[0].Cause == CauseForged })
		untilWithin(t, bob, time.Minute, func(m []Member) bool { return m[0].State == LinkGone && m[0].Cause == CauseTimeout })
		l.loseSignals(func(string) bool { return false })
		untilWithin(t, ann, 2*time.Minute, live(1))
	})
}
