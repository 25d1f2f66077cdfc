package doctor

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// guardedLab is a hub that asks for tokens, and lets an identity in once.
func guardedLab(t *testing.T) (*lab, ed25519.PrivateKey) {
	t.Helper()
	key := token.GenerateKey()
	keys, err := token.NewKeys(token.Key{Public: key.Public().(ed25519.PublicKey)})
	if err != nil {
		t.Fatal(err)
	}
	return (&lab{name: here, hub: signaling.Options{
		Authorize: token.NewAuthorizer(keys, nil).Authorize, Duplicates: signaling.DuplicatesRefuse,
	}}).start(t), key
}

func give(t *testing.T, key ed25519.PrivateKey, room string, until time.Time) func(context.Context) (string, error) {
	t.Helper()
	text, err := token.Sign(key, "", token.Claims{Room: room, Subject: "ann", Expires: until})
	if err != nil {
		t.Fatal(err)
	}
	return func(context.Context) (string, error) { return text, nil }
}

func TestHubThatAsksForTokens(t *testing.T) {
	t.Parallel()
	l, key := guardedLab(t)
	finds(t, l.run(t, Options{}), found{"join": "token"})
	finds(t, l.run(t, Options{Token: give(t, key, "lobby", time.Now().Add(-time.Hour))}), found{"join": "token"})
	finds(t, l.run(t, Options{Token: give(t, token.GenerateKey(), "lobby", time.Now().Add(time.Hour))}), found{"join": "token"})
	good := Options{Token: give(t, key, "lobby", time.Now().Add(time.Hour)), Idle: 20 * time.Second}
	r := l.run(t, good)
	finds(t, r, found{})
	if r.kind("turn-tls") != "ok" || r.kind("idle") != "ok" || r.kind("http") != "ok" || r.kind("websocket") != "ok" {
		t.Errorf("with a token: %v", r)
	}
}

func TestTokenIsShownToNobodyElse(t *testing.T) {
	t.Parallel()
	l, key := guardedLab(t)
	l.roots = l.strangers(t)
	r := l.run(t, Options{Token: func(context.Context) (string, error) {
		t.Error("a server that isn't trusted gets a token")
		return give(t, key, "lobby", time.Now().Add(time.Hour))(nil)
	}})
	finds(t, r, found{"https": "chain"})
	if r.kind("websocket") != "untrusted" || r.kind("http") != "untrusted" {
		t.Errorf("tried: %v", r)
	}
}
