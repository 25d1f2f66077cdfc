// Package explain turns errors into sentences that say what is wrong and what to
// do about it.
package explain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/snug-chat/snug/internal/plain"
	"github.com/snug-chat/snug/signaling"
)

const maxMessage = 400 // characters of what a hub says

// Error is err for the person at the terminal, on one line. What others had a part in
// is made safe to print.
func Error(err error) string {
	var refused *signaling.Error
	var unknown *net.DNSError
	text := ""
	switch {
	case errors.Is(err, signaling.ErrNotHub): // first: it may wrap an Error of our own decoder
		text = "Something answers at this address, but it is no snug hub. Check the invite, its port too." + cause(err, signaling.ErrNotHub)
	case errors.As(err, &refused):
		text = refusal(refused)
	case errors.As(err, &unknown) && unknown.IsNotFound:
		text = fmt.Sprintf("There is no host named %q. Check the invite, and the network.", unknown.Name)
	case errors.Is(err, signaling.ErrUnreachable):
		text = "The hub can't be reached. Check the network, and that the hub is running (snug serve)." + cause(err, signaling.ErrUnreachable)
	case errors.Is(err, context.DeadlineExceeded):
		text = "That took too long, and may not have arrived everywhere. Check the network."
	default:
		text = sentences(err.Error())
	}
	return plain.Line(text)
}

func refusal(e *signaling.Error) string {
	if message := plain.Line(e.Message); message != "" {
		return fmt.Sprintf("%.*s", maxMessage, message)
	}
	return "The hub refused, and didn't say why. Try again later."
}

// cause is what err says beyond what kind it is of, in parentheses.
func cause(err, kind error) string {
	_, text, _ := strings.Cut(err.Error(), kind.Error())
	text = strings.ReplaceAll(strings.TrimPrefix(text, ": "), "signaling: ", "")
	if strings.HasPrefix(text, " (") {
		return text
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// sentences makes one of each line: joined errors have several.
func sentences(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		if s := sentence(strings.TrimSpace(line)); s != "" {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return "Something went wrong, and nothing says what."
	}
	return strings.Join(all, " ")
}

func sentence(s string) string {
	for _, pkg := range []string{"peer: ", "signaling: ", "chat: ", "token: "} {
		s = strings.TrimPrefix(s, pkg)
	}
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[size:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "!") && !strings.HasSuffix(s, "?") && !strings.HasSuffix(s, ")") {
		s += "."
	}
	return s
}
