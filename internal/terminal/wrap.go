package terminal

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/rivo/uniseg"
)

// wrap breaks lines that are wider than width columns where Unicode lets them be broken
// (UAX #14: between words, and between most Chinese characters), or anywhere if a word is
// wider than that. Escape sequences take no room.
func wrap(s string, width int) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, wrapLine(line, width))
	}
	return strings.Join(lines, "\n")
}

func wrapLine(line string, width int) string {
	var b strings.Builder
	column := 0
	for state := -1; line != ""; {
		var piece string
		piece, line, _, state = uniseg.FirstLineSegmentInString(line, state)
		bare := strings.TrimRight(piece, " ")
		if column > 0 && column+lipgloss.Width(bare) > width {
			b.WriteByte('\n')
			column = 0
		}
		if lipgloss.Width(bare) > width {
			piece = lipgloss.Wrap(piece, width, "")
		}
		b.WriteString(piece)
		column += lipgloss.Width(piece[strings.LastIndexByte(piece, '\n')+1:])
	}
	return b.String()
}
