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
	case m.State == peer.LinkGone:
		return "not connected"
	case m.Away:
		return "away from the hub"
	case m.State == peer.LinkLive:
		return "connected"
	case m.State == peer.LinkConnecting:
		return "connecting…"
	}
	return string(m.State)
}
