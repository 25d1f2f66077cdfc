package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

const (
	talkers = 1000 // at most, of the members
	// The hub gives up members that answer no ping for 30 s, and idle clients here
	// don't read: memory has to be read before that.
	idleWait = 25 * time.Second
)

// What the hub aims at, and what a plain relay took where that aim was set: on
// another machine the ratio of the two says more.
const (
	memoryBudget, memoryPlain = 8 << 10, 26 << 10 // bytes
	cpuBudget, cpuPlain       = 11500, 33000      // ns
)

type load struct{ members, signals, rounds int }

// cost is what one server takes.
type cost struct {
	memory float64 // bytes per idle member
	cpu    float64 // ns per signal relayed
}

func measureHub(args []string) error {
	var l load
	flags := flag.NewFlagSet("hub", flag.ContinueOnError)
	flags.IntVar(&l.members, "members", 5000, "idle `MEMBERS`, in rooms of two")
	flags.IntVar(&l.signals, "signals", 200_000, "`SIGNALS` of 1 KiB to relay")
	flags.IntVar(&l.rounds, "rounds", 3, "`ROUNDS`, of which the table shows the medians")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if l.members < 2 || l.members%2 != 0 || l.signals < l.talkers() || l.rounds < 1 {
		return fmt.Errorf("members must be even, signals at least %d, rounds at least 1", l.talkers())
	}
	var snug, plain []cost
	for round := range l.rounds {
		for _, s := range []struct {
			name, command string
			dialect       dialect
			costs         *[]cost
		}{{"snug", "serve-snug", snugDialect, &snug}, {"plain relay", "serve-gorilla", plainDialect, &plain}} {
			progress("round %d of %d, %s: %d members join, then %d signals", round+1, l.rounds, s.name, l.members, l.signals)
			c, err := l.measure(context.Background(), s.command, s.dialect)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			progress("  %.1f KiB per idle member, %.1f µs per signal", c.memory/1024, c.cpu/1000)
			*s.costs = append(*s.costs, c)
		}
	}
	l.print(snug, plain)
	return nil
}

func (l load) talkers() int { return min(talkers, l.members) }

// measure takes one server through the load.
func (l load) measure(ctx context.Context, command string, d dialect) (c cost, err error) {
	p, err := startProcess(command)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	empty, err := p.memory(ctx)
	if err != nil {
		return c, err
	}
	start := time.Now()
	all, err := joinAll(ctx, p.address, d, l.members)
	if err != nil {
		return c, err
	}
	defer all.close()
	full, err := p.memory(ctx)
	if err != nil {
		return c, err
	}
	if took := time.Since(start); took > idleWait {
		return c, fmt.Errorf("joining took %v: some may be gone again; use fewer --members", took)
	}
	c.memory = float64(full-empty) / float64(l.members)
	c.cpu, err = l.relay(p, all[:l.talkers()])
	return c, err
}

// relay returns the server's CPU time per signal in ns.
func (l load) relay(p *process, all crowd) (float64, error) {
	each := l.signals / len(all)
	if err := all.talk(max(each/10, 1)); err != nil { // to warm up
		return 0, err
	}
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	if err := all.talk(each); err != nil {
		return 0, err
	}
	after, err := p.cpu()
	return float64(after-before) / float64(each*len(all)), err
}

func (l load) print(snug, plain []cost) {
	fmt.Printf("%s, %d members in rooms of 2, %d of them relaying %d signals of 1 KiB, median of %d rounds\n\n",
		time.Now().Format(time.DateOnly), l.members, l.talkers(), l.signals, l.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tsnug\tplain relay\tsnug / plain\tbudget\tsnug / budget\tbudget's ratio to plain\t")
	row := func(what, unit string, scale float64, of func(cost) float64, budget, planned float64) {
		s, p := median(snug, of), median(plain, of)
		fmt.Fprintf(w, "%s\t%.1f %s\t%.1f %s\t%.2f\t%.1f %s\t%.2f\t%.2f\t\n", what,
			s/scale, unit, p/scale, unit, s/p, budget/scale, unit, s/budget, budget/planned)
	}
	row("RSS per idle member", "KiB", 1024, func(c cost) float64 { return c.memory }, memoryBudget, memoryPlain)
	row("CPU per relayed signal", "µs", 1000, func(c cost) float64 { return c.cpu }, cpuBudget, cpuPlain)
	w.Flush()
}

func median(all []cost, of func(cost) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b cost) int { return cmp.Compare(of(a), of(b)) })
	return (of(sorted[(len(sorted)-1)/2]) + of(sorted[len(sorted)/2])) / 2
}
