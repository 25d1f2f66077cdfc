package main

import (
	"context"
	"os"
	"strings"

	"github.com/snug-chat/snug/internal/bench"
	"github.com/spf13/cobra"
)

func newBench() *cobra.Command {
	return group("bench", "Measure on this machine what snug claims", newBenchHub(), newBenchLink(), newBenchMesh(), newBenchServe(), newBenchWork())
}

func newBenchHub() *cobra.Command {
	var o bench.Options
	names := strings.Join(bench.ScenarioNames(), ",")
	c := &cobra.Command{
		Use:   "hub",
		Short: "Measure the hub under load, beside other servers",
		Long: `Measure the hub under load, beside other servers.

It starts a hub and two relays to compare it with, each in a process of its own, and measures them in turn:
  idle     memory of members that say nothing
  relay    CPU time to relay a signal of 1 KiB
  latency  of signals that are due at a constant rate; what is sent late counts as late
  storm    many members join as fast as they can, rooms of 2 and rooms of 500
  slow     the same as latency, beside members that never read
  fanout   the time until everybody in a room knows who came or went
The table shows medians, ratios, and what is left of the budgets.

With --url it puts this load on a hub that runs already, and shows what can be seen from outside. That hub's limits
hold: with the defaults, one on another machine takes 256 connections from here.`,
		Example: `  snug bench hub
  snug bench hub --only relay,latency --rounds 5 --json
  snug bench hub --url http://localhost:8080`,
		Args: cobra.NoArgs,
	}
	c.RunE = measures(o.Check, "serve", func(ctx context.Context, command []string) error {
		o.Command, o.Out, o.Progress = command, os.Stdout, os.Stderr
		return bench.Run(ctx, o)
	})
	f := c.Flags()
	f.StringSliceVar(&o.Only, "only", nil, "measure only these `SCENARIOS`: "+names)
	f.IntVar(&o.Members, "members", 0, "how many `MEMBERS` each scenario has (idle 5000 and 9000, storm 2000, others 1000)")
	f.Float64Var(&o.Rate, "rate", 0, "`SIGNALS` a second where latency is measured (2000)")
	f.DurationVar(&o.Length, "length", 0, "how long each load lasts, a `TIME` (10s)")
	f.IntVar(&o.Rounds, "rounds", 0, "`ROUNDS`, of which the table shows the medians (3)")
	f.BoolVar(&o.TLS, "tls", false, "measure over TLS, with a certificate made for this run")
	f.BoolVar(&o.PeerJS, "peerjs", false, "measure the PeerJS server, too; it is installed from npm for this run")
	f.StringVar(&o.URL, "url", "", "measure the hub at this `URL`, from outside, instead of our own")
	f.StringVar(&o.Profile, "profile", "", "write profiles of the hub's CPU time and memory into this `FOLDER`")
	f.BoolVar(&o.JSON, "json", false, "print JSON instead of a table")
	return c
}

// newBenchServe is one of the servers that bench hub starts.
func newBenchServe() *cobra.Command {
	return &cobra.Command{
		Use:    "serve NAME CERTIFICATES",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: fails(func(_ *cobra.Command, args []string) error {
			return bench.Serve(args[0], args[1], os.Stdin, os.Stdout)
		}),
	}
}

func newBenchLink() *cobra.Command {
	var o bench.LinkOptions
	c := &cobra.Command{
		Use:   "link",
		Short: "Measure links between two members, beside plain Pion",
		Long: `Measure links between two members, beside plain Pion.

The same is done with links of rooms, whose hub is there too, and with Pion's defaults and signals that cost nothing, in
turn, each in processes of its own:
  open      the time in which links open on this machine
  far       the same where the two are 50 ms apart, in round trips
  bytes     how much goes reliably from one process to another, and what that costs
  messages  the same of messages of 100 bytes
  goodput   how much gets through at round trips of 50 and 150 ms, where nothing or 1 % is lost
  idle      what the end of a link costs that is idle
The table shows medians, ratios, and what is left of the budgets.`,
		Example: `  snug bench link
  snug bench link --only bytes,messages --rounds 5 --json`,
		Args: cobra.NoArgs,
	}
	c.RunE = measures(o.Check, "work", func(ctx context.Context, command []string) error {
		o.Command, o.Out, o.Progress = command, os.Stdout, os.Stderr
		return bench.RunLink(ctx, o)
	})
	f := c.Flags()
	f.StringSliceVar(&o.Only, "only", nil, "measure only these `SCENARIOS`: "+strings.Join(bench.LinkScenarioNames(), ","))
	f.IntVar(&o.Opens, "opens", 0, "how many `LINKS` are opened in a round (20)")
	f.DurationVar(&o.Length, "length", 0, "how long each load lasts, a `TIME` (5s)")
	f.IntVar(&o.Rounds, "rounds", 0, "`ROUNDS`, of which the table shows the medians (3)")
	f.StringVar(&o.Profile, "profile", "", "write profiles of our CPU time and memory into this `FOLDER`")
	f.BoolVar(&o.JSON, "json", false, "print JSON instead of a table")
	return c
}

func newBenchMesh() *cobra.Command {
	var o bench.MeshOptions
	c := &cobra.Command{
		Use:   "mesh",
		Short: "Measure how long it takes until all have links to all, beside plain Pion",
		Long: `Measure how long it takes until all have links to all, beside plain Pion.

All members are in one process, with their hub, and come at the same instant. The table shows medians, the ratio, and what
is left of the budget.`,
		Example: `  snug bench mesh
  snug bench mesh --members 16 --rounds 5`,
		Args: cobra.NoArgs,
	}
	c.RunE = measures(o.Check, "work", func(ctx context.Context, command []string) error {
		o.Command, o.Out, o.Progress = command, os.Stdout, os.Stderr
		return bench.RunMesh(ctx, o)
	})
	f := c.Flags()
	f.IntVar(&o.Members, "members", 0, "how many `MEMBERS` there are (30)")
	f.IntVar(&o.Rounds, "rounds", 0, "`ROUNDS`, of which the table shows the medians (3)")
	f.StringVar(&o.Profile, "profile", "", "write profiles of our CPU time and memory into this `FOLDER`")
	f.BoolVar(&o.JSON, "json", false, "print JSON instead of a table")
	return c
}

// measures checks the flags, and runs with what starts the subcommand by this name in a process of its own.
func measures(check func() error, name string, run func(ctx context.Context, command []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := check(); err != nil {
			return err
		}
		return fails(func(c *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			return run(c.Context(), []string{self, "bench", name})
		})(c, args)
	}
}

// newBenchWork is where bench link and bench mesh make links.
func newBenchWork() *cobra.Command {
	return &cobra.Command{
		Use:    "work NAME",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: fails(func(_ *cobra.Command, args []string) error {
			return bench.Work(args[0], os.Stdin, os.Stdout)
		}),
	}
}
