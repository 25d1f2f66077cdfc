package main

import (
	"os"

	"github.com/snug-chat/snug/internal/echo"
	"github.com/spf13/cobra"
)

func newBot() *cobra.Command {
	bot := &cobra.Command{
		Use:   "bot",
		Short: "Put a program into a room",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	bot.AddCommand(&cobra.Command{
		Use:     "echo INVITE",
		Short:   "Answer everybody with their own words",
		Example: "  snug bot echo http://localhost:8080/r/k7wq-4fmx-3tba",
		Args:    oneInvite,
		RunE: fails(func(c *cobra.Command, args []string) error {
			return echo.Run(c.Context(), args[0], "echo", os.Stdout)
		}),
	})
	return bot
}
