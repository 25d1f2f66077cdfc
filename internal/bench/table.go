package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// unit is what a value counts.
type unit string

const (
	bytesUnit unit = "bytes"
	timeUnit  unit = "ns"
	ratioUnit unit = "ratio"
	speedUnit unit = "bytes/s"
	rateUnit  unit = "messages/s"
)

// more tells whether more is better.
func (u unit) more() bool { return u == speedUnit || u == rateUnit }

// text is a value with a unit that makes it short.
func (u unit) text(value float64) string {
	switch {
	case u == speedUnit:
		return fmt.Sprintf("%.1f MiB/s", value/(1<<20))
	case u == rateUnit:
		return fmt.Sprintf("%.0f/s", value)
	case u == bytesUnit && math.Abs(value) >= 1<<20:
		return fmt.Sprintf("%.2f MiB", value/(1<<20))
	case u == bytesUnit:
		return fmt.Sprintf("%.1f KiB", value/(1<<10))
	case u == timeUnit && value >= 1e9:
		return fmt.Sprintf("%.2f s", value/1e9)
	case u == timeUnit && value >= 1e6:
		return fmt.Sprintf("%.2f ms", value/1e6)
	case u == timeUnit:
		return fmt.Sprintf("%.1f µs", value/1e3)
	}
	return fmt.Sprintf("%.2f", value)
}

func (f figure) text(value float64) string { return f.unit.text(value) }

// table prints the report for people.
func (r *report) table(out io.Writer) error {
	date, err := time.Parse(time.RFC3339, r.Date)
	if err != nil {
		return err
	}
	load := ""
	if r.Seconds > 0 {
		load = fmt.Sprintf(", loads of %.0f s", r.Seconds)
	}
	if r.TLS {
		load += ", over TLS"
	}
	fmt.Fprintf(out, "%s, %d CPUs (%s), %s, %s, load average %.1f before and %.1f after\n",
		date.Format(time.DateOnly), r.Machine.CPUs, r.Machine.Processor, r.Machine.System, r.Machine.Go, r.Load[0], r.Load[1])
	fmt.Fprintf(out, "medians of %d rounds%s; in brackets snug's figure as a multiple\n\n", r.Rounds, load)
	lines := [][]string{r.heads()}
	scenario := ""
	for _, w := range r.Rows {
		if w.Scenario != scenario {
			lines = append(lines, nil, []string{w.Scenario})
			scenario = w.Scenario
		}
		lines = append(lines, r.cells(w))
	}
	for _, line := range align(lines) {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintln(out, "\n"+note)
	}
	return nil
}

func (r *report) heads() []string {
	heads := []string{""}
	for _, t := range r.Targets {
		heads = append(heads, t.Name)
	}
	return append(heads, "budget", "snug / budget", "")
}

func (r *report) cells(w *row) []string {
	cells := []string{"  " + w.What}
	for _, t := range r.Targets {
		cell := "–"
		if value, ok := w.Values[t.Key]; ok {
			cell = w.Unit.text(value)
		}
		if ratio, ok := w.Ratios[t.Key]; ok {
			cell += fmt.Sprintf(" (%.2f)", ratio)
		}
		cells = append(cells, cell)
	}
	if w.Budget == nil {
		return cells
	}
	verdict := "met"
	if *w.Off > 0 {
		verdict = fmt.Sprintf("missed by %.0f %%", *w.Off*100)
	}
	return append(cells, w.Unit.text(*w.Budget), fmt.Sprintf("%.2f", w.Values[serverSnug] / *w.Budget), verdict)
}

// align makes lines of cells: the first and the last column stand left, the others right.
func align(lines [][]string) []string {
	widths := make(map[int]int)
	for _, cells := range lines {
		for i, cell := range cells {
			if len(cells) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	text := make([]string, len(lines))
	for n, cells := range lines {
		for i, cell := range cells {
			space := strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0))
			if i > 0 && i < len(lines[0])-1 {
				cell, space = space+cell, ""
			}
			text[n] += cell + space + "  "
		}
		text[n] = strings.TrimRight(text[n], " ")
	}
	return text
}
