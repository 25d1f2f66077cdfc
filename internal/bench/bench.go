// Package bench is what snug bench hub runs: it measures the hub under load, beside other servers, in turn in
// one run. Nothing is asserted: figures depend on the machine, their ratios much less.
//
// Each server is a process of its own, started for each measurement and ended after it. The load is made in this
// process. Where it has a rate, signals are due at constant intervals whatever the server does, and count as late
// from when they were due.
package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Defaults of [Options].
const (
	defaultRounds  = 3
	defaultLength  = 10 * time.Second
	defaultRate    = 2000
	defaultMembers = 1000
	foreignMembers = 200 // of somebody else's hub, that takes so many from one address
	spareFiles     = 100 // beside one for each member
)

// Options say what to measure. The zero value of each field means its default, but Command has none.
type Options struct {
	Only    []string      // scenarios; all
	Members int           // of each scenario; 5,000 and 9,000 that are idle, 2,000 that join, 1,000 that talk, and 200 of a foreign hub
	Rate    float64       // signals a second where latency is measured; 2,000
	Length  time.Duration // of a load; 10 s
	Rounds  int           // of which medians are shown; 3
	TLS     bool          // measure over TLS
	PeerJS  bool          // measure the PeerJS server, too; Script starts it
	Script  string        // bench/peerjs.sh
	URL     string        // of a hub that runs already: measure it alone, and from outside
	Profile string        // a folder for profiles of our hub, of one more round; none
	JSON    bool          // print the report as JSON instead of a table

	// Command starts this program so that it calls [Serve]; a server's name and the folder of the
	// certificate, or "", follow.
	Command []string

	Out      io.Writer // gets the report
	Progress io.Writer // gets what is being done
}

// Check says what is wrong with options, nil if nothing is. The error is a sentence.
func (o *Options) Check() error {
	for _, name := range o.Only {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("there is nothing named %q to measure: choose of %s", name, strings.Join(ScenarioNames(), ", "))
		}
	}
	switch {
	case o.Members != 0 && (o.Members < 4 || o.Members%2 != 0):
		return fmt.Errorf("%d members can't be in rooms of two: choose an even number, 4 or more", o.Members)
	case o.Rate < 0 || o.Length < 0 || o.Rounds < 0:
		return fmt.Errorf("rate, length and rounds can't be negative")
	case o.URL != "" && (o.TLS || o.PeerJS || o.Profile != ""):
		return fmt.Errorf("with --url that hub alone is measured, from outside: leave --tls, --peerjs and --profile out")
	}
	for _, s := range scenarios {
		if o.URL != "" && s.inside && slices.Contains(o.Only, s.name) {
			return fmt.Errorf("%s can't be measured from outside, so not with --url: leave one of the two out", s.name)
		}
	}
	if o.URL != "" {
		_, err := parseURL(o.URL)
		return err
	}
	return nil
}

func (o Options) withDefaults() Options {
	if len(o.Only) == 0 {
		o.Only = ScenarioNames()
	}
	if o.Rate == 0 {
		o.Rate = defaultRate
	}
	if o.Length == 0 {
		o.Length = defaultLength
	}
	if o.Rounds == 0 {
		o.Rounds = defaultRounds
	}
	if o.Members == 0 && o.URL != "" {
		o.Members = foreignMembers
	}
	if o.Script == "" {
		o.Script = peerjsScript
	}
	return o
}

// members is how many a scenario has, if nobody said it.
func (o *Options) members(otherwise int) int {
	if o.Members > 0 {
		return o.Members
	}
	return otherwise
}

// runner is one run.
type runner struct {
	Options
	course
	dir     string      // for what is needed until the end
	tls     *tls.Config // nil without TLS
	targets []target
}

// Run measures and prints a report. The error is a sentence, or ctx's.
func Run(ctx context.Context, o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "snug-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &runner{Options: o.withDefaults(), course: course{said: o.Progress}, dir: dir}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.report.begin(r.Rounds, r.Length)
	r.report.TLS, r.report.Rate = r.TLS, r.Rate
	for _, t := range r.targets {
		r.report.Targets = append(r.report.Targets, named{t.key, t.name})
	}
	steps := r.steps()
	if err := r.rounds(ctx, r.Rounds, steps); err != nil {
		return err
	}
	if err := r.profiles(ctx, r.Profile, steps); err != nil {
		return err
	}
	r.report.end(ScenarioNames())
	return r.print(o.Out, o.JSON)
}

func (r *runner) prepare(ctx context.Context) error {
	if r.URL != "" {
		s, err := parseURL(r.URL)
		r.targets = []target{{name: "snug", key: "snug", dialect: snugDialect{}, announces: true, site: s}}
		r.progress("This makes %d members join %s, up to %.0f signals of 1 KiB a second, and members that never read.", r.Members, r.URL, r.Rate)
		return err
	}
	for _, name := range r.Only {
		if !canMeasureProcesses && name != "latency" && name != "fanout" {
			return fmt.Errorf("memory and CPU of a process can be read on Linux only: here, on %s, choose --only latency,fanout", runtime.GOOS)
		}
	}
	if err := openFiles(r.largest() + spareFiles); err != nil {
		return err
	}
	certificate := ""
	if r.TLS {
		var err error
		if r.tls, err = makeCertificate(r.dir); err != nil {
			return err
		}
		certificate = r.dir
	}
	r.targets = []target{
		{name: "snug", key: serverSnug, dialect: snugDialect{}, announces: true, command: append(slices.Clone(r.Command), serverSnug, certificate)},
		{name: "tuned relay", key: serverTuned, dialect: relayDialect{}, command: append(slices.Clone(r.Command), serverTuned, certificate)},
		{name: "plain relay", key: serverPlain, dialect: relayDialect{}, announces: true, command: append(slices.Clone(r.Command), serverPlain, certificate)},
	}
	return r.addPeerJS(ctx, certificate)
}

// largest is how many members there are at most.
func (r *runner) largest() int {
	most := r.members(stormMembers)
	if slices.Contains(r.Only, "idle") {
		most = max(most, slices.Max(r.crowds()))
	}
	return most + most/10
}

// steps take each target through each scenario, in turn.
func (r *runner) steps() (steps []step) {
	for _, s := range r.chosen() {
		for _, t := range r.targets {
			if s.announced && !t.announces {
				continue
			}
			steps = append(steps, step{s.name, named{t.key, t.name}, func(ctx context.Context) ([]figure, error) {
				return s.measure(ctx, r, t)
			}})
		}
	}
	return steps
}

// chosen are the scenarios that make sense here.
func (r *runner) chosen() (chosen []scenario) {
	for _, s := range scenarios {
		if slices.Contains(r.Only, s.name) && (r.URL == "" || !s.inside) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}
