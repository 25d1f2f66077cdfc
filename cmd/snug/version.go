package main

import (
	"fmt"
	"runtime"

	"github.com/snug-chat/snug/internal/server"
	"github.com/spf13/cobra"
)

// version is what runs, and on what.
func version() string {
	return fmt.Sprintf("%s (%s, %s/%s)", server.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: fails(func(*cobra.Command, []string) error {
			_, err := fmt.Println("snug", version())
			return err
		}),
	}
}
