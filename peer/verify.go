package peer

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of LINK.md, section 8.
const (
	verifyWait = 5 * time.Minute // in each state but idle
	maxAsked   = 32              // times that the other side may ask, as long as the link lives
	nonceSize  = 32              // bytes
)

// verification compares seven emoji with the other side of a link: LINK.md, section 8. Who began can't
// choose its number once it knows the other's, and the other side chooses before it knows the first:
// nobody in between can try keys until the emoji are alike. It has no clock, no link and no user: it
// takes what happened and when, and returns what is to be done, so that the same traces drive it here and
// in TypeScript (signaling/testdata/verify-traces.json). It belongs to the link's goroutine.
type verification struct {
	view      verifyView
	initiator bool
	draw      func() [nonceSize]byte
	now       time.Duration
	do        []verifyAction // for the event that is dealt with

	state    verifyState
	deadline time.Duration // of the state; 0: never
	asked    int           // times the other side did

	nonce    [nonceSize]byte  // ours
	commit   *[nonceSize]byte // the initiator's, at the other side
	revealed bool             // our nonce is out, at the other side
}

// verifyView is what both sides must see alike. The initiator is the one with the smaller member id.
type verifyView struct {
	room        string
	self, other verifyEnd
}

// verifyEnd is one side of a link.
type verifyEnd struct {
	id          string // the member's
	key         publicKey
	fingerprint fingerprint // of the carrier, as both hellos confirmed it
}

type verifyState string

const (
	verifyIdle      verifyState = "idle"
	verifyAsked     verifyState = "asked"     // the other side wants to; waits for begin or cancel
	verifyWaiting   verifyState = "waiting"   // for the other side
	verifyComparing verifyState = "comparing" // for the user: match or differ
	verifyMatched   verifyState = "matched"   // the other side may still say that they differ
)

// verifyEvent is something that happened.
type verifyEvent struct {
	Type    verifyEventType `json:"type"`
	Message jsontext.Value  `json:"message,omitzero"` // heard
	Own     *fingerprint    `json:"-"`                // moved: our end's
	Theirs  *fingerprint    `json:"-"`                // moved: the other's
}

type verifyEventType string

const (
	verifyBegin  verifyEventType = "begin"  // the user wants to, or agrees
	verifyMatch  verifyEventType = "match"  // the user says that they are the same
	verifyDiffer verifyEventType = "differ" // or not
	verifyCancel verifyEventType = "cancel" // the user doesn't want to
	verifyHeard  verifyEventType = "heard"  // a control message of the types verify and verify-cancel
	verifyMoved  verifyEventType = "moved"  // the link has another carrier, whose hellos are checked
	verifyTick   verifyEventType = "tick"   // it is due
)

// verifyAction is something that is to be done.
type verifyAction struct {
	Do      verifyActionType `json:"do"`
	Message *verifyMessage   `json:"message,omitzero"` // send
	State   verifyState      `json:"state,omitzero"`   // state
	Code    *code            `json:"code,omitzero"`    // state: of comparing
	Ended   verifyEnding     `json:"ended,omitzero"`   // state: why it is idle again
}

type verifyActionType string

const (
	verifySend     verifyActionType = "send"     // over the control channel
	verifyShow     verifyActionType = "state"    // tell the user
	verifyPin      verifyActionType = "pin"      // the other's key is verified
	verifyWithdraw verifyActionType = "withdraw" // it isn't, after all
)

// verifyEnding is why nothing, or nothing more, is compared.
type verifyEnding string

const (
	endedStopped   verifyEnding = "stopped"   // by our user
	endedCancelled verifyEnding = "cancelled" // by the other
	endedTimeout   verifyEnding = "timeout"
	endedDiffers   verifyEnding = "differs" // one of the two saw other emoji: somebody is in between
	endedBroken    verifyEnding = "broken"  // the other side, or somebody in between, didn't keep to the exchange
	endedMoved     verifyEnding = "moved"   // the link has another carrier; begin again
)
