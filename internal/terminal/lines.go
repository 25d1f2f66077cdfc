package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/snug-chat/snug/internal/explain"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

const (
	sendWait  = 30 * time.Second
	leaveWait = 5 * time.Second
)

// Lines is the conversation for scripts, pipes and screen readers: each line of in is a
// message, each message of others is printed to out as "name: text", and what happens is told on
// notes. It ends at the end of in, when everything has been delivered, or with ctx.
func Lines(ctx context.Context, c *chat.Chat, in io.Reader, out, notes io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var showing sync.WaitGroup
	showing.Go(func() {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				cancel(err)
				return
			}
			fmt.Fprintf(out, "%s: %s\n", name(m.From), indent(m.Body))
		}
	})
	telling, quiet := context.WithCancel(ctx)
	defer quiet()
	showing.Go(func() { tell(telling, c.Room(), notes) })
	err := say(ctx, c, in, notes)
	quiet() // that others go when we do is no news
	if err == nil {
		leave, stop := context.WithTimeout(context.Background(), leaveWait)
		defer stop()
		c.Close(leave) // what is still on its way to us is shown meanwhile
	}
	cause := context.Cause(ctx)
	cancel(nil)
	showing.Wait()
	if cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// say sends what comes in, line by line.
func say(ctx context.Context, c *chat.Chat, in io.Reader, notes io.Writer) error {
	lines := make(chan string)
	failed := make(chan error, 1)
	go func() { // ends with in, which nobody can interrupt
		s := bufio.NewScanner(in)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
		failed <- s.Err()
	}()
	for {
		select {
		case line := <-lines:
			if line == "" {
				continue
			}
			if err := sayLine(ctx, c, line, notes); err != nil {
				fmt.Fprintln(notes, "snug:", explain.Error(err))
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func sayLine(ctx context.Context, c *chat.Chat, line string, notes io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	if len(c.Room().Members()) == 0 {
		fmt.Fprintln(notes, "* nobody is here to read that")
	}
	_, err := c.Send(ctx, line)
	return err
}

// tell tells what happens in the room.
func tell(ctx context.Context, r *peer.Room, notes io.Writer) {
	for e := range r.Events(ctx) {
		if text := happened(e); text != "" {
			fmt.Fprintln(notes, "*", text)
		}
	}
}

func happened(e peer.Event) string {
	switch e.Type {
	case peer.MemberJoined:
		return name(e.Member) + " is here"
	case peer.MemberLeft:
		return name(e.Member) + " left"
	case peer.MemberChanged:
		return name(e.Member) + ": " + status(e.Member)
	case peer.HubLost:
		return "the hub is away; conversations go on"
	case peer.HubBack:
		return "the hub is back"
	}
	return ""
}
