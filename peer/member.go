package peer

import (
	"errors"
	"fmt"

	"github.com/snug-chat/snug/signaling"
)

// LinkState is how a link is: LINK.md, section 1.
type LinkState string

// States of a link.
const (
	LinkConnecting LinkState = "connecting" // for 30 s at most
	LinkLive       LinkState = "live"
	LinkShaky      LinkState = "shaky" // silent; for 60 s at most
	LinkGone       LinkState = "gone"  // the end, with a Cause
)

// Cause is why a link is gone.
type Cause string

// Causes.
const (
	CauseClosed    Cause = "closed"    // the other side said bye
	CauseLeft      Cause = "left"      // the member left the room
	CauseICE       Cause = "ice"       // no way between the two was found, or it fell silent
	CauseDTLS      Cause = "dtls"      // the handshake failed
	CauseSignaling Cause = "signaling" // no answer, and the hub was away
	CauseTimeout   Cause = "timeout"   // no answer
	CauseRefused   Cause = "refused"   // the other side broke the protocol
	CauseSelf      Cause = "self"      // this side closed the link
)

// Member is somebody in the room, at one moment.
type Member struct {
	signaling.Member
	State LinkState // of the link to it
	Cause Cause     // why that is gone, if it is
	Away  bool      // it has lost its connection to the hub, or the hub has lost it from sight; its link may live
}

var (
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("peer: closed")
	// ErrNoMember is returned when sending to somebody who isn't in the room.
	ErrNoMember = errors.New("peer: no such member")
)

// GoneError is returned when sending on a link that is gone.
type GoneError struct {
	Name  string // the member's
	Cause Cause
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("peer: the link to %q is gone: %s", e.Name, explanations[e.Cause])
}

var explanations = map[Cause]string{
	CauseClosed:    "the other side closed it",
	CauseLeft:      "the member left",
	CauseICE:       "no network path between the two works; a TURN server would help",
	CauseDTLS:      "the encryption handshake failed",
	CauseSignaling: "no answer came, and the hub couldn't be reached",
	CauseTimeout:   "no answer came",
	CauseRefused:   "the other side broke the protocol",
	CauseSelf:      "it was closed here",
}
