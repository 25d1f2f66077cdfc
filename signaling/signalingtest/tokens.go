package signalingtest

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// Tokens let into a hub whoever says one of them. They stand for the real ones, need no keys, and
// can be revoked. The zero value is ready; its methods may be called by any number of goroutines.
//
//	var tokens signalingtest.Tokens
//	hub := signalingtest.NewHub(t, &signaling.Options{Authorize: tokens.Authorize})
//	token := tokens.Mint(signaling.Grant{Identity: "ann", Permissions: signaling.PermitJoin})
type Tokens struct {
	mu     sync.Mutex
	grants map[string]signaling.Grant
}

// Mint makes a token that gives this. Without a TokenID, it gets one.
func (t *Tokens) Mint(g signaling.Grant) string {
	token := "test." + rand.Text()
	if g.TokenID == "" {
		g.TokenID = rand.Text()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.grants == nil {
		t.grants = make(map[string]signaling.Grant)
	}
	t.grants[token] = g
	return token
}

// Revoke makes a token worthless: nobody enters with it any more. Who has
// entered stays until it connects again; [signaling.Hub.Kick] puts it out.
func (t *Tokens) Revoke(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.grants, token)
}

// RevokeAll makes all tokens worthless.
func (t *Tokens) RevokeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.grants)
}

// Authorize is for [signaling.Options].
func (t *Tokens) Authorize(_ context.Context, r signaling.AuthRequest) (signaling.Grant, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.grants[r.Token]
	switch {
	case !ok:
		return g, &signaling.Error{Code: "token", Message: "This token isn't one of this test's, or was revoked.", Final: true}
	case !g.Expires.IsZero() && !time.Now().Before(g.Expires):
		return g, &signaling.Error{Code: "expired", Message: "This token has expired."}
	}
	return g, nil
}
