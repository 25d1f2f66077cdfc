package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const (
	defaultMaxAge = 24 * time.Hour
	leeway        = time.Minute // by which clocks may differ
)

// Options configure an [Authorizer]. The zero value of each field means its default.
type Options struct {
	MaxAge time.Duration    // how far away a token may expire; 24 hours
	Now    func() time.Time // the clock; time.Now
}

// Authorizer lets those into a hub who have a token. Its methods may be called by any number of goroutines.
type Authorizer struct {
	maxAge time.Duration
	now    func() time.Time
	keys   atomic.Pointer[Keys]
}

// NewAuthorizer makes an Authorizer that takes tokens signed with keys. Nil options
// are the defaults. Without keys nobody is let in.
func NewAuthorizer(keys *Keys, o *Options) *Authorizer {
	a := &Authorizer{maxAge: defaultMaxAge, now: time.Now}
	if o != nil && o.MaxAge > 0 {
		a.maxAge = o.MaxAge
	}
	if o != nil && o.Now != nil {
		a.now = o.Now
	}
	a.SetKeys(keys)
	return a
}

// SetKeys replaces the keys at once. Sessions that are in stay until their tokens expire, those
// of a key that is gone too.
func (a *Authorizer) SetKeys(keys *Keys) { a.keys.Store(keys) }

// Keys are the keys in force.
func (a *Authorizer) Keys() *Keys { return a.keys.Load() }

// Authorize is for [signaling.Options]. It doesn't block. A refusal is a [*signaling.Error] with one of the codes
// token, expired and forbidden; nothing of the token is in its message. Any other
// error means that there are no keys.
func (a *Authorizer) Authorize(_ context.Context, r signaling.AuthRequest) (signaling.Grant, error) {
	keys := a.keys.Load()
	if keys == nil || keys.Len() == 0 {
		return signaling.Grant{}, errors.New("token: there are no keys to check tokens with")
	}
	if r.Token == "" {
		return signaling.Grant{}, refusef(signaling.CodeToken, "This hub lets nobody in without a token. Ask for one where you got the invite.")
	}
	c, err := verify(keys, r.Token)
	if err != nil {
		return signaling.Grant{}, err
	}
	if err := a.admit(c, r.Room); err != nil {
		return signaling.Grant{}, err
	}
	return signaling.Grant{Identity: c.Subject, TokenID: idOf(c, r.Token), Expires: c.Expires, Permissions: c.Permissions}, nil
}

// admit refuses verified claims that don't let anybody into this room now. What a newer
// token would mend comes after what it wouldn't.
func (a *Authorizer) admit(c *Claims, room string) error {
	now := a.now()
	switch {
	case c.Room != room:
		return refusef(signaling.CodeToken, "This token is for another room.")
	case now.Add(leeway).Before(c.NotBefore):
		return refusef(signaling.CodeToken, "This token isn't valid yet. Check the clocks of the hub and of what makes tokens.")
	case now.Add(leeway).Before(c.IssuedAt):
		return refusef(signaling.CodeToken, "This token comes from the future. Check the clocks of the hub and of what makes tokens.")
	case c.Expires.After(now.Add(a.maxAge + leeway)):
		return refusef(signaling.CodeToken, "This token is valid for too long: this hub takes %s.", short(a.maxAge))
	case !c.Expires.After(now):
		return refusef(signaling.CodeExpired, "This token has expired. Come with a newer one.")
	case !c.Permissions.Has(signaling.PermitJoin):
		return refusef(signaling.CodeForbidden, "This token doesn't permit to join.")
	}
	return nil
}

// short is d without units that are zero at its end: 24h.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// idOf is what a kick holds of a token: its id, or the SHA-256 of the token itself.
func idOf(c *Claims, token string) string {
	if c.ID != "" {
		return c.ID
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// refusef makes a refusal: PROTOCOL.md, section 6. With expired alone, trying again helps.
func refusef(code, format string, args ...any) *signaling.Error {
	return &signaling.Error{Code: code, Message: fmt.Sprintf(format, args...), Final: code != signaling.CodeExpired}
}
