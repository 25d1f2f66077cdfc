package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/snug-chat/snug/internal/mint"
	"github.com/spf13/cobra"
)

func newToken() *cobra.Command {
	var o mint.Options
	c := &cobra.Command{
		Use:   "token --key FILE --room ROOM --sub NAME",
		Short: "Make a token that lets somebody into a room",
		Long: `Make a token that lets somebody into a room, and print it.

A hub that runs with --token-keys lets in only who has one. It is a JWT, signed with a private key
whose public key the hub has; snug token keygen makes such a pair. Whoever has the token is
taken for its owner: give it to nobody else, and never put it into a link.`,
		Example: `  snug token --key backend.pem --room lobby --sub ann
  snug token --key backend.pem --room lobby --sub bob --permission kick --permission lock --expires 10m`,
		Args: needs("key", "room", "sub"),
		RunE: fails(func(*cobra.Command, []string) error {
			signed, err := mint.Token(o)
			if err != nil {
				return err
			}
			_, err = fmt.Println(signed)
			return err
		}),
	}
	c.Flags().StringVar(&o.KeyFile, "key", "", "the `FILE` of the private key, in PEM")
	c.Flags().StringVar(&o.Room, "room", "", "the `ROOM` that it is for: what stands behind /r/ in an invite")
	c.Flags().StringVar(&o.Subject, "sub", "", "the `NAME` of whom it is for; all in the room see it")
	c.Flags().Var(&o.Permissions, "permission", "let them do this too: kick, lock (repeatable); everybody may join")
	c.Flags().DurationVar(&o.Expires, "expires", time.Hour, "the `TIME` until it expires; a hub takes up to 24h, unless told otherwise")
	c.Flags().Lookup("expires").DefValue = "1h"
	c.Flags().StringVar(&o.ID, "id", "", "the `ID` of the token, which a kick holds; without one a kick holds this token only")
	c.Flags().StringVar(&o.KeyID, "kid", "", "the `KID` of the key, where the hub has a JWKS file")
	c.AddCommand(newKeygen())
	return c
}

func newKeygen() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "keygen --out NAME",
		Short: "Make a pair of keys for tokens",
		Long: `Make a pair of keys for tokens: NAME.pem, the private key, to sign them with, and NAME.pub.pem, the
public key, for the hub. Files that are there aren't touched.`,
		Example: `  snug token keygen --out backend`,
		Args:    needs("out"),
		RunE: fails(func(*cobra.Command, []string) error {
			return mint.Keygen(out, os.Stdout)
		}),
	}
	c.Flags().StringVar(&out, "out", "", "the `NAME` of the files")
	return c
}

// needs is the check of commands without arguments that can't do without some flags.
func needs(flags ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := cobra.NoArgs(c, args); err != nil {
			return err
		}
		var missing []string
		for _, flag := range flags {
			if !c.Flags().Changed(flag) {
				missing = append(missing, "--"+flag)
			}
		}
		switch len(missing) {
		case 0:
			return nil
		case 1:
			return fmt.Errorf("%s is missing", missing[0])
		}
		return fmt.Errorf("%s are missing", strings.Join(missing, " and "))
	}
}
