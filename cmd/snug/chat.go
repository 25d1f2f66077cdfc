package main

import (
	"os"
	"os/user"

	"github.com/charmbracelet/x/term"
	"github.com/snug-chat/snug/internal/terminal"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
	"github.com/spf13/cobra"
)

func newChat() *cobra.Command {
	var name string
	var m membership
	c := &cobra.Command{
		Use:   "chat INVITE",
		Short: "Talk in a room from the terminal",
		Long: `Talk in a room from the terminal.

Where standard input and output are a terminal, it shows a screen. Otherwise each line of
standard input is a message, and what others say is printed as "name: text".`,
		Example: `  snug chat http://localhost:8080/r/k7wq-4fmx-3tba
  echo "The build is done." | snug chat --name ci http://localhost:8080/r/k7wq-4fmx-3tba`,
		Args: oneInvite,
		RunE: fails(func(c *cobra.Command, args []string) error {
			if name == "" {
				name = userName()
			}
			o, err := m.options(peer.Options{Name: name})
			if err != nil {
				return err
			}
			conversation, err := chat.Join(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			if isScreen() {
				return terminal.Screen(c.Context(), conversation)
			}
			return terminal.Lines(c.Context(), conversation, os.Stdin, os.Stdout, os.Stderr)
		}),
	}
	c.Flags().StringVar(&name, "name", "", "your `NAME` in the room (default: your user name)")
	m.flags(c)
	return c
}

// isScreen tells whether a person sits at a terminal that can do more than print lines.
func isScreen() bool {
	return term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd()) && os.Getenv("TERM") != "dumb"
}

func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "guest"
}
