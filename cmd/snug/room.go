package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
	"github.com/spf13/cobra"
)

const usualHub = "http://localhost:8080"

func newRoom() *cobra.Command {
	return group("room", "Draw invites to rooms", newRoomNew())
}

func newRoomNew() *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use:   "new [HUB]",
		Short: "Print an invite to a new room",
		Long: `Print an invite to a new room of a hub, ` + usualHub + ` if none is named. Nobody is asked: a room is there as
soon as somebody comes in.

The room is sealed: behind the # stands its key, which no hub is told. Who has the invite can come in
and read along, and nobody else, whoever runs the hub. Put it in quotes for a shell: some take
~ and # for something else.`,
		Example: `  snug room new
  snug chat "$(snug room new https://hub.example.org)"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("one hub is enough, here are %d", len(args))
			}
			return nil
		},
		RunE: fails(func(_ *cobra.Command, args []string) error {
			hub, err := parseHub(append(args, usualHub)[0])
			if err != nil {
				return err
			}
			invite := peer.NewInvite(hub)
			if open {
				invite = signaling.Invite{Hub: hub, Room: signaling.NewRoomName()}
			}
			_, err = fmt.Println(invite)
			return err
		}),
	}
	c.Flags().BoolVar(&open, "open", false, "an open room, without a key: for plain HTTP away from localhost, where browsers can't encrypt")
	return c
}

// parseHub reads a hub's address, or takes that of an invite.
func parseHub(s string) (*url.URL, error) {
	s, _, _ = strings.Cut(s, "#")
	if i, err := signaling.ParseInvite(s); err == nil {
		return i.Hub, nil
	}
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(s), "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("this is no address of a hub: it should look like https://hub.example.org")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}, nil
}
