// Package plain makes what others wrote safe to print in a terminal.
package plain

import (
	"strings"
	"unicode"
)

// Text is s without what could move the cursor, change the title, or turn around what
// stands beside it. Line feeds and tabs stay.
func Text(s string) string {
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

// Line is Text on one line, without space at its ends.
func Line(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(Text(s)))
}
