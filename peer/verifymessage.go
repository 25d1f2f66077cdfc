package peer

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Types of the control messages that compare emoji: LINK.md, section 8.
const (
	controlVerify       = "verify"
	controlVerifyCancel = "verify-cancel"
)

// Why an exchange is cancelled, for the other side; none: somebody didn't want to.
const (
	reasonDiffers = "differs"
	reasonTimeout = "timeout"
	reasonBroken  = "broken"
)

const maxReason = 32 // bytes

// verifyMessage is a verify with a commit, with a nonce, or with none of them, which asks the other side to begin; or a verify-cancel.
type verifyMessage struct {
	Type   string `json:"type"`
	Commit *nonce `json:"commit,omitzero"`
	Nonce  *nonce `json:"nonce,omitzero"`
	Reason string `json:"reason,omitzero"` // verify-cancel
}

// nonce is 32 bytes, in JSON unpadded base64url.
type nonce [nonceSize]byte

func (n nonce) MarshalText() ([]byte, error)     { return base64url(n[:]), nil }
func (n *nonce) UnmarshalText(text []byte) error { return fromBase64url(n[:], text) }

func (m verifyMessage) encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("peer: " + err.Error()) // reasons are ASCII
	}
	return text
}

var errVerify = errors.New("peer: verify: a message of another form")

// decodeVerify is strict about what it knows, and ignores other members.
func decodeVerify(data jsontext.Value) (m verifyMessage, err error) {
	if data.Kind() != '{' || json.Unmarshal(data, &m) != nil {
		return verifyMessage{}, errVerify
	}
	switch m.Type {
	case controlVerify:
		m.Reason = ""
		if m.Commit != nil && m.Nonce != nil {
			return verifyMessage{}, errVerify
		}
	case controlVerifyCancel:
		m.Commit, m.Nonce = nil, nil
		if len(m.Reason) > maxReason {
			return verifyMessage{}, errVerify
		}
	default:
		return verifyMessage{}, errVerify
	}
	return m, nil
}
