// Package mint makes tokens, and the keys that they are signed with: snug token.
package mint

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// Options say what a token is for.
type Options struct {
	KeyFile     string // of the private key, in PEM
	KeyID       string // the kid; empty: the key isn't named
	Room        string
	Subject     string
	ID          string // the jti; empty: there is none
	Permissions Permissions
	Expires     time.Duration // from now
}

// Token makes a token. The error is a sentence.
func Token(o Options) (string, error) {
	if o.Expires < time.Second {
		return "", errors.New("a token that expires at once lets nobody in: use --expires with a second or more, such as 1h")
	}
	key, err := token.ReadPrivateKey(o.KeyFile)
	if err != nil {
		return "", err
	}
	now := time.Now()
	signed, err := token.Sign(key, o.KeyID, token.Claims{
		Room:        o.Room,
		Subject:     o.Subject,
		Expires:     now.Add(o.Expires),
		IssuedAt:    now,
		ID:          o.ID,
		Permissions: signaling.PermitJoin | o.Permissions.sum,
	})
	if err != nil {
		return "", fmt.Errorf("this token can't be made: %s", strings.TrimPrefix(err.Error(), "token: "))
	}
	return signed, nil
}

// Permissions are a flag that may be repeated: each time one permission is added.
type Permissions struct{ sum signaling.Permissions }

// Set adds a permission by its name.
func (p *Permissions) Set(name string) error {
	one := signaling.ParsePermissions([]string{name})
	if one == 0 {
		return fmt.Errorf("the permissions are %s", strings.Join(everything.Names(), ", "))
	}
	p.sum |= one
	return nil
}

// String is how the flag is printed.
func (p *Permissions) String() string { return strings.Join(p.sum.Names(), ",") }

// Type is the name of the flag's value.
func (*Permissions) Type() string { return "PERMISSION" }

const everything = signaling.PermitJoin | signaling.PermitKick | signaling.PermitLock
