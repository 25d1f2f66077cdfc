// Member joins the room of an invite and tells on standard output what it sees, a JSON object a line. It does what standard
// input says: "send FIRST LAST PAUSE" sends these numbers to everybody, one each PAUSE, "kick NAME" puts somebody out, and the end of the
// input makes it leave.
// The tests in test/nat start it in network namespaces.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

func main() {
	name := flag.String("name", "", "what the member calls itself")
	relayOnly := flag.Bool("relay-only", false, "talk over relays alone")
	token := flag.String("token", "", "what proves that the member may enter")
	verbose := flag.Bool("verbose", false, "log to standard error")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: member [--name NAME] [--relay-only] [--token TOKEN] [--verbose] INVITE")
		os.Exit(2)
	}
	o := &peer.Options{Name: *name, RelayOnly: *relayOnly}
	if *token != "" {
		o.Signaling = &signaling.DialOptions{Token: func(context.Context) (string, error) { return *token, nil }}
	}
	if *verbose {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if err := join(flag.Arg(0), o); err != nil {
		fmt.Fprintln(os.Stderr, "member:", err)
		os.Exit(1)
	}
}

func join(invite string, o *peer.Options) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m := newMember(os.Stdout)
	m.tell(line{What: "begins"})
	room, err := peer.Join(ctx, invite, o)
	if err != nil {
		return err
	}
	m.tell(line{What: "joined"})
	return m.run(ctx, room, os.Stdin)
}
