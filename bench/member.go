package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/snug-chat/snug/peer"
)

// member joins the room of an invite and prints "joined" when Join has returned, then
// "live" for every link that opens, each with the ms since it began to join. It leaves
// when standard input ends.
func member(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: bench INVITE; node bench/links.js starts this")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := time.Now()
	tell := func(what string) {
		fmt.Printf("%s %.3f\n", what, float64(time.Since(start))/float64(time.Millisecond))
	}
	room, err := peer.Join(ctx, args[0], &peer.Options{Name: "bench"})
	if err != nil {
		return err
	}
	tell("joined")
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	for e := range room.Events(ctx) {
		if e.Member.State == peer.LinkLive {
			tell("live")
		}
	}
	return room.Close(context.Background())
}
