package peer

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// sealVectors were worked out by another program: scripts/seal_vectors.py.
type sealVectors struct {
	Keys []struct {
		Key, Room, Signals, Content, Sender, From, Salt string
	}
	Invites []struct{ Name, Invite, Room, Key, Error string }
	Entries []struct {
		Name, Key, From, Salt, Plain string
		Meta                         jsontext.Value
		Unreadable                   bool
	}
	Signals []struct {
		Name, Key, From, To, Salt, Plain string
		N                                uint64
		Body                             jsontext.Value
		Dropped                          bool
	}
	Windows []struct {
		Name  string
		Steps []struct {
			N     uint64
			Taken bool
		}
	}
}

func readSealVectors(t testing.TB) (v sealVectors) {
	t.Helper()
	data, err := os.ReadFile("../signaling/testdata/seal.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if len(v.Keys)*len(v.Invites)*len(v.Entries)*len(v.Signals)*len(v.Windows) == 0 {
		t.Fatal("there are none of a kind")
	}
	return v
}

func decoded(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vectorSeal is a seal of a vector's key, member and salt.
func vectorSeal(t testing.TB, key, self, salt string) *seal {
	return newSealWith(deriveKey(decoded(t, key)), self, [saltSize]byte(decoded(t, salt)))
}

func TestVectorsOfKeys(t *testing.T) {
	for _, c := range readSealVectors(t).Keys {
		k := deriveKey(decoded(t, c.Key))
		if k.room != c.Room || hex.EncodeToString(k.signals) != c.Signals {
			t.Errorf("%s: %s, %x", c.Key, k.room, k.signals)
		}
		key, err := hkdf.Key(sha256.New, k.signals, decoded(t, c.Salt), "snug.v1 sender\x00"+c.From, roomKeySize)
		if err != nil || hex.EncodeToString(key) != c.Sender {
			t.Errorf("%s: the sender's key is %x, %v", c.Key, key, err)
		}
	}
}

func TestVectorsOfInvites(t *testing.T) {
	words := map[string]string{"no-key": "lacks its key", "wrong-key": "don't belong together", "damaged-key": "is damaged"}
	for _, c := range readSealVectors(t).Invites {
		t.Run(c.Name, func(t *testing.T) {
			i, err := signaling.ParseInvite(c.Invite)
			if err == nil {
				_, err = keyOf(i)
			}
			if c.Error != "" {
				if err == nil || !strings.Contains(err.Error(), words[c.Error]) {
					t.Errorf("got %v, want %s", err, c.Error)
				}
				return
			}
			if err != nil || i.Room != c.Room || i.Key != c.Key || i.String() != strings.TrimSuffix(c.Invite, "#") {
				t.Errorf("got %v, %v", i, err)
			}
		})
	}
}

func TestVectorsOfEntries(t *testing.T) {
	for _, c := range readSealVectors(t).Entries {
		t.Run(c.Name, func(t *testing.T) {
			s := newSeal(deriveKey(decoded(t, c.Key)), "somebody else")
			m, err := s.enter(signaling.Member{ID: c.From, Name: "from the hub", Meta: c.Meta})
			if c.Unreadable {
				if err == nil || m.Name != "" || string(m.Meta) != "{}" {
					t.Errorf("got %+v, %v", m, err)
				}
				return
			}
			plain, _ := json.Marshal(card{m.Name, m.Meta})
			if err != nil || string(plain) != c.Plain {
				t.Errorf("got %s, %v", plain, err)
			}
			again, err := vectorSeal(t, c.Key, c.From, c.Salt).entry(m.Name, m.Meta)
			want := c.Meta
			want.Compact()
			if err != nil || string(again) != string(want) {
				t.Errorf("seals %s, %v", again, err)
			}
		})
	}
}

func TestVectorsOfSealedSignals(t *testing.T) {
	for _, c := range readSealVectors(t).Signals {
		t.Run(c.Name, func(t *testing.T) {
			meta, err := vectorSeal(t, c.Key, c.From, c.Salt).entry("", nil)
			if err != nil {
				t.Fatal(err)
			}
			s := newSeal(deriveKey(decoded(t, c.Key)), c.To)
			if _, err := s.enter(signaling.Member{ID: c.From, Meta: meta}); err != nil {
				t.Fatal(err)
			}
			plain, err := s.open(c.From, c.Body)
			if c.Dropped {
				if err == nil {
					t.Errorf("got %s", plain)
				}
				return
			}
			if err != nil || string(plain) != c.Plain {
				t.Errorf("got %s, %v", plain, err)
			}
			if _, err := s.open(c.From, c.Body); !errors.Is(err, errRepeated) {
				t.Errorf("a second time: %v", err)
			}
			own := vectorSeal(t, c.Key, c.From, c.Salt)
			own.n = c.N - 1
			want := c.Body
			want.Compact()
			if again := own.signal(c.To, plain); string(again) != string(want) {
				t.Errorf("seals %s", again)
			}
		})
	}
}

func TestVectorsOfWindows(t *testing.T) {
	for _, c := range readSealVectors(t).Windows {
		var w replayWindow
		for _, step := range c.Steps {
			taken := w.isNew(step.N)
			if taken {
				w.take(step.N)
			}
			if taken != step.Taken {
				t.Errorf("%s: %d is taken: %v", c.Name, step.N, taken)
			}
		}
	}
}

func TestForgedSignalsDoNotMoveTheWindow(t *testing.T) {
	k := deriveKey(make([]byte, roomKeySize))
	ann, bob := newSeal(k, "ann"), newSeal(k, "bob")
	meta, _ := ann.entry("Ann", nil)
	bob.enter(signaling.Member{ID: "ann", Meta: meta})
	first := ann.signal("bob", jsontext.Value(`{"type":"first"}`))
	forged := jsontext.Value(strings.Replace(string(first), `"n":1`, `"n":1000`, 1))
	if _, err := bob.open("ann", forged); err == nil {
		t.Fatal("a forged counter was taken")
	}
	if plain, err := bob.open("ann", first); err != nil || string(plain) != `{"type":"first"}` {
		t.Errorf("got %s, %v", plain, err)
	}
}

// What a member said of itself first stays, whatever a roster says later; so does the salt.
func TestEntriesAreKept(t *testing.T) {
	k := deriveKey(make([]byte, roomKeySize))
	first, second, bob := newSeal(k, "ann"), newSeal(k, "ann"), newSeal(k, "bob")
	for _, s := range []*seal{first, second} {
		meta, _ := s.entry("Ann", nil)
		if m, err := bob.enter(signaling.Member{ID: "ann", Meta: meta}); err != nil || m.Name != "Ann" {
			t.Fatalf("got %+v, %v", m, err)
		}
	}
	if m, err := bob.enter(signaling.Member{ID: "ann", Name: "Mallory", Meta: jsontext.Value("{}")}); err != nil || m.Name != "Ann" {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := bob.open("ann", second.signal("bob", jsontext.Value(`1`))); err == nil {
		t.Error("a second session under the same id was heard")
	}
	if _, err := bob.open("ann", first.signal("bob", jsontext.Value(`1`))); err != nil {
		t.Error(err)
	}
}

func TestMembersAreNotForgotten(t *testing.T) {
	k := deriveKey(make([]byte, roomKeySize))
	bob := newSeal(k, "bob")
	for i := range maxSpeakers + 1 {
		id := fmt.Sprint(i)
		meta, _ := newSeal(k, id).entry("", nil)
		if _, err := bob.enter(signaling.Member{ID: id, Meta: meta}); (err != nil) != (i == maxSpeakers) {
			t.Fatalf("member %d: %v", i, err)
		}
	}
}

func TestEntriesThatAreRefusedBeforeTheyAreSaid(t *testing.T) {
	s := newSeal(deriveKey(make([]byte, roomKeySize)), "ann")
	for name, c := range map[string]struct{ name, meta, say string }{
		"a long name":         {strings.Repeat("x", 129), "", "name is 129 bytes long; 128 are allowed"},
		"a control character": {"a\x1bb", "", "control character U+001B"},
		"long metadata":       {"Ann", `{"x":"` + strings.Repeat("x", 690) + `"}`, "in a sealed room 704 are allowed"},
		"metadata, no object": {"Ann", `[]`, "metadata must be a JSON object"},
		"metadata, no JSON":   {"Ann", `{"x`, "must be JSON"},
		"a name, no UTF-8":    {"\xff", "", "must be JSON"},
	} {
		var meta jsontext.Value
		if c.meta != "" {
			meta = jsontext.Value(c.meta)
		}
		if _, err := s.entry(c.name, meta); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInvitesAreDrawnAnew(t *testing.T) {
	hub, _ := url.Parse("https://hub.example")
	a, b := NewInvite(hub), NewInvite(hub)
	if a.Key == b.Key || a.Room == b.Room || !a.Sealed() {
		t.Errorf("%s and %s", a, b)
	}
	again, err := signaling.ParseInvite(a.String())
	if err != nil || again.Key != a.Key {
		t.Fatalf("%v, %v", again, err)
	}
	if k, err := keyOf(again); err != nil || k.room != a.Room {
		t.Errorf("%v, %v", k, err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("joined", "invite", a)
	if shown := log.String() + fmt.Sprintf("%#v", a); strings.Contains(shown, a.Key) || !strings.Contains(shown, a.Room) {
		t.Errorf("shows %s", shown)
	}
}

func FuzzOpenSealed(f *testing.F) {
	for _, c := range readSealVectors(f).Signals {
		f.Add([]byte(c.Body))
	}
	for _, c := range readSealVectors(f).Entries {
		f.Add([]byte(c.Meta))
	}
	v := readSealVectors(f).Signals[0]
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSeal(deriveKey(decoded(t, v.Key)), v.To)
		if m, err := s.enter(signaling.Member{ID: v.From, Meta: data}); err == nil && signaling.CheckName(m.Name) != nil {
			t.Errorf("a bad name: %q", m.Name)
		}
		meta, _ := vectorSeal(t, v.Key, v.From, v.Salt).entry("", nil)
		s.enter(signaling.Member{ID: v.From, Meta: meta})
		if plain, err := s.open(v.From, data); err == nil {
			if _, err := s.open(v.From, data); !errors.Is(err, errRepeated) {
				t.Errorf("%s was opened twice", plain)
			}
			decodeSignal(plain)
		}
	})
}
