package token

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/edwards25519"
)

// Limits of a file of keys.
const (
	maxKeysSize = 64 << 10 // bytes
	maxKeys     = 64
)

// Key is a public key that tokens may be signed for.
type Key struct {
	ID     string // the kid of tokens that are signed with it; empty: it has none
	Public ed25519.PublicKey
}

// Keys are the public keys of a hub: at least one, at most 64. They don't change
// and may be used by any number of goroutines.
//
// A token that names a key by its kid is checked with that key only, and with those that have no id. One that
// names none is checked with all, one after another.
type Keys struct{ keys []Key }

// NewKeys are the keys of a program that has them from elsewhere than a file.
// It refuses what is no Ed25519 key, one id for two keys, and more than 64.
func NewKeys(keys ...Key) (*Keys, error) {
	k := &Keys{}
	for i, key := range keys {
		if err := k.add(key); err != nil {
			return nil, fmt.Errorf("token: key %d %w", i+1, err)
		}
	}
	if len(k.keys) == 0 {
		return nil, errors.New("token: no keys")
	}
	return k, nil
}

// ReadKeys reads a file for [ParseKeys]. It reads 64 KiB at most.
func ReadKeys(file string) (*Keys, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return ParseKeys(file, data)
}

// ParseKeys reads keys from PEM (RFC 7468) with one or more blocks "PUBLIC KEY", as openssl
// pkey -pubout writes them, or from a JWKS (RFC 7517, 8037). Every PEM block has to be an Ed25519 key, which has
// no id. Of a JWKS, keys for other purposes are passed over; one is needed. Private keys are refused
// in both, since a hub must not hold any. Errors name the file, and the line or the key.
func ParseKeys(file string, data []byte) (*Keys, error) {
	if len(data) > maxKeysSize {
		return nil, tooLong(file)
	}
	parse := parsePEM
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		parse = parseJWKS
	}
	k, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("token: the key file %q: %w", file, err)
	}
	return k, nil
}

// Len is how many keys there are.
func (k *Keys) Len() int { return len(k.keys) }

// IDs are the ids of those keys that have one.
func (k *Keys) IDs() []string {
	var ids []string
	for _, key := range k.keys {
		if key.ID != "" {
			ids = append(ids, key.ID)
		}
	}
	return ids
}

// add takes one more key. Its errors continue a sentence that begins with the key.
func (k *Keys) add(key Key) error {
	if len(k.keys) == maxKeys {
		return fmt.Errorf("is one too many: %d are allowed", maxKeys)
	}
	if err := checkPublic(key.Public); err != nil {
		return err
	}
	for _, other := range k.keys {
		if other.ID == key.ID && key.ID != "" {
			return fmt.Errorf("has the kid %.40q, as another one has", key.ID)
		}
	}
	k.keys = append(k.keys, key)
	return nil
}

// named are the keys that may have signed a token with this kid; empty: with none.
func (k *Keys) named(kid string) []ed25519.PublicKey {
	var named []ed25519.PublicKey
	for _, key := range k.keys {
		if kid == "" || key.ID == "" || key.ID == kid {
			named = append(named, key.Public)
		}
	}
	return named
}

// checkPublic refuses what is no point of the curve, such as a key with a typing error, and the
// points of small order, such as 32 zeros: anybody can forge what those sign.
func checkPublic(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("has %d bytes; an Ed25519 key has %d", len(key), ed25519.PublicKeySize)
	}
	point, err := new(edwards25519.Point).SetBytes(key)
	if err != nil || new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errors.New("is no Ed25519 key")
	}
	return nil
}

// readFile reads a key file.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeysSize+1))
	if err != nil {
		return nil, unreadable(file, err)
	}
	if len(data) > maxKeysSize {
		return nil, tooLong(file)
	}
	return data, nil
}

func unreadable(file string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the file's name is there already
	}
	return fmt.Errorf("token: the key file %q can't be read: %w", file, err)
}

func tooLong(file string) error {
	return fmt.Errorf("token: the key file %q is longer than %d bytes", file, maxKeysSize)
}
