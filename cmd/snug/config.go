package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/internal/plain"
	"github.com/snug-chat/snug/internal/server"
	"github.com/spf13/cobra"
)

func newConfig() *cobra.Command {
	return group("config", "Check or print the configuration of snug serve", newConfigCheck(), newConfigPrint())
}

func newConfigCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a configuration",
		Long: `Say what is wrong with a configuration, everything at once, as FILE:LINE: KEY: what.

It is read as snug serve --config FILE would read it, with the environment (SNUG_…) above it, and
the files that it names are read, too.`,
		Example: `  snug config check /etc/snug/snug.yaml`,
		Args:    oneFile,
		RunE: fails(func(c *cobra.Command, args []string) error {
			cfg, err := config.Load(sourcesOf(args[0]))
			if err == nil {
				err = server.Check(cfg)
			}
			var wrong config.Problems
			if errors.As(err, &wrong) {
				for _, p := range wrong {
					fmt.Println(plain.Line(p.Error()))
				}
				return errTold
			}
			if err == nil {
				_, err = fmt.Printf("%s is fine.\n", args[0])
			}
			return err
		}),
	}
}

func newConfigPrint() *cobra.Command {
	var file string
	var defaults bool
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration as snug serve would see it",
		Long: `Print the configuration as snug serve would see it, as YAML, and beside each value that isn't a
default where it comes from. Secrets aren't in it, only the names of their files.`,
		Example: `  snug config print --config /etc/snug/snug.yaml
  snug config print --defaults > snug.yaml`,
		Args: cobra.NoArgs,
		RunE: fails(func(*cobra.Command, []string) error {
			if defaults {
				return config.PrintDefaults(os.Stdout)
			}
			cfg, err := config.Load(sourcesOf(file))
			if err != nil {
				return err
			}
			return cfg.Print(os.Stdout)
		}),
	}
	c.Flags().StringVar(&file, "config", "", "read this `FILE`, in YAML (or SNUG_CONFIG)")
	c.Flags().BoolVar(&defaults, "defaults", false, "print a file with every key, what it means and its default instead")
	return c
}

// sourcesOf are a file, if one is named, and the environment.
func sourcesOf(file string) config.Sources {
	s := config.Sources{File: config.FileFrom(file, os.Environ()), Environment: os.Environ()}
	s.Data = dataDirectory()
	return s
}

// dataDirectory is where what the program keeps belongs: where systemd says (StateDirectory=), or else in the user's
// home; empty if there is neither.
func dataDirectory() string {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "snug")
}

// oneFile is the check of commands that read one.
func oneFile(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("a file is missing")
	case 1:
		return nil
	}
	return fmt.Errorf("one file is enough, here are %d", len(args))
}
