// Echo joins the room of an invite and gives back what comes: each message to its sender, on the channel that it came on, and each
// stream by itself. channels.test.js starts it. The end of standard input makes it leave.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/snug-chat/snug/peer"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: echo INVITE [CHANNEL ...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(invite string, names []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	room, err := peer.Join(ctx, invite, &peer.Options{Name: "echo"})
	if err != nil {
		return err
	}
	defer room.Close(context.Background())
	ended := make(chan error, len(names)+1)
	echo := func(receive func(context.Context) (peer.Message, error), send func(context.Context, string, peer.Message) error) {
		for {
			m, err := receive(ctx)
			if err == nil {
				err = send(ctx, m.From.ID, peer.Message{Text: m.Text, Data: m.Data})
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}
	for _, name := range names {
		c, err := room.Channel(name, nil)
		if err != nil {
			return err
		}
		go echo(c.Receive, c.Send)
	}
	go echo(room.Receive, func(ctx context.Context, to string, m peer.Message) error { return room.Link(to).Send(ctx, m) })
	listener, err := room.Listen("pipe")
	if err != nil {
		return err
	}
	go streams(listener)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	fmt.Println("joined")
	return <-ended
}

// streams gives back what comes on each stream, and ends it when the other side does.
func streams(listener net.Listener) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}
