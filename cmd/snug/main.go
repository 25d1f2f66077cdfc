// Snug is a hub for rooms in which people and programs talk directly, and a member of
// such rooms for the terminal.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/internal/explain"
	"github.com/snug-chat/snug/internal/plain"
	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitError = 1
	exitUsage = 2
)

func main() { os.Exit(run(os.Args[1:])) }

// run runs a command line and returns the exit status.
func run(args []string) int {
	ctx, stop := untilSignal()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	var failed *failure
	var wrong config.Problems
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errTold):
		return exitError
	case errors.As(err, &wrong): // one a line: editors find FILE:LINE
		for _, p := range wrong {
			fmt.Fprintln(os.Stderr, "snug:", plain.Line(p.Error()))
		}
		return exitError
	case errors.As(err, &failed):
		fmt.Fprintln(os.Stderr, "snug:", explain.Error(failed.error))
		return exitError
	}
	fmt.Fprintf(os.Stderr, "snug: %v. See: %s --help\n", err, command.CommandPath())
	return exitUsage
}

// untilSignal is a context that ends with the first signal to end. When it has ended, the second one ends
// the process at once: signal.NotifyContext would end it before.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		var cause error
		select {
		case s := <-signals:
			cause = interrupted{s}
		case <-ctx.Done():
		}
		signal.Stop(signals)
		cancel(cause)
	}()
	return ctx, func() { cancel(nil) }
}

// interrupted is why a command was cancelled.
type interrupted struct{ os.Signal }

func (i interrupted) Error() string { return i.String() + " signal received" }
func (interrupted) Unwrap() error   { return context.Canceled }

// errTold is the error of a command that has said what is wrong.
var errTold = errors.New("told")

// failure is an error of what a command does. Every other is one of how it was
// called, and found by cobra.
type failure struct{ error }

func (f *failure) Unwrap() error { return f.error }

// fails marks the errors of a command as failures.
func fails(do func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := do(c, args); err != nil {
			return &failure{err}
		}
		return nil
	}
}

// oneInvite is the check of commands that join a room.
func oneInvite(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("an invite is missing: the link that ends in /r/ROOM")
	case 1:
		return nil
	}
	return fmt.Errorf("one invite is enough, here are %d", len(args))
}

func newRoot() *cobra.Command {
	root := group("snug", "Talk directly, from browser to browser to terminal",
		newServe(), newConfig(), newRoom(), newToken(), newChat(), newBot(), newDoctor(), newBench(), newVersion())
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = version()
	root.SetVersionTemplate("snug {{.Version}}\n")
	return root
}

// group is a command that only holds others.
func group(use, short string, others ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:                        use,
		Short:                      short,
		SuggestionsMinimumDistance: 2,
		Args:                       oneOfThem,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(others...)
	return c
}

// oneOfThem is the check of a group: what is left here is no command of it.
func oneOfThem(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", near[0])
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), hint)
}
