package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/rivo/uniseg"
)

const (
	minWidth   = 20 // columns
	maxWidth   = 96
	tick       = 100 * time.Millisecond
	clearLine  = "\r\x1b[K"
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
)

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	marks = map[Status]string{
		Fine:    lipgloss.NewStyle().Foreground(lipgloss.Color("2")).Render("✓"),
		Warning: lipgloss.NewStyle().Foreground(lipgloss.Color("3")).Render("!"),
		Failed:  lipgloss.NewStyle().Foreground(lipgloss.Color("1")).Bold(true).Render("✗"),
		Skipped: faint.Render("–"),
	}
)

// Screen shows results to a person at a terminal as they come, in the order of Checks, and below them what is still being tried.
// Its methods may be called by any number of goroutines. Close ends it.
type Screen struct {
	// Set at construction.
	out   io.Writer
	width func() int
	start time.Time
	stop  chan struct{}
	over  chan struct{}

	mu      sync.Mutex
	waiting []string // ids that aren't shown yet
	results map[string]Result
}

// NewScreen begins. width is that of the terminal, asked again and again.
func NewScreen(out io.Writer, width func() int) *Screen {
	s := &Screen{out: out, width: width, start: time.Now(), stop: make(chan struct{}), over: make(chan struct{}),
		waiting: Checks(), results: make(map[string]Result)}
	go s.run()
	return s
}

// Show is for [Options.Progress].
func (s *Screen) Show(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[r.ID] = r
	if !slices.Contains(s.waiting, r.ID) { // one of the server that was passed over
		s.print(r)
	}
	s.flush()
}

// flush prints what may be printed. Those of the server come or don't come; nobody waits for them. Needs mu.
func (s *Screen) flush() {
	for len(s.waiting) > 0 {
		r, known := s.results[s.waiting[0]]
		switch {
		case known:
			s.print(r)
		case !strings.HasPrefix(s.waiting[0], "server-"):
			return
		}
		s.waiting = s.waiting[1:]
	}
}

func (s *Screen) print(r Result) { fmt.Fprint(s.out, clearLine, laidOut(r, s.columns())) }

func (s *Screen) columns() int { return min(max(s.width(), minWidth), maxWidth) }

func (s *Screen) run() {
	defer close(s.over)
	fmt.Fprint(s.out, hideCursor)
	defer fmt.Fprint(s.out, clearLine, showCursor)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		s.mu.Lock()
		s.status()
		s.mu.Unlock()
		select {
		case <-t.C:
		case <-s.stop:
			return
		}
	}
}

// status is the last line. Needs mu.
func (s *Screen) status() {
	var open []string
	for _, id := range s.waiting {
		if _, known := s.results[id]; !known && !strings.HasPrefix(id, "server-") {
			open = append(open, Title(id))
		}
	}
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	passed := time.Since(s.start)
	text := fmt.Sprintf("%c %d s: %s", frames[int(passed/tick)%len(frames)], int(passed.Seconds()), strings.Join(open, ", "))
	fmt.Fprint(s.out, clearLine, faint.Render(ansi.Truncate(text, max(s.width()-1, 1), "…")))
}

// Close ends it.
func (s *Screen) Close() {
	close(s.stop)
	<-s.over
}

// laidOut is a result as a person reads it.
func laidOut(r Result, width int) string {
	var b strings.Builder
	b.WriteString(hang(marks[r.Status]+" ", "  ", bold.Render(r.Title+":")+" "+r.What, width))
	if r.Means != "" {
		b.WriteString(hang("  ", "  ", r.Means, width))
	}
	if r.Mend != "" {
		b.WriteString(hang("  → ", "    ", r.Mend, width))
	}
	return b.String()
}

// hang breaks a text into lines of a width, of which the first begins with one thing and the others with another.
func hang(first, other, text string, width int) string {
	var all []string
	line, margin := first, lipgloss.Width(first)
	column := margin
	for state := -1; text != ""; {
		var piece string
		piece, text, _, state = uniseg.FirstLineSegmentInString(text, state)
		bare := lipgloss.Width(strings.TrimRight(piece, " "))
		if column > margin && column+bare > width {
			all, line, margin = append(all, line), other, lipgloss.Width(other)
			column = margin
		}
		if margin+bare > width { // one word: better broken than out of sight
			parts := strings.Split(ansi.Hardwrap(piece, max(width-margin, 1), true), "\n")
			for _, part := range parts[:len(parts)-1] {
				all, line = append(all, line+part), other
			}
			piece, column = parts[len(parts)-1], lipgloss.Width(line)
		}
		line += piece
		column += lipgloss.Width(piece)
	}
	var b strings.Builder
	for _, l := range append(all, line) {
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	return b.String()
}

// Summary is the last sentence of a report.
func (r Report) Summary() string {
	failed, warned := r.Count(Failed), r.Count(Warning)
	switch {
	case failed+warned == 0:
		return "Everything that could be tried is fine."
	case failed == 0:
		return fmt.Sprintf("Everything works; %s could be better.", things(warned))
	case warned == 0:
		return fmt.Sprintf("%s to be mended.", have(failed))
	}
	return fmt.Sprintf("%s to be mended; %s could be better.", have(failed), things(warned))
}

func things(n int) string {
	if n == 1 {
		return "one thing"
	}
	return fmt.Sprintf("%d things", n)
}

func have(n int) string {
	if n == 1 {
		return "One thing has"
	}
	return fmt.Sprintf("%d things have", n)
}

// Plain writes a report for pipes and screen readers: a line for each result, and one for each of what it means and what mends it.
func (r Report) Plain(out io.Writer) error {
	for _, one := range r.Results {
		if _, err := fmt.Fprintf(out, "%s: %s: %s\n", one.Status, one.Title, one.What); err != nil {
			return err
		}
		if one.Means != "" {
			fmt.Fprintf(out, "  means: %s\n", one.Means)
		}
		if one.Mend != "" {
			fmt.Fprintf(out, "  mend: %s\n", one.Mend)
		}
	}
	_, err := fmt.Fprintln(out, r.Summary())
	return err
}
