package peer

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// bound is the hash of all that both sides must see alike.
func (w verifyView) bound() [sha256.Size]byte {
	a, b := w.self, w.other
	if b.id < a.id {
		a, b = b, a
	}
	text := texts("snug.v1 verify", w.room, a.id, b.id)
	return sha256.Sum256(slices.Concat(text, a.key[:], b.key[:], a.fingerprint[:], b.fingerprint[:]))
}

// commit binds the initiator to its nonce, and to what it sees.
func (w verifyView) commit(nonce [nonceSize]byte) [sha256.Size]byte {
	bound := w.bound()
	return sha256.Sum256(slices.Concat(texts("snug.v1 commit"), bound[:], nonce[:]))
}

// code takes the initiator's nonce first. It is 42 bits, six for each emoji.
func (w verifyView) code(initiators, others [nonceSize]byte) (c code) {
	bound := w.bound()
	bits, err := hkdf.Key(sha256.New, slices.Concat(initiators[:], others[:]), bound[:], "snug.v1 emoji", 6)
	if err != nil {
		panic("peer: " + err.Error()) // six bytes aren't too many
	}
	all := binary.BigEndian.Uint64(append([]byte{0, 0}, bits...)) // 48 bits
	for i := range c {
		c[i] = int(all >> (42 - 6*i) & 63)
	}
	return c
}
