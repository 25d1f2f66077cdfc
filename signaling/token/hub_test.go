package token_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

const patience = 20 * time.Second // for one thing to happen

// hub runs a hub that asks for tokens, and returns an invite to its room lobby.
func hub(t *testing.T, a *token.Authorizer) signaling.Invite {
	t.Helper()
	h := signaling.NewHub(&signaling.Options{Authorize: a.Authorize})
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		h.Shutdown(ctx)
		s.Close()
	})
	to, err := signaling.ParseInvite(s.URL + "/r/lobby")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// enter says hello with a token and a new secret.
func enter(t *testing.T, to signaling.Invite, tok string) (*signaling.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := signaling.Dial(ctx, to, signaling.Hello{Secret: signaling.NewSecret(), Kind: "go", Token: tok}, nil)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// checkCode checks the code of a refusal, as a client gets it from the hub.
func checkCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *signaling.Error
	if !errors.As(err, &refusal) || refusal.Code != code || refusal.Final != (code != expired) {
		t.Errorf("%v instead of %s", err, code)
	}
}

func soon(c token.Claims) token.Claims {
	c.Expires = time.Now().Add(time.Hour)
	return c
}

func TestHubLetsInWhoHasAToken(t *testing.T) {
	to := hub(t, token.NewAuthorizer(parse(t, string(pemOf(keyA))), nil))
	conn, err := enter(t, to, sign(t, keyA, "", soon(token.Claims{Permissions: signaling.PermitJoin | signaling.PermitLock})))
	if err != nil {
		t.Fatal(err)
	}
	w := conn.Welcome()
	if got := w.Permissions; len(got) != 2 || got[0] != "join" || got[1] != "lock" {
		t.Errorf("permissions %q", got)
	}
	if in := time.Until(time.UnixMilli(w.Expires)); in > time.Hour || in < time.Hour-patience {
		t.Errorf("expires in %v", in)
	}
	if m := w.Roster.Members; len(m) != 1 || m[0].Identity != "ann" {
		t.Errorf("%+v", m)
	}
	for name, c := range map[string]struct{ tok, code string }{
		"none":         {"", refused},
		"another room": {sign(t, keyA, "", soon(token.Claims{Room: "board"})), refused},
		"another key":  {sign(t, keyB, "", soon(token.Claims{})), refused},
		"alg none":     {rawToken(`{"alg":"none"}`, plainClaims, keyA), refused},
		"expired":      {sign(t, keyA, "", token.Claims{Expires: time.Now().Add(-time.Second)}), expired},
		"kick only":    {sign(t, keyA, "", soon(token.Claims{Permissions: signaling.PermitKick})), forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := enter(t, to, c.tok)
			checkCode(t, err, c.code)
		})
	}
}

// A kick holds the token, with an id or without: a new secret doesn't help.
func TestKickHoldsTheToken(t *testing.T) {
	for _, id := range []string{"", "lobby ann"} {
		t.Run(id, func(t *testing.T) {
			to := hub(t, token.NewAuthorizer(parse(t, string(pemOf(keyA))), nil))
			kicker, err := enter(t, to, sign(t, keyA, "", soon(token.Claims{Subject: "bob", Permissions: signaling.PermitJoin | signaling.PermitKick})))
			if err != nil {
				t.Fatal(err)
			}
			tok := sign(t, keyA, "", soon(token.Claims{ID: id}))
			kicked, err := enter(t, to, tok)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := kicker.Send(ctx, signaling.Kick{ID: kicked.Welcome().You}); err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = kicked.Receive(ctx)
			}
			checkCode(t, err, signaling.CodeKicked)
			_, err = enter(t, to, tok)
			checkCode(t, err, signaling.CodeKicked)
			if id != "" { // a newer one, of the same id
				_, err = enter(t, to, sign(t, keyA, "", token.Claims{ID: id, Expires: time.Now().Add(2 * time.Hour)}))
				checkCode(t, err, signaling.CodeKicked)
			}
		})
	}
}
