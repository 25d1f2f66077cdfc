package token_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// authorizer has keys without ids and the tests' clock.
func authorizer(t testing.TB, keys ...[]byte) *token.Authorizer {
	t.Helper()
	return token.NewAuthorizer(parse(t, string(pemOf(keys...))), &token.Options{Now: func() time.Time { return now }})
}

func parse(t testing.TB, text string) *token.Keys {
	t.Helper()
	keys, err := token.ParseKeys("keys", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t testing.TB, key ed25519.PrivateKey, kid string, c token.Claims) string {
	t.Helper()
	orElse(&c.Room, "lobby")
	orElse(&c.Subject, "ann")
	orElse(&c.Expires, now.Add(time.Hour))
	signed, err := token.Sign(key, kid, c)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// code is how a token fares: "" if it is granted.
func code(t testing.TB, a *token.Authorizer, tok string) string {
	t.Helper()
	_, err := a.Authorize(t.Context(), signaling.AuthRequest{Room: "lobby", Token: tok})
	var refusal *signaling.Error
	if err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	if refusal == nil {
		return ""
	}
	return refusal.Code
}

func TestSignedTokenGrants(t *testing.T) {
	c := token.Claims{
		Room: "lobby", Subject: "Ann <ann@example.org>", Expires: now.Add(time.Hour), NotBefore: now, IssuedAt: now,
		ID: "t1", Permissions: signaling.PermitJoin | signaling.PermitLock,
	}
	grant, err := authorizer(t, keyA).Authorize(t.Context(), signaling.AuthRequest{Room: "lobby", Token: sign(t, keyA, "a", c)})
	if err != nil {
		t.Fatal(err)
	}
	want := signaling.Grant{Identity: c.Subject, TokenID: "t1", Expires: now.Add(time.Hour), Permissions: c.Permissions}
	if !grant.Expires.Equal(want.Expires) {
		t.Errorf("expires %v", grant.Expires)
	}
	if grant.Expires = want.Expires; grant != want {
		t.Errorf("%+v instead of %+v", grant, want)
	}
}

func TestTokenOfOpenSSL(t *testing.T) {
	a := token.NewAuthorizer(parse(t, fixture(t, "openssl.pub.pem")), &token.Options{Now: func() time.Time { return now }})
	tok := strings.TrimSpace(fixture(t, "openssl.jwt"))
	if c := code(t, a, tok); c != "" {
		t.Errorf("refused with %s", c)
	}
	if c := code(t, authorizer(t, keyA), tok); c != refused {
		t.Errorf("a hub with another key says %q", c)
	}
}

// A real token of another algorithm, made by a library.
func TestRS256IsRefused(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"room": "lobby", "sub": "ann", "exp": now.Add(time.Hour).Unix()}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	if c := code(t, authorizer(t, keyA), signed); c != refused {
		t.Errorf("the hub says %q", c)
	}
}

// The ids of keys rule keys out; a key without an id isn't ruled out.
func TestKidChoosesTheKey(t *testing.T) {
	withIDs := token.NewAuthorizer(parse(t, goldenKeys), &token.Options{Now: func() time.Time { return now }})
	withoutIDs := authorizer(t, keyA, keyB)
	for _, c := range []struct {
		a    *token.Authorizer
		key  ed25519.PrivateKey
		kid  string
		code string
	}{
		{withIDs, keyA, "a", ""}, {withIDs, keyB, "b", ""}, {withIDs, keyB, "", ""},
		{withIDs, keyA, "b", refused}, {withIDs, keyA, "z", refused}, {withIDs, unknown, "", refused},
		{withoutIDs, keyB, "", ""}, {withoutIDs, keyB, "z", ""}, {withoutIDs, unknown, "a", refused},
	} {
		if got := code(t, c.a, sign(t, c.key, c.kid, token.Claims{})); got != c.code {
			t.Errorf("%d keys with ids, kid %q: %q instead of %q", len(c.a.Keys().IDs()), c.kid, got, c.code)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	a := authorizer(t, keyA)
	older, newer := sign(t, keyA, "", token.Claims{}), sign(t, keyB, "", token.Claims{})
	for _, step := range []struct {
		keys         [][]byte
		older, newer string
	}{
		{[][]byte{keyA}, "", refused},
		{[][]byte{keyA, keyB}, "", ""},
		{[][]byte{keyB}, refused, ""},
	} {
		a.SetKeys(parse(t, string(pemOf(step.keys...))))
		if got := code(t, a, older); got != step.older {
			t.Errorf("%d keys: the older token gets %q", len(step.keys), got)
		}
		if got := code(t, a, newer); got != step.newer {
			t.Errorf("%d keys: the newer token gets %q", len(step.keys), got)
		}
	}
}

func TestKeysRotateWhileTokensAreChecked(t *testing.T) {
	a := authorizer(t, keyA, keyB)
	tok := sign(t, keyB, "", token.Claims{})
	both, one := parse(t, string(pemOf(keyA, keyB))), parse(t, string(pemOf(keyB)))
	var checking sync.WaitGroup
	for range 4 {
		checking.Go(func() {
			for range 200 {
				if c := code(t, a, tok); c != "" {
					t.Errorf("refused with %s", c)
					return
				}
			}
		})
	}
	for range 500 {
		a.SetKeys(both)
		a.SetKeys(one)
	}
	checking.Wait()
}

// Nobody is let in by mistake where there are no keys, and it is no fault of the client.
func TestWithoutKeysNobodyComesIn(t *testing.T) {
	tok := sign(t, keyA, "", token.Claims{})
	for _, keys := range []*token.Keys{nil, {}} {
		grant, err := token.NewAuthorizer(keys, nil).Authorize(t.Context(), signaling.AuthRequest{Room: "lobby", Token: tok})
		var refusal *signaling.Error
		if err == nil || errors.As(err, &refusal) || grant != (signaling.Grant{}) {
			t.Errorf("%+v, %v", grant, err)
		}
	}
}

func TestMaxAgeIsTheOperators(t *testing.T) {
	a := token.NewAuthorizer(parse(t, string(pemOf(keyA))), &token.Options{MaxAge: time.Minute, Now: func() time.Time { return now }})
	for in, want := range map[time.Duration]string{time.Minute: "", 2 * time.Minute: "", 2*time.Minute + time.Second: refused} {
		if got := code(t, a, sign(t, keyA, "", token.Claims{Expires: now.Add(in)})); got != want {
			t.Errorf("in %v: %q", in, got)
		}
	}
}

func TestDefaultsAreADayAndTheSystemsClock(t *testing.T) {
	a := token.NewAuthorizer(parse(t, string(pemOf(keyA))), nil)
	for in, want := range map[time.Duration]string{time.Hour: "", 24 * time.Hour: "", 25 * time.Hour: refused, -time.Hour: expired} {
		if got := code(t, a, sign(t, keyA, "", token.Claims{Expires: time.Now().Add(in)})); got != want {
			t.Errorf("in %v: %q", in, got)
		}
	}
}

// A client is told what a newer token mends only if nothing else is wrong.
func TestExpiredComesLast(t *testing.T) {
	a := authorizer(t, keyA)
	past := now.Add(-time.Hour)
	for name, c := range map[string]struct {
		tok, code string
	}{
		"another room":     {sign(t, keyA, "", token.Claims{Room: "board", Expires: past}), refused},
		"an unknown key":   {sign(t, unknown, "", token.Claims{Expires: past}), refused},
		"kick only":        {sign(t, keyA, "", token.Claims{Expires: past, Permissions: signaling.PermitKick}), expired},
		"nothing but that": {sign(t, keyA, "", token.Claims{Expires: past}), expired},
	} {
		if got := code(t, a, c.tok); got != c.code {
			t.Errorf("expired, and %s: %q", name, got)
		}
	}
}

func TestEachTokenWithoutIDIsItsOwn(t *testing.T) {
	a := authorizer(t, keyA, keyB)
	seen := map[string]bool{}
	for _, tok := range []string{
		sign(t, keyA, "", token.Claims{}), sign(t, keyA, "", token.Claims{Subject: "bob"}), sign(t, keyB, "", token.Claims{}), sign(t, keyA, "x", token.Claims{}),
	} {
		grant, err := a.Authorize(t.Context(), signaling.AuthRequest{Room: "lobby", Token: tok})
		if err != nil || len(grant.TokenID) != 43 || seen[grant.TokenID] {
			t.Errorf("%q, %v", grant.TokenID, err)
		}
		seen[grant.TokenID] = true
	}
}

func TestSignRefusesWhatNoHubTakes(t *testing.T) {
	good := token.Claims{Room: "lobby", Subject: "ann", Expires: now.Add(time.Hour)}
	for say, change := range map[string]func(*token.Claims){
		"the room's name is missing":        func(c *token.Claims) { c.Room = "" },
		"the room's name holds":             func(c *token.Claims) { c.Room = "a/b" },
		"sub is empty":                      func(c *token.Claims) { c.Subject = "" },
		"sub is 129 bytes long":             func(c *token.Claims) { c.Subject = strings.Repeat("x", 129) },
		"sub holds the control character":   func(c *token.Claims) { c.Subject = "a\tb" },
		"sub is no UTF-8":                   func(c *token.Claims) { c.Subject = "\xff" },
		"jti is 129 bytes long":             func(c *token.Claims) { c.ID = strings.Repeat("x", 129) },
		"jti is no UTF-8":                   func(c *token.Claims) { c.ID = "\xff" },
		"it isn't said when the token":      func(c *token.Claims) { c.Expires = time.Time{} },
		"a token can't name the year 10000": func(c *token.Claims) { c.Expires = time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC) },
		"a token can't name the year 1969":  func(c *token.Claims) { c.NotBefore = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a token can't name the year 1900":  func(c *token.Claims) { c.IssuedAt = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		c := good
		change(&c)
		if signed, err := token.Sign(keyA, "", c); err == nil || signed != "" || !strings.HasPrefix(err.Error(), "token: "+say) {
			t.Errorf("%v doesn't say %q", err, say)
		}
	}
	if _, err := token.Sign(keyA[:31], "", good); err == nil {
		t.Error("a short key signs")
	}
	if _, err := token.Sign(keyA, strings.Repeat("k", 4000), good); err == nil || !strings.Contains(err.Error(), "4096 are allowed") {
		t.Errorf("a token that is too long: %v", err)
	}
}

func TestGeneratedKeysDiffer(t *testing.T) {
	a, b := token.GenerateKey(), token.GenerateKey()
	if a.Equal(b) || len(a) != ed25519.PrivateKeySize {
		t.Error("these aren't two keys")
	}
	if c := code(t, authorizer(t, a), sign(t, a, "", token.Claims{})); c != "" {
		t.Errorf("refused with %s", c)
	}
}

// What one hello costs the hub at most: a forged token that names no key, and all keys there may be.
func BenchmarkAuthorizeForged64Keys(b *testing.B) {
	var keys [][]byte
	for range 64 {
		keys = append(keys, token.GenerateKey())
	}
	a := authorizer(b, keys...)
	tok := sign(b, unknown, "", token.Claims{})
	for b.Loop() {
		if code(b, a, tok) != refused {
			b.Fatal("granted")
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	a := authorizer(b, keyA)
	tok := sign(b, keyA, "", token.Claims{})
	for b.Loop() {
		if code(b, a, tok) != "" {
			b.Fatal("refused")
		}
	}
}
