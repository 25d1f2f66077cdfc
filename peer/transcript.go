package peer

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What is signed in a sealed room: LINK.md, section 8. Each transcript begins with its own label, and its
// texts end in a zero byte, which none of them can hold: no two transcripts are the same bytes.
const (
	labelDescription = "snug.v1 description"
	labelHello       = "snug.v1 hello"
)

// publicKey is an Ed25519 key (RFC 8032), in JSON unpadded base64url.
type publicKey [ed25519.PublicKeySize]byte

// signature is an Ed25519 signature, in JSON likewise.
type signature [ed25519.SignatureSize]byte

// proof shows that its key's holder has signed.
type proof struct {
	Key       publicKey `json:"key"`
	Signature signature `json:"signature"`
}

// Why a proof isn't taken.
var (
	errProof     = errors.New("peer: identity: the signature doesn't fit")
	errProofForm = errors.New("peer: identity: not a key and a signature")
)

func (p proof) encode() jsontext.Value {
	text, err := json.Marshal(p)
	if err != nil {
		panic("peer: " + err.Error()) // base64url
	}
	return text
}

// decodeProof is strict about what it knows, and ignores other members.
func decodeProof(data jsontext.Value) (proof, error) {
	var wire struct {
		Key       *publicKey `json:"key"`
		Signature *signature `json:"signature"`
	}
	if data.Kind() != '{' || json.Unmarshal(data, &wire) != nil || wire.Key == nil || wire.Signature == nil {
		return proof{}, errProofForm
	}
	return proof{*wire.Key, *wire.Signature}, nil
}

// description is an offer or an answer, as its sender signs it.
type description struct {
	room, from, to string // the room and the member ids
	role           string // signalOffer or signalAnswer
	n, carrier     uint32
	offer, own     string // the SDP of the offer, and the one that is signed: the same for an offer
}

// sign fails if the description has no fingerprint that a sealed room takes.
func (d description) sign(by *identity) (proof, error) {
	text, _, err := d.transcript()
	if err != nil {
		return proof{}, err
	}
	return by.sign(text), nil
}

// check returns the fingerprint that the description binds its sender to.
func (d description) check(p proof) (fingerprint, error) {
	text, f, err := d.transcript()
	if err != nil {
		return f, err
	}
	return f, p.check(text)
}

func (d description) transcript() ([]byte, fingerprint, error) {
	f, err := fingerprintOf(d.own)
	if err != nil {
		return nil, f, err
	}
	offer, own := sha256.Sum256([]byte(d.offer)), sha256.Sum256([]byte(d.own))
	b := texts(labelDescription, d.room, d.from, d.to, d.role)
	b = binary.BigEndian.AppendUint32(b, d.n)
	b = binary.BigEndian.AppendUint32(b, d.carrier)
	const fingerprints = 1
	return slices.Concat(b, offer[:], own[:], []byte{fingerprints}, f[:]), f, nil
}

// helloView is what the sender of a hello confirms: the carrier's two ends, and whom it takes the other for.
type helloView struct {
	room, from, to string
	carrier        uint32
	own, other     fingerprint // the sender's, and the receiver's
	otherKey       publicKey   // the receiver's
}

func (h helloView) sign(by *identity) proof { return by.sign(h.transcript()) }

// check wants the key that signed the sender's description.
func (h helloView) check(p proof, key publicKey) error {
	if p.Key != key {
		return errProof
	}
	return p.check(h.transcript())
}

func (h helloView) transcript() []byte {
	b := texts(labelHello, h.room, h.from, h.to)
	b = binary.BigEndian.AppendUint32(b, h.carrier)
	return slices.Concat(b, h.own[:], h.other[:], h.otherKey[:])
}

func texts(all ...string) (b []byte) {
	for _, text := range all {
		b = append(append(b, text...), 0)
	}
	return b
}

func (p proof) check(transcript []byte) error {
	if p.Key.weak() || !ed25519.Verify(p.Key[:], transcript, p.Signature[:]) {
		return errProof
	}
	return nil
}

// weak tells whether a key is of small order: anybody could sign with it. These are the y of all such
// points, and those of them that fit into 255 bits a second time; the last bit is the sign of x.
func (k publicKey) weak() bool {
	k[len(k)-1] &^= 0x80
	return slices.Contains(weakKeys, string(k[:]))
}

var weakKeys = []string{
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
	"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
	"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
	"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
	"\xee\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
}

func (k publicKey) MarshalText() ([]byte, error)     { return base64url(k[:]), nil }
func (k *publicKey) UnmarshalText(text []byte) error { return fromBase64url(k[:], text) }
func (s signature) MarshalText() ([]byte, error)     { return base64url(s[:]), nil }
func (s *signature) UnmarshalText(text []byte) error { return fromBase64url(s[:], text) }

var strictBase64url = base64.RawURLEncoding.Strict()

func base64url(data []byte) []byte { return strictBase64url.AppendEncode(nil, data) }

var errBase64url = errors.New("not unpadded base64url of the right length")

// fromBase64url fills dst. The decoder would skip line breaks, which make the text too long here.
func fromBase64url(dst, text []byte) error {
	if len(text) != strictBase64url.EncodedLen(len(dst)) {
		return errBase64url
	}
	if n, err := strictBase64url.Decode(dst, text); err != nil || n != len(dst) {
		return errBase64url
	}
	return nil
}
