package main

import (
	"log/slog"
	"os"

	"github.com/snug-chat/snug/internal/server"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var o server.Options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a hub with its page",
		Long: `Run a hub with its page.

It listens on this machine only, unless told otherwise, and prints an invite to a new room.
Any other room is there as soon as somebody opens it: /r/ROOM.`,
		Example: `  snug serve
  snug serve --lan
  snug serve --listen 127.0.0.1:9000 --origin https://example.org`,
		Args: cobra.NoArgs,
		RunE: fails(func(c *cobra.Command, _ []string) error {
			o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			s, err := server.Listen(o)
			if err != nil {
				return err
			}
			if err := s.Greet(os.Stdout); err != nil {
				return err
			}
			return s.Serve(c.Context())
		}),
	}
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8080", "the `ADDRESS` to listen on, HOST:PORT")
	c.Flags().BoolVar(&o.LAN, "lan", false, "listen on the local network; anyone there can come in")
	c.Flags().StringArrayVar(&o.Origins, "origin", nil, "let pages of this `ORIGIN` in, such as https://example.org (repeatable)")
	c.Flags().StringArrayVar(&o.ICEServers, "ice-server", nil, "the `URL` of a STUN server for members, such as stun:stun.example.org:3478 (repeatable)")
	return c
}
