package peer

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// joinAs joins with the keys of a device.
func joinAs(t testing.TB, invite, name, device string) *Room {
	t.Helper()
	r, err := Join(t.Context(), invite, &Options{Name: name, Identity: device, Logger: slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

func stands(name string, s Standing) func([]Member) bool {
	return func(all []Member) bool {
		for _, m := range all {
			if m.Name == name && m.State == LinkLive && m.Standing == s {
				return true
			}
		}
		return false
	}
}

func TestMembersAreKnownAgain(t *testing.T) {
	h := newTestHub(t)
	invite, anns, bobs := h.sealedInvite(), filepath.Join(t.TempDir(), "keys"), t.TempDir()
	if err := os.Chmod(bobs, 0o700); err != nil {
		t.Fatal(err)
	}
	ann, bob := joinAs(t, invite, "Ann", anns), joinAs(t, invite, "Bob", bobs)
	until(t, ann, stands("Bob", StandingUnverified))
	until(t, bob, stands("Ann", StandingUnverified))
	bob.Close(t.Context())
	until(t, ann, func(all []Member) bool { return len(all) == 0 })
	bob = joinAs(t, invite, "Bob", bobs)
	until(t, ann, stands("Bob", StandingKnown))
	until(t, bob, stands("Ann", StandingKnown))
	bob.Close(t.Context())
	until(t, ann, func(all []Member) bool { return len(all) == 0 })

	// Another device, or somebody else, under the same name.
	other := joinAs(t, invite, "Bob", "")
	until(t, ann, stands("Bob", StandingChanged))
	until(t, other, stands("Ann", StandingUnverified))
	ann.Link(other.Self().ID).Accept()
	until(t, ann, stands("Bob", StandingKnown))
}

func TestOpenRoomsHaveNoStanding(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	l := ann.Link(bob.Self().ID)
	if s := l.Member().Standing; s != "" {
		t.Errorf("Bob is %q", s)
	}
	if _, err := l.Verify(t.Context()); !errors.Is(err, errOpenRoom) {
		t.Error(err)
	}
	l.StopVerify()
	l.Accept()
}

func TestDamagedIdentityIsToldBeforeJoining(t *testing.T) {
	h := newTestHub(t)
	invite, dir := h.sealedInvite(), filepath.Join(t.TempDir(), "keys")
	ann := joinAs(t, invite, "Ann", dir)
	name := fileOf(ann.Name())
	ann.Close(t.Context())
	for _, file := range []string{name + ".key", name + ".pins"} {
		good, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Join(t.Context(), invite, &Options{Identity: dir}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// asked waits until somebody asks r's member to compare.
func asked(t testing.TB, r *Room) {
	t.Helper()
	until(t, r, func(all []Member) bool { return len(all) == 1 && all[0].Asks })
}

// compare has two members compare: a begins, b agrees.
func compare(t *testing.T, a, b *Link) (as, bs *Comparison) {
	t.Helper()
	var both sync.WaitGroup
	verify := func(l *Link, into **Comparison) {
		both.Go(func() {
			c, err := l.Verify(within(t, 20e9))
			if err != nil {
				t.Error(err)
			}
			*into = c
		})
	}
	verify(a, &as)
	asked(t, b.room)
	verify(b, &bs)
	both.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return as, bs
}

func TestTwoVerifyEachOther(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, bob := joinSealed(t, invite, "Ann"), joinSealed(t, invite, "Bob")
	until(t, ann, stands("Bob", StandingUnverified))
	until(t, bob, stands("Ann", StandingUnverified))
	toBob, toAnn := ann.Link(bob.Self().ID), bob.Link(ann.Self().ID)
	for range 2 { // whoever has the smaller id
		as, bs := compare(t, toBob, toAnn)
		if as.Emoji != bs.Emoji || as.Emoji[0].English == "" || as.Emoji[0].Chinese == "" {
			t.Errorf("%v and %v", as.Emoji, bs.Emoji)
		}
		if err := errors.Join(as.Answer(t.Context(), true), bs.Answer(t.Context(), true)); err != nil {
			t.Fatal(err)
		}
		until(t, ann, stands(toBob.Member().Name, StandingVerified))
		until(t, bob, stands(toAnn.Member().Name, StandingVerified))
		if err := as.Answer(t.Context(), false); err == nil {
			t.Error("it was answered twice")
		}
		if _, err := toBob.Verify(t.Context()); !isVerifyError(err, "busy") {
			t.Error(err)
		}
		ann, bob, toBob, toAnn = joinSealed(t, h.sealedInvite(), "Ann"), nil, nil, nil
		bob = joinSealed(t, ann.Invite().String(), "Bob")
		until(t, ann, stands("Bob", StandingUnverified))
		until(t, bob, stands("Ann", StandingUnverified))
		toBob, toAnn = bob.Link(ann.Self().ID), ann.Link(bob.Self().ID)
		ann, bob = bob, ann
	}
}

func isVerifyError(err error, reason string) bool {
	v, ok := errors.AsType[*VerifyError](err)
	return ok && v.Reason == reason && strings.HasPrefix(v.Error(), "peer: ") && len(v.Error()) > 20
}

func TestVerifyingEndsInWords(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, bob := joinSealed(t, invite, "Ann"), joinSealed(t, invite, "Bob")
	until(t, ann, stands("Bob", StandingUnverified))
	until(t, bob, stands("Ann", StandingUnverified))
	toBob, toAnn := ann.Link(bob.Self().ID), bob.Link(ann.Self().ID)

	// Who is asked doesn't want to.
	failed := make(chan error, 1)
	go func() { _, err := toBob.Verify(t.Context()); failed <- err }()
	for e := range bob.Events(within(t, 20*time.Second)) {
		if e.Type == VerifyAsked {
			break
		}
	}
	asked(t, bob)
	toAnn.StopVerify()
	if err := <-failed; !isVerifyError(err, "cancelled") {
		t.Error(err)
	}
	until(t, bob, func(all []Member) bool { return !all[0].Asks })

	// Who asks has enough.
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, err := toAnn.Verify(ctx); failed <- err }()
	asked(t, ann)
	if _, err := toAnn.Verify(t.Context()); !isVerifyError(err, "busy") {
		t.Error(err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	until(t, ann, func(all []Member) bool { return !all[0].Asks })

	// One sees other emoji, the other has said already that they match.
	as, bs := compare(t, toBob, toAnn)
	if err := as.Answer(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	until(t, ann, stands("Bob", StandingVerified))
	if err := bs.Answer(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	until(t, ann, stands("Bob", StandingKnown))
	until(t, bob, stands("Ann", StandingUnverified))

	// One sees other emoji, before the other has answered.
	as, bs = compare(t, toBob, toAnn)
	if err := bs.Answer(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	<-as.own.done
	if err := as.Answer(t.Context(), true); !isVerifyError(err, "differs") {
		t.Error(err)
	}
	bob.Close(t.Context())
	until(t, ann, func(all []Member) bool { return len(all) == 0 })
	if _, err := toBob.Verify(t.Context()); err == nil {
		t.Error("a link that is gone was verified")
	}
}
