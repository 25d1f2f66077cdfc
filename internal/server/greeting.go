package server

import (
	"fmt"
	"io"
	"os"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/term"
	"github.com/mdp/qrterminal/v3"
)

// Greet says on out what to do next. The invite stands on a line of its own.
func (s *Server) Greet(out io.Writer) error {
	invite, err := s.Invite()
	if err != nil {
		return err
	}
	shown := invite
	if f, ok := out.(*os.File); ok && term.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" {
		shown = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Cyan).Render(invite)
	}
	if !s.lan {
		fmt.Fprintf(out, "snug is running. Open this in two browsers:\n\n    %s\n\nCtrl-C stops it.\n", shown)
		return nil
	}
	fmt.Fprintf(out, "snug is running. Anyone in your network can come in. Open this, also on a phone:\n\n    %s\n\n", shown)
	qrterminal.GenerateHalfBlock(invite, qrterminal.L, out)
	fmt.Fprint(out, "\nCtrl-C stops it.\n")
	return nil
}
