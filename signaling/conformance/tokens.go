package conformance

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// claims are a token's.
type claims map[string]any

// mint signs a token that is good for ten minutes, with these claims in place of the usual ones; nil leaves one out.
func (s *suite) mint(more claims) string {
	return sign("EdDSA", s.options.KeyID, s.usual(more), func(input []byte) []byte { return ed25519.Sign(s.options.Key, input) })
}

func (s *suite) usual(more claims) claims {
	c := claims{"sub": "conformance-" + rand.Text(), "exp": time.Now().Add(10 * time.Minute).Unix(), "jti": rand.Text()}
	maps.Copy(c, more)
	maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil })
	return c
}

// sign makes a JWT (RFC 7519).
func sign(alg, kid string, c claims, signature func([]byte) []byte) string {
	head := claims{"alg": alg, "typ": "JWT"}
	if kid != "" {
		head["kid"] = kid
	}
	input := encode64(head) + "." + encode64(c)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature([]byte(input)))
}

func encode64(c claims) string {
	b, err := json.Marshal(map[string]any(c))
	if err != nil {
		panic("conformance: " + err.Error()) // a rule's own mistake
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// badToken is a token that isn't let in.
type badToken struct {
	name string
	mint func(s *suite, room string) string
	code string
	kid  bool // it is about keys that have an id
}

// with has claims replaced.
func with(more claims) func(*suite, string) string {
	return func(s *suite, room string) string {
		c := claims{"room": room}
		maps.Copy(c, more)
		return s.mint(c)
	}
}

var badTokens = []badToken{
	{"nonsense", func(*suite, string) string { return "nonsense" }, "token", false},
	{"an empty one", func(*suite, string) string { return "" }, "token", false},
	{"alg none", func(s *suite, room string) string {
		return sign("none", s.options.KeyID, s.usual(claims{"room": room}), func([]byte) []byte { return nil })
	}, "token", false},
	{"alg HS256, with the public key as secret", func(s *suite, room string) string {
		return sign("HS256", s.options.KeyID, s.usual(claims{"room": room}), func(input []byte) []byte {
			h := hmac.New(sha256.New, s.options.Key.Public().(ed25519.PublicKey))
			h.Write(input)
			return h.Sum(nil)
		})
	}, "token", false},
	{"another key", func(s *suite, room string) string {
		_, key, _ := ed25519.GenerateKey(rand.Reader)
		return sign("EdDSA", s.options.KeyID, s.usual(claims{"room": room}), func(input []byte) []byte { return ed25519.Sign(key, input) })
	}, "token", false},
	{"a kid that nobody named", func(s *suite, room string) string {
		return sign("EdDSA", "nobody-named-this", s.usual(claims{"room": room}), func(input []byte) []byte { return ed25519.Sign(s.options.Key, input) })
	}, "token", true},
	{"claims that were changed", func(s *suite, room string) string {
		good := s.mint(claims{"room": room})
		other := s.mint(claims{"room": room, "permissions": []string{"join", "kick"}})
		return other[:len(other)-86] + good[len(good)-86:]
	}, "token", false},
	{"another room", with(claims{"room": "elsewhere"}), "token", false},
	{"no room", with(claims{"room": nil}), "token", false},
	{"no sub", with(claims{"sub": nil}), "token", false},
	{"an empty sub", with(claims{"sub": ""}), "token", false},
	{"a sub of 129 bytes", with(claims{"sub": strings.Repeat("x", 129)}), "token", false},
	{"a sub with a control character", with(claims{"sub": "a\nb"}), "token", false},
	{"no exp", with(claims{"exp": nil}), "token", false},
	{"an exp far away", with(claims{"exp": time.Now().Add(10 * 365 * 24 * time.Hour).Unix()}), "token", false},
	{"an exp that is past", with(claims{"exp": time.Now().Add(-2 * time.Minute).Unix()}), "expired", false},
	{"a nbf to come", with(claims{"nbf": time.Now().Add(5 * time.Minute).Unix()}), "token", false},
	{"a jti of 129 bytes", with(claims{"jti": strings.Repeat("x", 129)}), "token", false},
	{"no permission to join", with(claims{"permissions": []string{"kick", "lock"}}), "forbidden", false},
	{"no permission at all", with(claims{"permissions": []string{}}), "forbidden", false},
}

// Section 8.
var whoMayEnter = []rule{
	{"a token is needed", needsTokens, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		c.say(c.hello(fields{"token": nil}))
		c.isRefused("token", answerWait)
	}},
	{"other tokens than the operator's aren't taken", needsTokens, func(t *testing.T, s *suite) {
		for _, b := range badTokens {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				if b.kid && s.options.KeyID == "" {
					t.Skip("the hub's key has no id, so far as is known")
				}
				c := s.connect(t, newRoom())
				c.say(c.hello(fields{"token": b.mint(s, c.room)}))
				c.isRefused(b.code, answerWait)
			})
		}
	}},
	{"the identity is shown, and expiry and permissions are told", needsTokens, func(t *testing.T, s *suite) {
		ann := s.join(t, newRoom(), "Ann")
		exp := time.Now().Add(5 * time.Minute).Unix()
		bob := s.joinWith(t, ann.room, claims{"sub": "bob@example.org", "exp": exp, "permissions": []string{"lock", "join", "fly"}})
		ann.sees("Bob", answerWait, isHere(bob.id))
		if m := ann.roster.Members[1]; m.Identity != "bob@example.org" {
			t.Errorf("Bob's entry is %+v", m)
		}
		w := bob.welcome
		if w.Expires != exp*1000 || !sameSet(w.Permissions, "join", "lock") {
			t.Errorf("expires %d, permissions %v", w.Expires, w.Permissions)
		}
	}},
	{"clocks may differ by 60 s", needsTokens, func(t *testing.T, s *suite) {
		s.joinWith(t, newRoom(), claims{"nbf": time.Now().Add(30 * time.Second).Unix(), "iat": time.Now().Add(30 * time.Second).Unix()})
	}},
	{"a session resumes with its token", needsTokens, func(t *testing.T, s *suite) {
		ann, bob := s.pair(t, newRoom())
		bob.drop()
		if !bob.again(true).recovered() {
			t.Errorf("welcomed back with %v", bob.welcome)
		}
		ann.isFine()
	}},
	{"a newer token is granted", needsTokens, func(t *testing.T, s *suite) {
		c := s.joinWith(t, newRoom(), claims{"sub": "ann", "permissions": []string{"join"}})
		exp := time.Now().Add(8 * time.Minute).Unix()
		c.say(text("token", fields{"token": s.mint(claims{"room": c.room, "sub": "ann", "exp": exp, "permissions": []string{"join", "lock"}})}))
		if g := c.expect("granted"); g.Expires != exp*1000 || !sameSet(g.Permissions, "join", "lock") {
			t.Errorf("granted %v", g)
		}
		c.say(`{"type":"lock","locked":true}`)
		c.sees("the lock", answerWait, func(roster) bool { return true })
		c.isFine()
	}},
	{"a newer token of another identity is refused", needsTokens, func(t *testing.T, s *suite) {
		c := s.joinWith(t, newRoom(), claims{"sub": "ann"})
		c.say(text("token", fields{"token": s.mint(claims{"room": c.room, "sub": "bob"})}))
		c.isRefused("token", answerWait)
	}},
	{"newer tokens are refused as in a hello", needsTokens, func(t *testing.T, s *suite) {
		for _, b := range badTokens {
			if b.kid && s.options.KeyID == "" {
				continue
			}
			c := s.joinWith(t, newRoom(), nil)
			c.say(text("token", fields{"token": b.mint(s, c.room)}))
			c.isRefused(b.code, answerWait)
		}
	}},
	{"the session of another identity isn't taken over", needsTokens, func(t *testing.T, s *suite) {
		c := s.joinWith(t, newRoom(), claims{"sub": "ann"})
		other := s.connect(t, c.room)
		other.secret, other.id = c.secret, c.id
		other.say(other.hello(fields{"token": s.mint(claims{"room": c.room, "sub": "bob"})}))
		other.isRefused("token", answerWait)
		c.isFine()
	}},
	{"a kick ends session, secret and token at once", needsTokens, kick},
	{"a kick of nobody holds nothing", needsTokens, func(t *testing.T, s *suite) {
		c := s.joinWith(t, newRoom(), claims{"permissions": []string{"join", "kick"}})
		_, nobody := newSecret()
		c.say(text("kick", fields{"id": nobody}))
		if k := c.expect("kicked"); k.Holds != "nothing" || k.ID != nobody {
			t.Errorf("got %v", k)
		}
	}},
	{"who is away can be kicked", needsTokens | needsWebSocket, func(t *testing.T, s *suite) {
		room := newRoom()
		boss := s.joinWith(t, room, claims{"permissions": []string{"join", "kick"}})
		bob := s.joinWith(t, room, nil)
		boss.sees("Bob", answerWait, isHere(bob.id))
		bob.drop()
		boss.sees("Bob being away", answerWait, isAway(bob.id))
		boss.say(text("kick", fields{"id": bob.id}))
		if d := boss.leaves(bob.id, answerWait); d.Reason != "kicked" {
			t.Errorf("left with %q", d.Reason)
		}
		bob.open()
		bob.say(bob.hello(fields{"session": bob.welcome.Session, "received": bob.counted}))
		bob.isRefused("kicked", answerWait)
	}},
	{"a lock keeps newcomers out, and nobody else", needsTokens, lock},
	{"a session ends with its token", needsTokens, func(t *testing.T, s *suite) {
		wait := s.patience(t, "a token's expiry", 2*time.Second)
		c := s.joinWith(t, newRoom(), claims{"exp": time.Now().Add(2 * time.Second).Unix()})
		if end := s.options.Patience; wait < end {
			wait = end // clocks may differ
		}
		c.isRefused("expired", wait)
	}},
	{"in an open hub a kick isn't anybody's", needsOpen, func(t *testing.T, s *suite) {
		if c := s.join(t, newRoom(), "Ann"); !sameSet(c.welcome.Permissions, "join") || c.welcome.Expires != 0 {
			t.Errorf("permissions %v, expires %d", c.welcome.Permissions, c.welcome.Expires)
		}
	}},
}

