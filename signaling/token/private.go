package token

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// GenerateKey draws a private key from the operating system's random source.
// Its public part is key.Public().
func GenerateKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // can't be: crypto/rand ends the process instead
	}
	return key
}

// ReadPrivateKey reads a file for [ParsePrivateKey].
func ReadPrivateKey(file string) (ed25519.PrivateKey, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return ParsePrivateKey(file, data)
}

// ParsePrivateKey reads the one key of a PEM file, as [MarshalPrivate] and
// openssl genpkey -algorithm ed25519 write it. The error names the file and the line.
func ParsePrivateKey(file string, data []byte) (ed25519.PrivateKey, error) {
	key, err := privateKey(data)
	if err != nil {
		return nil, fmt.Errorf("token: the key file %q: %w", file, err)
	}
	return key, nil
}

func privateKey(data []byte) (ed25519.PrivateKey, error) {
	if len(data) > maxKeysSize {
		return nil, fmt.Errorf("it is longer than %d bytes", maxKeysSize)
	}
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("it holds %d keys, and tokens are signed with one", len(blocks))
	}
	b := blocks[0]
	switch b.Type {
	case pemPrivate:
	case pemPublic:
		return nil, fmt.Errorf("the key in line %d is a public one; tokens are signed with the private one", b.line)
	case "ENCRYPTED " + pemPrivate:
		return nil, fmt.Errorf("the key in line %d is encrypted: decrypt it with openssl pkey", b.line)
	default:
		return nil, fmt.Errorf("the key in line %d is a %.40q; a private key's block is named %q", b.line, b.Type, pemPrivate)
	}
	key, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key in line %d isn't encoded as a private key is", b.line)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key in line %d is none for Ed25519 (%s)", b.line, kindOf(key))
	}
	return private, nil
}

// MarshalPrivate is key in PEM (PKCS #8). Whoever has it can make tokens.
func MarshalPrivate(key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("token: this is no Ed25519 key")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("token: a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), nil
}

// MarshalPublic is key in PEM (PKIX), for [ParseKeys]. Files of it may be joined to one.
func MarshalPublic(key ed25519.PublicKey) ([]byte, error) {
	if err := checkPublic(key); err != nil {
		return nil, fmt.Errorf("token: the key %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("token: a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), nil
}
