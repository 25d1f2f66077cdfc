package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Defaults of [LinkOptions].
const (
	defaultLinkLength = 5 * time.Second
	defaultOpens      = 20
)

// LinkOptions say what to measure of links. The zero value of each field means its default, but Command has none.
type LinkOptions struct {
	Only    []string      // scenarios; all
	Opens   int           // links that are opened, one after the other, in a round; 20
	Length  time.Duration // of a load; 5 s
	Rounds  int           // of which medians are shown; 3
	Profile string        // a folder for profiles of our links, of one more round; none
	JSON    bool          // print the report as JSON instead of a table

	// Command starts this program so that it calls [Work]; a name follows.
	Command []string

	Out      io.Writer // gets the report
	Progress io.Writer // gets what is being done
}

// Check says what is wrong with options, nil if nothing is. The error is a sentence.
func (o *LinkOptions) Check() error {
	for _, name := range o.Only {
		if !slices.Contains(LinkScenarioNames(), name) {
			return fmt.Errorf("there is nothing named %q to measure: choose of %s", name, strings.Join(LinkScenarioNames(), ", "))
		}
	}
	if o.Opens < 0 || o.Length < 0 || o.Rounds < 0 {
		return fmt.Errorf("opens, length and rounds can't be negative")
	}
	return nil
}

func (o LinkOptions) withDefaults() LinkOptions {
	if len(o.Only) == 0 {
		o.Only = LinkScenarioNames()
	}
	if o.Opens == 0 {
		o.Opens = defaultOpens
	}
	if o.Length == 0 {
		o.Length = defaultLinkLength
	}
	if o.Rounds == 0 {
		o.Rounds = defaultRounds
	}
	return o
}

// linkRunner is one run of RunLink or RunMesh.
type linkRunner struct {
	course
	command []string
	folder  string // for profiles; none
	length  time.Duration
	opens   int
}

// Kinds are what is measured, in turn.
var kinds = []named{{serverSnug, "snug"}, {makerPion, "plain Pion"}}

// RunLink measures links between two members, and prints a report. The error is a sentence, or ctx's.
func RunLink(ctx context.Context, o LinkOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	o = o.withDefaults()
	r := &linkRunner{course: course{said: o.Progress}, command: o.Command, folder: o.Profile, length: o.Length, opens: o.Opens}
	var steps []step
	for _, s := range linkScenarios {
		if !slices.Contains(o.Only, s.name) {
			continue
		}
		if s.inside && !canMeasureProcesses {
			return fmt.Errorf("memory and CPU of a process can be read on Linux only: here, on %s, choose --only %s", runtime.GOOS, strings.Join(outside(), ","))
		}
		for _, kind := range kinds {
			steps = append(steps, step{s.name, kind, func(ctx context.Context) ([]figure, error) { return s.measure(ctx, r, kind.Key) }})
		}
	}
	r.report.begin(o.Rounds, o.Length)
	r.report.Targets = kinds
	if err := r.rounds(ctx, o.Rounds, steps); err != nil {
		return err
	}
	if err := r.profiles(ctx, o.Profile, steps); err != nil {
		return err
	}
	r.report.end(LinkScenarioNames())
	return r.print(o.Out, o.JSON)
}

// linkScenario is one thing to measure of links.
type linkScenario struct {
	name    string
	inside  bool // it measures memory or CPU
	measure func(ctx context.Context, r *linkRunner, kind string) ([]figure, error)
}

var linkScenarios = []linkScenario{
	{name: "open", measure: openHere},
	{name: "far", measure: openFar},
	{name: "bytes", inside: true, measure: bulkFlow},
	{name: "messages", inside: true, measure: smallFlow},
	{name: "goodput", measure: goodput},
	{name: "idle", inside: true, measure: idleLinks},
}

// LinkScenarioNames are those that LinkOptions.Only may hold.
func LinkScenarioNames() []string {
	names := make([]string, len(linkScenarios))
	for i, s := range linkScenarios {
		names[i] = s.name
	}
	return names
}

// outside are the scenarios for systems whose processes can't be measured.
func outside() (names []string) {
	for _, s := range linkScenarios {
		if !s.inside {
			names = append(names, s.name)
		}
	}
	return names
}

// pause waits for a load to have lasted.
func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
