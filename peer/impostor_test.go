package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// Hubs that have the room's key, as a former member gives it to them, and know every session's secret; and members
// who are hostile. What keeps them out is each member's own key.

// remade opens a signal as who has the room's key can, has f change it, and seals it as if its sender had.
func remade(t *testing.T, invite signaling.Invite, r signalingtest.Relayed, f func(*signal)) signalingtest.Relayed {
	t.Helper()
	key, err := keyOf(invite)
	if err != nil {
		t.Fatal(err)
	}
	var m sealedSignal
	if err := json.Unmarshal(r.Body, &m); err != nil {
		t.Error(err)
	}
	salt, _ := fromBase64(m.Salt)
	data, _ := fromBase64(m.Data)
	as := newSealWith(key, r.From, [saltSize]byte(salt))
	plain, err := as.own.Open(nil, counterNonce(m.N), data, as.signalData(r.From, r.To, m.N))
	if err != nil {
		t.Error(err)
		return r
	}
	s, err := decodeSignal(plain)
	if err != nil {
		t.Error(err)
		return r
	}
	f(&s)
	m.Data = base64.RawURLEncoding.EncodeToString(as.own.Seal(nil, counterNonce(m.N), s.encode(), as.signalData(r.From, r.To, m.N)))
	r.Body, _ = json.Marshal(m)
	return r
}

// complaints keeps what is logged.
type complaints struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newWarnings() *complaints { return &complaints{more: make(chan struct{}, 1)} }

func (w *complaints) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.text.Write(b)
}

func (w *complaints) await(t *testing.T, text string) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	for {
		w.mu.Lock()
		all := w.text.String()
		w.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
		select {
		case <-w.more:
		case <-ctx.Done():
			t.Fatalf("no %q in %s", text, all)
		}
	}
}

