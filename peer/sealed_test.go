package peer

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// url is the hub's address.
func (h *testHub) url() *url.URL { return &url.URL{Scheme: "http", Host: h.addr} }

// sealedInvite is one to a new sealed room of the hub.
func (h *testHub) sealedInvite() string {
	return NewInvite(h.url()).String()
}

func joinSealed(t testing.TB, invite, name string) *Room {
	t.Helper()
	r, err := Join(t.Context(), invite, &Options{
		Name:   name,
		Meta:   jsontext.Value(`{"colour":"teal"}`),
		Logger: slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

func TestSealedRoom(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, bob := joinSealed(t, invite, "Ann"), joinSealed(t, invite, "Bob")
	for _, r := range []*Room{ann, bob} {
		until(t, r, live(1))
		if !r.Sealed() || r.Invite().String() != invite {
			t.Errorf("%s is in %s, sealed: %v", r.Self().Name, r.Invite(), r.Sealed())
		}
		if m := r.Members()[0]; string(m.Meta) != `{"colour":"teal"}` || m.Cause != "" {
			t.Errorf("%s sees %+v", r.Self().Name, m)
		}
	}
	says(t, ann, "hello")
	hears(t, bob, "Ann", "hello")
	says(t, bob, "你好")
	hears(t, ann, "Bob", "你好")
}

func TestSealedRoomWhoseHubForgets(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, bob := joinSealed(t, invite, "Ann"), joinSealed(t, invite, "Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	h.kill()
	says(t, ann, "without a hub")
	hears(t, bob, "Ann", "without a hub")
	h.start()
	cem := joinSealed(t, invite, "Cem")
	for _, r := range []*Room{ann, bob, cem} {
		until(t, r, live(2))
	}
	says(t, cem, "good morning")
	hears(t, ann, "Cem", "good morning")
	hears(t, bob, "Cem", "good morning")
}

// Who comes into a sealed room without its key is seen, and nothing is said to it.
func TestMemberWithoutTheKey(t *testing.T) {
	h := newTestHub(t)
	invite := h.sealedInvite()
	ann, err := Join(t.Context(), invite, &Options{Name: "Ann"})
	if err != nil {
		t.Fatal(err)
	}
	defer ann.Close(context.Background())
	to := ann.Invite()
	mal, err := signaling.Dial(t.Context(), to, signaling.Hello{Secret: signaling.NewSecret(), Name: "Bob", Kind: "go"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan signaling.Message, 100)
	go func() {
		defer close(said)
		for {
			m, err := mal.Receive(context.Background())
			if err != nil {
				return
			}
			said <- m
		}
	}()
	until(t, ann, func(m []Member) bool {
		return len(m) == 1 && m[0].Name == "" && m[0].State == LinkGone && m[0].Cause == CauseSealed
	})
	for _, body := range []string{`{"type":"need-offer","n":0}`, `{"type":"offer","n":1,"carrier":1,"sdp":"v=0"}`, `{"type":"sealed","salt":"AAAAAAAAAAAAAAAAAAAAAA","n":1,"data":"AAAAAAAAAAAAAAAAAAAAAAAAAAA"}`} {
		if _, err := mal.Signal(t.Context(), ann.Self().ID, jsontext.Value(body)); err != nil {
			t.Fatal(err)
		}
	}
	bob := joinSealedQuietly(t, invite, "Bob")
	until(t, bob, func(m []Member) bool { return len(m) == 2 && (m[0].State == LinkLive || m[1].State == LinkLive) })
	says(t, ann, "to who can hear") // Mal is no error
	hears(t, bob, "Ann", "to who can hear")
	mal.Close()
	until(t, ann, live(1))
	for m := range said {
		if s, ok := m.(signaling.Signal); ok {
			t.Errorf("Mal was told %s", s.Body)
		}
	}
}

func joinSealedQuietly(t testing.TB, invite, name string) *Room {
	t.Helper()
	r, err := Join(t.Context(), invite, &Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// What is wrong with an invite or a name is known before anything is sent.
func TestWrongInvitesAskNobody(t *testing.T) {
	sealed := NewInvite(&url.URL{Scheme: "http", Host: "127.0.0.1:9"}) // where nobody is
	other := NewInvite(sealed.Hub)
	open := signaling.Invite{Hub: sealed.Hub, Room: "lobby", Key: sealed.Key}
	for name, c := range map[string]struct{ invite, say string }{
		"without its key":         {strings.TrimSuffix(sealed.String(), "#"+sealed.Key), "lacks its key"},
		"of another room":         {signaling.Invite{Hub: sealed.Hub, Room: sealed.Room, Key: other.Key}.String(), "don't belong together"},
		"an open room with a key": {open.String(), "don't belong together"},
		"a damaged key":           {sealed.String() + "A", "is damaged"},
	} {
		_, err := Join(t.Context(), c.invite, nil)
		if err == nil || errors.Is(err, signaling.ErrUnreachable) || !strings.Contains(err.Error(), c.say) || strings.Contains(err.Error(), sealed.Key[:10]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Join(t.Context(), sealed.String(), &Options{Name: "a\x1bb"}); err == nil || errors.Is(err, signaling.ErrUnreachable) {
		t.Errorf("a bad name: %v", err)
	}
}
