package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/term"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/internal/doctor"
	"github.com/spf13/cobra"
)

func newDoctor() *cobra.Command {
	f := doctorFlags{idle: 20 * time.Second, timeout: 10 * time.Second}
	c := &cobra.Command{
		Use:   "doctor URL",
		Short: "Find out why members of a hub don't get through",
		Long: `Find out why members of a hub don't get through.

URL is the hub's address, or an invite. It comes in as a member, into an empty room, and tries every way
that members' packets go: HTTPS, WebSocket and HTTP, STUN, TURN over UDP, TCP and TLS with bytes there and
back. Each line says that something is fine or, in a sentence or two, what is wrong, what that
means for members, and what mends it. Silence comes last: it takes until the hub's sign of life, some 16 s.

Run on the hub's own machine, it also looks at the hub from beside it; give it the hub's configuration
with --server then.

The exit status is 0 if nothing failed, 1 if something did, and 2 for a command line that can't be
understood.`,
		Example: `  snug doctor https://hub.example.org
  snug doctor --token-file token https://hub.example.org/r/lobby
  snug doctor --server /etc/snug/snug.yaml https://hub.example.org
  snug doctor --json --idle 0 https://hub.example.org`,
		Args:              oneTarget,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if f.idle < 0 || f.timeout <= 0 {
				return errors.New("--timeout must be above zero, and --idle not below it")
			}
			return fails(f.run)(c, args)
		},
	}
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "the `FILE` of the token, where the hub asks for one")
	c.Flags().StringVar(&f.server, "server", "", "the hub runs on this machine, with this configuration `FILE`")
	c.Flags().DurationVar(&f.idle, "idle", f.idle, "wait at most this `TIME` for what becomes of silent connections; 0: don't")
	c.Flags().DurationVar(&f.timeout, "timeout", f.timeout, "wait at most this `TIME` in each other check")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.plain, "plain", false, "print plain lines, as into a pipe, and nothing that moves")
	c.MarkFlagsMutuallyExclusive("json", "plain")
	_ = c.MarkFlagFilename("server", "yaml", "yml") // which completions offer; there is such a flag
	for _, name := range []string{"idle", "timeout"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return c
}

// doctorFlags are the flags of snug doctor.
type doctorFlags struct {
	tokenFile, server string
	idle, timeout     time.Duration
	json, plain       bool
}

// oneTarget is the check of the command line.
func oneTarget(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("an address is missing: that of the hub, such as https://hub.example.org, or an invite")
	case 1:
		_, err := doctor.ParseTarget(args[0])
		return err
	}
	return fmt.Errorf("one address is enough, here are %d", len(args))
}

func (f *doctorFlags) run(c *cobra.Command, args []string) error {
	target, err := doctor.ParseTarget(args[0])
	if err != nil {
		return err
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	report, err := f.show(c.Context(), target, o)
	if err != nil {
		return err
	}
	if !report.OK || c.Context().Err() != nil { // what was cut short hasn't shown that all is well
		return errTold
	}
	return nil
}

func (f *doctorFlags) options() (doctor.Options, error) {
	o := doctor.Options{Timeout: f.timeout, Idle: f.idle}
	if f.idle == 0 {
		o.Idle = -1
	}
	if f.tokenFile != "" {
		if _, err := readToken(f.tokenFile); err != nil {
			return o, err
		}
		o.Token = func(context.Context) (string, error) { return readToken(f.tokenFile) }
	}
	if f.server != "" {
		cfg, err := config.Load(sourcesOf(f.server))
		if err != nil {
			return o, err
		}
		o.Config = cfg
	}
	return o, nil
}

// show runs it and prints what it finds: as it comes, for a person.
func (f *doctorFlags) show(ctx context.Context, target doctor.Target, o doctor.Options) (doctor.Report, error) {
	if f.json {
		report := doctor.Run(ctx, target, o)
		if err := json.MarshalWrite(os.Stdout, report, jsontext.WithIndent("  ")); err != nil {
			return report, err
		}
		_, err := fmt.Println()
		return report, err
	}
	if f.plain || !isScreen() {
		report := doctor.Run(ctx, target, o)
		return report, report.Plain(os.Stdout)
	}
	lipgloss.Println(target.Hub.String() + "\n")
	screen := doctor.NewScreen(lipgloss.Writer, terminalWidth)
	o.Progress = screen.Show
	report := doctor.Run(ctx, target, o)
	screen.Close()
	_, err := lipgloss.Println("\n" + report.Summary())
	return report, err
}

// terminalWidth is in columns.
func terminalWidth() int {
	width, _, err := term.GetSize(os.Stdout.Fd())
	if err != nil {
		return 80
	}
	return width
}
