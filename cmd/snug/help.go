package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const helpWidth = 100 // columns

// part is some of a command's flags, which its help shows together.
type part struct {
	title string
	*pflag.FlagSet
}

func newPart(title string) part {
	p := part{title, pflag.NewFlagSet(title, pflag.ContinueOnError)}
	p.SortFlags = false
	return p
}

// inParts gives c the flags of all parts. Its help shows one part after the other.
func inParts(c *cobra.Command, parts []part) {
	for _, p := range parts {
		c.Flags().AddFlagSet(p.FlagSet)
	}
	c.SetUsageFunc(func(c *cobra.Command) error {
		out := c.OutOrStderr()
		fmt.Fprintf(out, "Usage:\n  %s\n\nExamples:\n%s\n", c.UseLine(), c.Example)
		for _, p := range parts {
			fmt.Fprintf(out, "\n%s:\n%s", p.title, p.FlagUsagesWrapped(helpWidth))
		}
		return nil
	})
}