func (w *complaints) join(t *testing.T, invite signaling.Invite, name string) *Room {
	t.Helper()
	r, err := Join(t.Context(), invite.String(), &Options{Name: name, Logger: slog.New(slog.NewTextHandler(w, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// otherFingerprint puts another certificate into a description.
func otherFingerprint(s *signal) {
	at := strings.Index(s.SDP, fingerprintLine)
	if at < 0 {
		return
	}
	var f fingerprint
	rand.Read(f[:])
	text := strings.ToUpper(hex.EncodeToString(f[:]))
	var line []string
	for i := range f {
		line = append(line, text[2*i:2*i+2])
	}
	end := at + len(fingerprintLine) + 3*len(f) - 1
	s.SDP = s.SDP[:at+len(fingerprintLine)] + strings.Join(line, ":") + s.SDP[end:]
}

// What a hub that has the room's key changes in what members have signed is dropped, and it is said. When it is honest, they meet.
func TestHubWithTheRoomsKeyChangesDescriptions(t *testing.T) {
	for name, change := range map[string]func(*signal){
		"swaps fingerprints": otherFingerprint,
		"swaps fingerprints, and signs": func(s *signal) {
			otherFingerprint(s)
			if s.describes() {
				p := newIdentity().sign([]byte("x"))
				s.Identity = &p
			}
		},
		"takes proofs away":        func(s *signal) { s.Identity = nil },
		"counts on":                func(s *signal) { s.N += 2 },
		"tells of another carrier": func(s *signal) { s.Carrier++ },
		"changes what is said":     func(s *signal) { s.SDP += "a=x:y\r\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := signalingtest.NewHostileHub(t, nil)
			invite := NewInvite(h.Address())
			h.Meddle(signalingtest.Signals(func(r signalingtest.Relayed) []signalingtest.Relayed {
				return []signalingtest.Relayed{remade(t, invite, r, func(s *signal) {
					if s.describes() {
						change(s)
					}
				})}
			}))
			said := newWarnings()
			ann, bob := said.join(t, invite, "Ann"), said.join(t, invite, "Bob")
			said.await(t, "a description was dropped")
			if isLive(ann, bob) || isLive(bob, ann) {
				t.Error("a link opened")
			}
			h.Meddle(nil)
			untilLive(t, ann, bob)
			untilLive(t, bob, ann)
			allAreWhoTheySay(t, ann, bob)
		})
	}
}

// A description that was signed for one member is of no use to another, nor under another's id.
func TestSignedDescriptionsAreForOneMember(t *testing.T) {
	h := signalingtest.NewHostileHub(t, nil)
	invite := NewInvite(h.Address())
	var mu sync.Mutex
	var signed []signal // all that were
	h.Meddle(signalingtest.Signals(func(r signalingtest.Relayed) []signalingtest.Relayed {
		return []signalingtest.Relayed{remade(t, invite, r, func(s *signal) {
			if s.Type == signalOffer {
				mu.Lock()
				defer mu.Unlock()
				signed = append(signed, *s)
			}
		})}
	}))
	ann, bob := joinQuietly(t, invite, "Ann"), joinQuietly(t, invite, "Bob")
	untilLive(t, ann, bob)
	untilLive(t, bob, ann)
	mu.Lock()
	offer := signed[0]
	mu.Unlock()

	// Mallory, who is a member, says that offer as its own.
	said := newWarnings()
	cem := said.join(t, invite, "Cem")
	mal, err := signaling.ParseInvite(invite.String())
	if err != nil {
		t.Fatal(err)
	}
	key, err := keyOf(mal)
	if err != nil {
		t.Fatal(err)
	}
	mallory := newRoom(mal, key, &Options{Name: "Ann"})
	mallory.trust.identity = &identity{key: ann.trust.identity.key, private: newIdentity().private}
	if _, err := enter(t.Context(), mallory); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mallory.Close(context.Background()) })
	for _, to := range []*Room{cem, bob} {
		mallory.signal(to.Self().ID, offer.encode())
	}
	said.await(t, "the signature doesn't fit")
	for _, r := range []*Room{ann, bob, cem} {
		if isLive(r, mallory) {
			t.Errorf("%s has a link to Mallory", r.Self().Name)
		}
	}
	untilLive(t, cem, ann, bob)
	allAreWhoTheySay(t, ann, bob, cem)
}

// pose joins as a session whose secret is known.
func pose(t *testing.T, invite signaling.Invite, name string, secret signaling.Secret) *Room {
	t.Helper()
	key, err := keyOf(invite)
	if err != nil {
		t.Fatal(err)
	}
	r := newRoom(invite, key, &Options{Name: name})
	r.secret, r.seal = secret, newSeal(key, secret.MemberID())
	if _, err := enter(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// A hub that has the room's key shows each of two members a world of its own, in which it is the other. They
// see that the other's key is none that they know, and the emoji differ, whatever the hub agrees to.
func TestHubWithTheRoomsKeyInBetween(t *testing.T) {
	annsHub, bobsHub := newTestHub(t), newTestHub(t)
	invite := NewInvite(annsHub.url())
	elsewhere := signaling.Invite{Hub: bobsHub.url(), Room: invite.Room, Key: invite.Key}
	anns, bobs := t.TempDir()+"/keys", t.TempDir()+"/keys"

	// They have met before.
	ann, bob := joinAs(t, invite.String(), "Ann", anns), joinAs(t, invite.String(), "Bob", bobs)
	until(t, ann, stands("Bob", StandingUnverified))
	until(t, bob, stands("Ann", StandingUnverified))
	ann.Close(t.Context())
	bob.Close(t.Context())

	ann, bob = joinAs(t, invite.String(), "Ann", anns), joinAs(t, elsewhere.String(), "Bob", bobs)
	asBob, asAnn := pose(t, invite, "Bob", bob.secret), pose(t, elsewhere, "Ann", ann.secret)
	until(t, ann, stands("Bob", StandingChanged))
	until(t, bob, stands("Ann", StandingChanged))
	until(t, asBob, live(1))
	until(t, asAnn, live(1))
	a, _ := compare(t, ann.Link(bob.secret.MemberID()), asBob.Link(ann.Self().ID))
	b, _ := compare(t, bob.Link(ann.secret.MemberID()), asAnn.Link(bob.Self().ID))
	if a.Emoji == b.Emoji {
		t.Error("the emoji are the same with somebody in between")
	}
}

// Who takes over a session, as a hub can that knows its secret, has another key than the one that came under that id
// first, and is refused.
func TestSessionIsNobodyElses(t *testing.T) {
	h := newTestHub(t)
	invite, err := signaling.ParseInvite(h.sealedInvite())
	if err != nil {
		t.Fatal(err)
	}
	said := newWarnings()
	ann := said.join(t, invite, "Ann")
	bob := joinQuietly(t, invite, "Bob")
	untilLive(t, ann, bob)
	key := ann.trust.key(bob.Self().ID)
	bobID, salt := bob.secret.MemberID(), bob.seal.salt
	taking := make(chan struct{})
	go func() { defer close(taking); bob.Close(context.Background()) }()
	<-taking
	until(t, ann, func(all []Member) bool { return len(all) == 0 })

	k, err := keyOf(invite)
	if err != nil {
		t.Fatal(err)
	}
	old, _ := fromBase64(salt)
	mallory := newRoom(invite, k, &Options{Name: "Bob"})
	mallory.secret, mallory.seal = bob.secret, newSealWith(k, bobID, [saltSize]byte(old))
	mallory.seal.n = 1 << 20
	if _, err := enter(t.Context(), mallory); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mallory.Close(context.Background()) })
	said.await(t, "another key than the first")
	if isLive(ann, mallory) || ann.trust.key(bobID) != key {
		t.Error("Mallory is Bob")
	}
}

// A member that confirms other certificates, or with another key, than those of its description is refused before anything
// is said to it or heard of it.
func TestHelloThatDoesNotFitEndsTheLink(t *testing.T) {
	h := signalingtest.NewHostileHub(t, nil)
	invite := NewInvite(h.Address())
	said := newWarnings()
	bob := newMember(t, invite, "Bob")
	bob.options.Logger = slog.New(slog.NewTextHandler(said, nil))
	mallory := newMember(t, invite, "Mallory")
	var swapped atomic.Bool
	h.Meddle(signalingtest.Signals(func(r signalingtest.Relayed) []signalingtest.Relayed {
		// Mallory has signed its description; until that arrives nobody can say hello.
		if r.From == mallory.secret.MemberID() && swapped.CompareAndSwap(false, true) {
			done := make(chan struct{})
			mallory.Link(bob.secret.MemberID()).mail.post(func() {
				mallory.trust.identity = &identity{key: mallory.trust.identity.key, private: newIdentity().private}
				close(done)
			})
			<-done
		}
		return []signalingtest.Relayed{r}
	}))
	// The newcomer is Mallory, who offers: its description is its first signal.
	for _, r := range []*Room{bob, mallory} {
		if _, err := enter(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(context.Background()) })
	}
	until(t, bob, func(all []Member) bool { return len(all) == 1 })
	err := bob.Link(mallory.Self().ID).Send(within(t, 20*time.Second), Text("for a friend"))
	var gone *GoneError
	if !errors.As(err, &gone) || gone.Cause != CauseRefused {
		t.Errorf("Bob's message: %v", err)
	}
	said.await(t, "the other side can't prove who it is")
	until(t, mallory, func(all []Member) bool { return all[0].State == LinkGone })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := mallory.Receive(ctx); err == nil {
		t.Errorf("Mallory heard %q", m.Data)
	}
}

// Each way in which a hello may not fit.
func TestHellosAreChecked(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, bob := joinSealed(t, invite, "Ann"), joinSealed(t, invite, "Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	toBob, toAnn := ann.Link(bob.Self().ID), bob.Link(ann.Self().ID)
	in := func(l *Link, f func()) {
		done := make(chan struct{})
		l.mail.post(func() { f(); close(done) })
		<-done
	}
	hello := control{Type: controlHello}
	var view helloView
	in(toBob, func() {
		if err := toBob.signHello(&hello); err != nil {
			t.Error(err)
		}
		own, theirs, _ := toBob.ends()
		view = helloView{ann.Name(), ann.Self().ID, bob.Self().ID, toBob.machine.number, own, theirs, bob.trust.identity.key}
	})
	signed := func(change func(*helloView)) control {
		v := view
		change(&v)
		return control{Type: controlHello, Identity: v.sign(ann.trust.identity).encode()}
	}
	for name, c := range map[string]struct {
		hello control
		fits  bool
	}{
		"as it is":            {hello, true},
		"signed again":        {signed(func(*helloView) {}), true},
		"no proof":            {control{Type: controlHello}, false},
		"no hello":            {control{Type: controlAck, Identity: hello.Identity}, false},
		"rubbish":             {control{Type: controlHello, Identity: jsontext.Value(`{"key":1}`)}, false},
		"of another carrier":  {signed(func(v *helloView) { v.carrier++ }), false},
		"of another room":     {signed(func(v *helloView) { v.room += "x" }), false},
		"ends the wrong way":  {signed(func(v *helloView) { v.own, v.other = v.other, v.own }), false},
		"another certificate": {signed(func(v *helloView) { v.own[0] ^= 1 }), false},
		"for somebody else":   {signed(func(v *helloView) { v.otherKey[0] ^= 1 }), false},
		"by another key":      {control{Type: controlHello, Identity: view.sign(newIdentity()).encode()}, false},
	} {
		in(toAnn, func() {
			if err := toAnn.checkHello(c.hello, toAnn.carrier.Load()); (err == nil) != c.fits {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	in(toAnn, func() { // DTLS has seen another certificate than the description says
		was := *toAnn.proving.theirs
		defer func() { *toAnn.proving.theirs = was }()
		toAnn.proving.theirs[0] ^= 1
		forged := signed(func(v *helloView) { v.own[0] ^= 1 })
		if err := toAnn.checkHello(forged, toAnn.carrier.Load()); !errors.Is(err, errOtherCertificate) {
			t.Error(err)
		}
	})
}

// A member that calls itself like another is shown as such.
func TestMemberWithAnothersName(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, bob := joinSealed(t, invite, "Ann"), joinSealed(t, invite, "Bob")
	until(t, bob, stands("Ann", StandingUnverified))
	mallory := joinSealed(t, invite, "Ann")
	until(t, bob, func(all []Member) bool {
		return len(all) == 2 && all[0].Standing == StandingUnverified && all[1].Standing == StandingChanged
	})
	until(t, mallory, live(2))
	until(t, ann, live(2))
	says(t, mallory, "it's me")
	if m, err := bob.Receive(within(t, 20*time.Second)); err != nil || m.From.Standing != StandingChanged {
		t.Errorf("%+v, %v", m.From, err)
	}
}
