package terminal

import (
	"strings"
	"unicode"

	"github.com/snug-chat/snug/peer"
)

// plain makes what others wrote safe to print: without it, a message could move the
// cursor, change the title, or turn around what stands beside it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069', r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, s)
}

// name is a member's, on one line.
func name(m peer.Member) string {
	if n := strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(plain(m.Name))); n != "" {
		return n
	}
	return "somebody"
}

// indent puts further lines of a text below its first.
func indent(s string) string { return strings.ReplaceAll(plain(s), "\n", "\n  ") }

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
