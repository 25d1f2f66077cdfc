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
	LinkShaky      LinkState = "shaky"      // silent; with the next two, for 60 s at most
	LinkRestarting LinkState = "restarting" // another path is looked for
	LinkRebuilding LinkState = "rebuilding" // another connection is made, for the same link
	LinkGone       LinkState = "gone"       // the end, with a Cause
)

// Cause is why a link is gone.
type Cause string

// Causes.
const (
	CauseClosed       Cause = "closed"        // the other side said bye
	CauseLeft         Cause = "left"          // the member left the room
	CauseSelf         Cause = "self"          // this side closed the link
	CauseUnknown      Cause = "unknown"       // the hub knows no such member
	CauseSignaling    Cause = "signaling"     // no answer, and the hub was away
	CauseTimeout      Cause = "timeout"       // no answer
	CauseRefused      Cause = "refused"       // the other side broke the protocol, or may not be reached
	CauseNoCandidates Cause = "no-candidates" // one of the two has no address at all
	CauseNoTURN       Cause = "no-turn"       // no way through, and no TURN offered
	CauseTURN         Cause = "turn"          // no way through, and TURN refused or out of reach
	CauseICE          Cause = "ice"           // no way through, though TURN relayed
	CauseDTLS         Cause = "dtls"          // the handshake failed
	CauseSilent       Cause = "silent"        // it was live, and then nothing came for 60 s
	CauseForged       Cause = "forged"        // no answer, and what came in its name was none of its own
	CauseSealed       Cause = "sealed"        // there never was one: the member can't prove that it has the room's key
)

// String is the cause in words.
func (c Cause) String() string {
	if s := explanations[c]; s != "" {
		return s
	}
	return string(c)
}

// isPath tells whether it is about the way, not about who is at its end.
func (c Cause) isPath() bool {
	switch c {
	case CauseNoCandidates, CauseNoTURN, CauseTURN, CauseICE:
		return true
	}
	return false
}

// temporary tells whether another attempt may succeed.
func (c Cause) temporary() bool {
	switch c {
	case CauseClosed, CauseLeft, CauseSelf, CauseRefused, CauseSealed:
		return false
	}
	return true
}

// Member is somebody in the room, at one moment.
type Member struct {
	signaling.Member
	State LinkState // of the link to it
	Cause Cause     // why that is gone, if it is; while it is connecting: why the one before it failed
	Path  Path      // how the link's frames travel; empty while that isn't known
	Away  bool      // it has lost its connection to the hub, or the hub has lost it from sight; its link may live
	// Standing is what is known of it in a sealed room; empty in an open one, and while it hasn't proved who it is.
	Standing Standing
	Asks     bool // somebody there wants to compare emoji: Link.Verify agrees, Link.StopVerify doesn't
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
	return fmt.Sprintf("peer: the link to %q is gone: %s", e.Name, e.Cause)
}

var explanations = map[Cause]string{
	CauseClosed:       "the other side closed it",
	CauseLeft:         "the member left",
	CauseSelf:         "it was closed here",
	CauseUnknown:      "the hub knows no such member",
	CauseSignaling:    "no answer came, and the hub couldn't be reached",
	CauseTimeout:      "no answer came",
	CauseRefused:      "the other side broke the protocol",
	CauseNoCandidates: "one of the two found no network address to be reached at",
	CauseNoTURN:       "no way through and no TURN offered; a TURN server would help",
	CauseTURN:         "no way through, and the TURN server refused or couldn't be reached",
	CauseICE:          "no way through, not even over TURN",
	CauseDTLS:         "the encryption handshake failed",
	CauseSilent:       "nothing came for a minute",
	CauseForged:       "what came in its name wasn't its own: the hub, or somebody on the way to it, meddles",
	CauseSealed:       "it can't prove that it has the room's key, so nothing is said to it",
}
