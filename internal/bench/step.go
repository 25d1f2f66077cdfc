package bench

import (
	"context"
	"fmt"
	"io"
	"os"
)

// course is what each benchmark goes through: rounds of steps, whose figures it reports.
type course struct {
	report    report
	said      io.Writer // gets what is being done
	profiling bool      // this round is for profiles, and counts for nothing else
}

// step measures one target once.
type step struct {
	scenario string
	target   named
	measure  func(context.Context) ([]figure, error)
}

// rounds goes through all steps, in turn, as often as it is told.
func (c *course) rounds(ctx context.Context, rounds int, steps []step) error {
	for round := range rounds {
		for _, s := range steps {
			c.progress("round %d of %d, %s: %s", round+1, rounds, s.scenario, s.target.Name)
			err := c.take(ctx, s)
			if err != nil && (s.target.Key == serverSnug || ctx.Err() != nil) {
				return err
			}
			if err != nil { // another one broke down under the load
				c.progress("  %v", err)
				c.report.note(fmt.Sprintf("Round %d lacks figures of %v.", round+1, err))
			}
		}
	}
	return nil
}

// profiles goes through those steps that measure snug, for profiles in a folder.
func (c *course) profiles(ctx context.Context, folder string, steps []step) error {
	if folder == "" {
		return nil
	}
	c.profiling = true
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, s := range steps {
		if s.target.Key != serverSnug {
			continue
		}
		c.progress("profiles of %s", s.scenario)
		if err := c.take(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *course) take(ctx context.Context, s step) error {
	figures, err := s.measure(ctx)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", s.scenario, s.target.Name, err)
	}
	for _, f := range figures {
		c.progress("  %s: %s", f.what, f.text(f.value))
		if !c.profiling {
			c.report.add(s.scenario, s.target.Key, f)
		}
	}
	return nil
}

func (c *course) progress(format string, args ...any) {
	fmt.Fprintf(c.said, format+"\n", args...)
}

// print prints the report.
func (c *course) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return c.report.json(out)
	}
	return c.report.table(out)
}
