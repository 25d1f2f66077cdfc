package peer

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"

	"github.com/snug-chat/snug/signaling"
)

// Sizes of LINK.md, section 7, in bytes.
const (
	roomKeySize  = 32
	roomNameSize = 16 // of what a sealed room is called by
)

// roomKey is what an invite's key gives for a sealed room: LINK.md, section 7.
type roomKey struct {
	room    string
	signals []byte
}

// NewInvite draws an invite to a new sealed room of a hub.
func NewInvite(hub *url.URL) signaling.Invite {
	var key [roomKeySize]byte
	rand.Read(key[:])
	return signaling.Invite{Hub: hub, Room: deriveKey(key[:]).room, Key: base64.RawURLEncoding.EncodeToString(key[:])}
}

// keyOf checks an invite's key, before anybody is told anything. It is nil for an open room. The error is a
// sentence.
func keyOf(i signaling.Invite) (*roomKey, error) {
	if i.Key == "" {
		if i.Sealed() {
			return nil, errors.New("this invite lacks its key, the part behind the #: ask for the whole link")
		}
		return nil, nil
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(i.Key)
	if err != nil || len(key) != roomKeySize {
		return nil, errors.New("the key of this invite, the part behind the #, is damaged: ask for the whole link again")
	}
	k := deriveKey(key)
	if k.room != i.Room {
		return nil, errors.New("the room and the key of this invite don't belong together: ask for the link again")
	}
	return k, nil
}

// deriveKey is HKDF (RFC 5869) with SHA-256 and without a salt. The info "snug.v1 content" is reserved.
func deriveKey(key []byte) *roomKey {
	prk, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		panic("peer: " + err.Error()) // of FIPS 140, whose least key is shorter
	}
	name := base64.RawURLEncoding.EncodeToString(expandKey(prk, "snug.v1 room", roomNameSize))
	return &roomKey{room: "~" + name, signals: expandKey(prk, "snug.v1 signals", roomKeySize)}
}

func expandKey(prk []byte, info string, size int) []byte {
	out, err := hkdf.Expand(sha256.New, prk, info, size)
	if err != nil {
		panic("peer: " + err.Error()) // of sizes that aren't used here
	}
	return out
}
