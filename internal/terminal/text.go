package terminal

import (
	"strings"

	"github.com/snug-chat/snug/internal/plain"
	"github.com/snug-chat/snug/peer"
)

// name is a member's, on one line.
func name(m peer.Member) string {
	if n := plain.Line(m.Name); n != "" {
		return n
	}
	return "somebody"
}

// indent puts further lines of a text below its first.
func indent(s string) string { return strings.ReplaceAll(plain.Text(s), "\n", "\n  ") }

// status is a member's link in words.
func status(m peer.Member) string {
	switch {
	case m.State == peer.LinkGone && m.Cause != "":
		return "not connected: " + m.Cause.String()
	case m.State == peer.LinkGone:
		return "not connected"
	case m.State == peer.LinkLive && m.Away:
		return "away from the hub" + how(m.Path)
	case m.Away:
		return "away from the hub"
	case m.State == peer.LinkConnecting && m.Cause != "":
		return "not connected: " + m.Cause.String() + "; trying again…"
	case m.State == peer.LinkLive:
		return "connected" + how(m.Path) + standing(m)
	}
	return states[m.State]
}

var states = map[peer.LinkState]string{
	peer.LinkConnecting: "connecting…",
	peer.LinkShaky:      "shaky: nothing has come for some seconds",
	peer.LinkRestarting: "looking for another way…",
	peer.LinkRebuilding: "connecting anew…",
}

// how is a path in words.
func how(p peer.Path) string {
	switch p {
	case peer.PathLAN:
		return ", in the local network"
	case peer.PathDirect:
		return ", directly"
	case peer.PathRelayUDP:
		return ", over a relay"
	case peer.PathRelayTCP:
		return ", over a relay by TCP"
	case peer.PathRelayTLS:
		return ", over a relay by TLS"
	}
	return ""
}
