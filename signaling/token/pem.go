package token

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Types of PEM blocks.
const (
	pemPublic  = "PUBLIC KEY"  // RFC 5280, RFC 8410
	pemPrivate = "PRIVATE KEY" // PKCS #8: RFC 5958, RFC 8410
)

var pemBegin = []byte("-----BEGIN ")

// block is a PEM block and where it begins.
type block struct {
	*pem.Block
	line int // the first is 1
}

// parsePEM reads blocks of public keys.
func parsePEM(data []byte) (*Keys, error) {
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, err
	}
	k := &Keys{}
	for _, b := range blocks {
		public, err := publicKey(b)
		if err == nil {
			err = k.add(Key{Public: public})
		}
		if err != nil {
			return nil, fmt.Errorf("the key in line %d %w", b.line, err)
		}
	}
	return k, nil
}

// pemBlocks finds all blocks, one at least. Text between them is passed over, but not what begins a
// block and is none: pem.Decode alone would skip a damaged key in silence.
func pemBlocks(data []byte) (blocks []block, err error) {
	rest, line := data, 1
	for {
		begin := bytes.Index(rest, pemBegin)
		if begin < 0 {
			break
		}
		line += bytes.Count(rest[:begin], []byte("\n"))
		found, after := pem.Decode(rest[begin:])
		used := rest[begin : len(rest)-len(after)]
		if found == nil || bytes.Count(used, pemBegin) != 1 {
			return nil, fmt.Errorf("the PEM block that begins in line %d isn't whole", line)
		}
		blocks = append(blocks, block{found, line})
		line += bytes.Count(used, []byte("\n"))
		rest = after
	}
	if len(blocks) == 0 {
		return nil, errors.New("it holds no key: neither a PEM block nor a JWKS")
	}
	return blocks, nil
}

// publicKey is the key in a block. Its errors continue a sentence that begins with the key.
func publicKey(b block) (ed25519.PublicKey, error) {
	if strings.HasSuffix(b.Type, pemPrivate) {
		return nil, errPrivate
	}
	if b.Type != pemPublic {
		return nil, fmt.Errorf("is a %.40q; a public key's block is named %q", b.Type, pemPublic)
	}
	key, err := x509.ParsePKIXPublicKey(b.Bytes)
	if err != nil {
		return nil, errors.New("isn't encoded as a public key is")
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("is none for Ed25519 (%s)", kindOf(key))
	}
	return public, nil
}

// errPrivate continues a sentence that begins with a key.
var errPrivate = errors.New("is a private one: it belongs where tokens are made, and the hub gets the public one only")

// kindOf names the kind of a key that isn't Ed25519, such as "RSA".
func kindOf(key any) string {
	name := strings.ToUpper(strings.TrimPrefix(fmt.Sprintf("%T", key), "*"))
	name, _, _ = strings.Cut(name, ".")
	return name
}
