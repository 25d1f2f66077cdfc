package bench

import (
	"context"
	"fmt"
	"io"
)

const (
	defaultMesh = 30
	maxMesh     = 100

	// meshBudget is the time until all links are live, as a multiple of plain Pion's.
	meshBudget = 0.65
)

// MeshOptions say how to measure a mesh. The zero value of each field means its default, but Command has none.
type MeshOptions struct {
	Members int    // 2 to 100; 30
	Rounds  int    // of which medians are shown; 3
	Profile string // a folder for profiles, of one more round; none
	JSON    bool   // print the report as JSON instead of a table

	// Command starts this program so that it calls [Work]; a name follows.
	Command []string

	Out      io.Writer // gets the report
	Progress io.Writer // gets what is being done
}

// Check says what is wrong with options, nil if nothing is. The error is a sentence.
func (o *MeshOptions) Check() error {
	if o.Members != 0 && (o.Members < 2 || o.Members > maxMesh) {
		return fmt.Errorf("%d members are no mesh to measure: choose 2 to %d", o.Members, maxMesh)
	}
	if o.Rounds < 0 {
		return fmt.Errorf("rounds can't be negative")
	}
	return nil
}

// RunMesh measures how long it takes until all links are live between members that come at the same instant, and prints a
// report. The error is a sentence, or ctx's.
func RunMesh(ctx context.Context, o MeshOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Members == 0 {
		o.Members = defaultMesh
	}
	if o.Rounds == 0 {
		o.Rounds = defaultRounds
	}
	r := &linkRunner{course: course{said: o.Progress}, command: o.Command, folder: o.Profile}
	var steps []step
	for _, kind := range kinds {
		steps = append(steps, step{"mesh", kind, func(ctx context.Context) ([]figure, error) { return r.mesh(ctx, kind.Key, o.Members) }})
	}
	r.report.begin(o.Rounds, 0)
	r.report.Targets = kinds
	if err := r.rounds(ctx, o.Rounds, steps); err != nil {
		return err
	}
	if err := r.profiles(ctx, o.Profile, steps); err != nil {
		return err
	}
	r.report.end([]string{"mesh"})
	return r.print(o.Out, o.JSON)
}

func (r *linkRunner) mesh(ctx context.Context, kind string, members int) (figures []figure, err error) {
	err = r.with(ctx, kind, 1, func(c crew) error {
		// The first links in a process find everything cold.
		if _, err := c.workers[0].ask(order{Do: "open"}); err != nil {
			return err
		}
		return r.profiled(c, "mesh", func() error {
			before, _ := c.cpu()
			a, err := c.workers[0].ask(order{Do: "mesh", Members: members})
			if err != nil {
				return err
			}
			figures = []figure{{fmt.Sprintf("%d links of %d members, until all are live", members*(members-1)/2, members), timeUnit, float64(a.Took), &budget{meshBudget, makerPion}}}
			if after, err := c.cpu(); err == nil {
				figures = append(figures, figure{"  CPU", timeUnit, float64(after - before), nil})
			}
			return nil
		})
	})
	return figures, err
}
