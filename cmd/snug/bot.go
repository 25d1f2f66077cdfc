package main

import (
	"os"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/internal/echo"
	"github.com/snug-chat/snug/peer"
	"github.com/spf13/cobra"
)

func newBot() *cobra.Command {
	return group("bot", "Put a program into a room", newEcho())
}

func newEcho() *cobra.Command {
	var m membership
	c := &cobra.Command{
		Use:     "echo INVITE",
		Short:   "Answer everybody with their own words",
		Example: "  snug bot echo http://localhost:8080/r/k7wq-4fmx-3tba",
		Args:    oneInvite,
		RunE: fails(func(c *cobra.Command, args []string) error {
			o, err := m.options(peer.Options{Name: "echo", Meta: jsontext.Value(`{"bot":true}`)})
			if err != nil {
				return err
			}
			return echo.Run(c.Context(), args[0], o, os.Stdout)
		}),
	}
	m.flags(c)
	return c
}
