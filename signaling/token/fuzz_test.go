package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// FuzzVerify says anything at all to a hub.
func FuzzVerify(f *testing.F) {
	g := readGoldens(f)
	a := goldenAuthorizer(f, g)
	granted := map[string]bool{}
	for _, c := range g.Cases {
		f.Add(c.Token)
		granted[c.Token] = c.Grant != nil
	}
	f.Fuzz(func(t *testing.T, tok string) {
		if checkAuthorize(t, a, tok) && !granted[tok] {
			t.Errorf("%q is a forgery", tok)
		}
	})
}

// FuzzClaims has the backend sign anything at all: what is behind the signature is decoded as strictly.
func FuzzClaims(f *testing.F) {
	for _, m := range makings {
		header, claims := m.header, m.claims
		orElse(&header, plainHeader)
		orElse(&claims, plainClaims)
		f.Add(header, claims)
	}
	a := authorizer(f, keyA)
	f.Fuzz(func(t *testing.T, header, claims string) {
		tok := rawToken(header, claims, keyA)
		if checkAuthorize(t, a, tok) {
			if checkAuthorize(t, a, rawToken(header, claims, unknown)) {
				t.Error("anybody may sign this")
			}
			if !strings.Contains(header, "EdDSA") && !strings.Contains(header, `\u`) {
				t.Errorf("the header %q was taken", header)
			}
		}
	})
}

// checkAuthorize tells whether a token is granted, and checks what holds for every answer.
func checkAuthorize(t *testing.T, a *token.Authorizer, tok string) bool {
	grant, err := a.Authorize(t.Context(), signaling.AuthRequest{Room: "lobby", Token: tok})
	if err != nil {
		var refusal *signaling.Error
		if !errors.As(err, &refusal) {
			t.Fatalf("%v is no refusal", err)
		}
		if c := refusal.Code; c != refused && c != expired && c != forbidden {
			t.Errorf("refused with %q", c)
		}
		if m := refusal.Message; len(m) > 200 || strings.ContainsFunc(m, unicode.IsControl) {
			t.Errorf("this is no sentence: %q", m)
		}
		return false
	}
	if grant.Identity == "" || len(grant.Identity) > 128 || !utf8.ValidString(grant.Identity) || strings.ContainsFunc(grant.Identity, unicode.IsControl) {
		t.Errorf("identity %q", grant.Identity)
	}
	if left := grant.Expires.Sub(now); left <= 0 || left > 24*time.Hour+time.Minute {
		t.Errorf("expires in %v", left)
	}
	if grant.TokenID == "" || len(grant.TokenID) > 128 || !grant.Permissions.Has(signaling.PermitJoin) || len(tok) > 4096 {
		t.Errorf("%+v for %d bytes", grant, len(tok))
	}
	return true
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(goldenKeys))
	f.Add(pemOf(keyA, keyB))
	f.Add([]byte(zerosPEM))
	for _, name := range []string{"openssl.pub.pem", "openssl.pem", "encrypted.pem", "certificate.pem", "rsa.pub.pem", "p256.pub.pem", "x25519.pub.pem"} {
		f.Add([]byte(fixture(f, name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		token.ParsePrivateKey("file", data)
		keys, err := token.ParseKeys("file", data)
		if err != nil {
			if s := err.Error(); !strings.HasPrefix(s, `token: the key file "file"`) || len(s) > 400 || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("this is no sentence: %q", s)
			}
			return
		}
		if n := keys.Len(); n < 1 || n > 64 || len(keys.IDs()) > n {
			t.Errorf("%d keys, %q", n, keys.IDs())
		}
	})
}
