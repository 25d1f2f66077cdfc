package token

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
	"github.com/snug-chat/snug/signaling"
)

const maxSize = 4096 // bytes of a token

// Sign makes a token. The kid names the key, for hubs that have several with ids; empty: it isn't
// named. Sign refuses claims that no hub takes. It may be called by any number of goroutines.
func Sign(key ed25519.PrivateKey, kid string, c Claims) (string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return "", errors.New("token: this is no Ed25519 key")
	}
	if err := c.check(); err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c.wire())
	if kid != "" {
		t.Header["kid"] = kid
	}
	signed, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("token: signing: %w", err)
	}
	if len(signed) > maxSize {
		return "", fmt.Errorf("token: it would be %d bytes long; %d are allowed", len(signed), maxSize)
	}
	return signed, nil
}

// wire is c as it travels.
func (c *Claims) wire() jwt.MapClaims {
	m := jwt.MapClaims{"room": c.Room, "sub": c.Subject, "exp": c.Expires.Unix()}
	if !c.NotBefore.IsZero() {
		m["nbf"] = c.NotBefore.Unix()
	}
	if !c.IssuedAt.IsZero() {
		m["iat"] = c.IssuedAt.Unix()
	}
	if c.ID != "" {
		m["jti"] = c.ID
	}
	if c.Permissions != 0 && c.Permissions != signaling.PermitJoin {
		m["permissions"] = c.Permissions.Names()
	}
	return m
}
