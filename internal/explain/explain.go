// Package explain turns errors into sentences that say what is wrong and what to
// do about it.
package explain

import (
	"errors"
	"strings"

	"github.com/snug-chat/snug/signaling"
)

// Error is err as one sentence for the person at the terminal.
func Error(err error) string {
	var refused *signaling.Error
	switch {
	case errors.As(err, &refused):
		return refused.Message
	case errors.Is(err, signaling.ErrNotHub):
		return "Something answers at this address, but it is no snug hub. Check the invite, its port too. (" + cause(err) + ")"
	case errors.Is(err, signaling.ErrUnreachable):
		return "The hub can't be reached. Check the network, and that the hub is running (snug serve). (" + cause(err) + ")"
	}
	return sentence(err.Error())
}

// cause is what stands behind the first sentence of an error.
func cause(err error) string {
	text := strings.TrimPrefix(err.Error(), "signaling: ")
	if _, after, found := strings.Cut(text, ": "); found {
		return after
	}
	return text
}

func sentence(s string) string {
	for _, pkg := range []string{"peer: ", "signaling: ", "chat: "} {
		s = strings.TrimPrefix(s, pkg)
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.ContainsRune(".!?)", rune(s[len(s)-1])) {
		s += "."
	}
	return s
}
