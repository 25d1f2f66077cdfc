package doctor

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Every case says something, and all that isn't fine says what it means and what mends it.
func TestEveryCaseHasItsWords(t *testing.T) {
	t.Parallel()
	for check, c := range texts() {
		if c.Title == "" {
			t.Errorf("%s has no title", check)
		}
		for kind, text := range c.Kinds {
			bad := text.Status == Failed || text.Status == Warning
			switch {
			case !slices.Contains([]Status{Fine, Warning, Failed, Skipped}, text.Status):
				t.Errorf("%s.%s: status %q", check, kind, text.Status)
			case text.What == "", bad && (text.Means == "" || text.Mend == ""):
				t.Errorf("%s.%s says too little", check, kind)
			}
		}
	}
	for _, id := range Checks() {
		if Title(id) == "" {
			t.Errorf("%s has no words", id)
		}
	}
}

func TestWhatServersSayCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	r := render("join", "refused", values{"error": "\x1b[2Jgone\nfail: {host}"})
	if want := "The hub lets us not in: [2Jgone fail: {host}"; r.What != want {
		t.Errorf("it says %q", r.What)
	}
}

func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	space := regexp.MustCompile(`\s+`)
	for check, c := range texts() {
		for kind := range c.Kinds {
			id := check
			if check == "relay" {
				id = "turn-tls"
			}
			r := render(id, kind, values{"server": strings.Repeat("long.", 12) + "example:3478", "until": "2027-01-01 00:00 UTC"})
			for _, width := range []int{20, 40, 96} {
				text := laidOut(r, width)
				for line := range strings.Lines(text) {
					if got := lipgloss.Width(strings.TrimRight(line, "\n")); got > width {
						t.Errorf("%s.%s: %d columns of %d: %q", check, kind, got, width, line)
					}
				}
				want := space.ReplaceAllString(r.What+r.Means+r.Mend, "")
				got := space.ReplaceAllString(ansi.Strip(text), "")
				if got = strings.ReplaceAll(got, "→", ""); !strings.HasSuffix(got, want) {
					t.Errorf("%s.%s: at %d columns %q isn't whole", check, kind, width, got)
				}
			}
		}
	}
}

// screenOf is what a person has seen in the end: what was written over is gone.
func screenOf(out string) string {
	var kept []string
	for line := range strings.SplitSeq(ansi.Strip(strings.ReplaceAll(out, clearLine, "\x00")), "\n") {
		kept = append(kept, line[strings.LastIndexByte(line, 0)+1:])
	}
	return strings.Join(kept, "\n")
}

func TestScreenKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var out guarded
	s := NewScreen(&out, func() int { return 60 })
	var all sync.WaitGroup
	for _, id := range Checks() {
		if id != "server-files" { // which nobody waits for
			all.Go(func() { s.Show(Result{ID: id, Title: Title(id), Status: Skipped, What: "Not tried."}) })
		}
	}
	all.Wait()
	s.Close()
	var shown []string
	for line := range strings.SplitSeq(screenOf(out.String()), "\n") {
		if title, ok := strings.CutPrefix(line, "– "); ok {
			shown = append(shown, title)
		}
	}
	if len(shown) != len(Checks())-1 {
		t.Fatalf("the screen shows %d results: %q", len(shown), shown)
	}
	// Those of the server come when they are there, and nobody waits for them.
	shown = slices.DeleteFunc(shown, func(line string) bool { return strings.HasPrefix(line, "Server") })
	want := slices.DeleteFunc(Checks(), func(id string) bool { return strings.HasPrefix(id, "server-") })
	for i, id := range want {
		if !strings.HasPrefix(shown[i], Title(id)+":") {
			t.Errorf("at %d stands %q, not %s", i, shown[i], id)
		}
	}
}

type guarded struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(b)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}