// joinWith takes somebody in with a token of these claims.
func (s *suite) joinWith(t *testing.T, room string, c claims) *client {
	t.Helper()
	more := claims{"room": room}
	maps.Copy(more, c)
	member := s.connect(t, room)
	member.token = s.mint(more)
	member.enter(nil)
	return member
}

func sameSet(got []string, want ...string) bool {
	got = slices.Sorted(slices.Values(got))
	return slices.Equal(got, slices.Sorted(slices.Values(want)))
}

func kick(t *testing.T, s *suite) {
	room := newRoom()
	boss := s.joinWith(t, room, claims{"permissions": []string{"join", "kick"}})
	bob := s.joinWith(t, room, claims{"sub": "bob"})
	boss.sees("Bob", answerWait, isHere(bob.id))
	boss.say(text("kick", fields{"id": bob.id}))
	k := boss.await("the answer", answerWait, func(m message) bool { return m.Type == "kicked" })
	if k.Holds != "token" || k.ID != bob.id {
		t.Errorf("got %v", k)
	}
	bob.isRefused("kicked", answerWait)
	boss.sees("Bob's leave", answerWait, isGone(bob.id))
	bob.open()
	bob.say(bob.hello(fields{"session": bob.welcome.Session, "received": bob.counted}))
	bob.isRefused("kicked", answerWait)
	anew := s.connect(t, room) // another secret, the same token
	anew.say(anew.hello(fields{"token": bob.token}))
	anew.isRefused("kicked", answerWait)
	same := s.connect(t, room) // the same secret, another token
	same.secret, same.id = bob.secret, bob.id
	same.say(same.hello(fields{"token": s.mint(claims{"room": room, "sub": "bob"})}))
	same.isRefused("kicked", answerWait)
	s.joinWith(t, room, claims{"sub": "bob"}) // who gets a new one comes in again
}

func lock(t *testing.T, s *suite) {
	room := newRoom()
	boss := s.joinWith(t, room, claims{"permissions": []string{"join", "lock"}})
	bob := s.joinWith(t, room, nil)
	boss.say(`{"type":"lock","locked":true}`)
	isLocked := func(m message) bool { return m.Locked != nil && *m.Locked }
	boss.await("the lock", answerWait, isLocked)
	bob.await("the lock", answerWait, isLocked)
	cem := s.connect(t, room)
	cem.say(cem.hello(nil))
	cem.isRefused("locked", answerWait)
	bob.drop()
	if w := bob.again(true); !w.recovered() || !w.Roster.Locked {
		t.Errorf("who was in is welcomed back with %v", w)
	}
	boss.say(`{"type":"lock","locked":false}`)
	boss.await("the unlock", answerWait, func(m message) bool { return m.Locked != nil && !*m.Locked })
	if late := s.joinWith(t, room, nil); late.welcome.Roster.Locked {
		t.Error("the roster still says locked")
	}
}
