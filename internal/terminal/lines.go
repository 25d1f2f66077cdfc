package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/snug-chat/snug/internal/explain"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

const (
	sendWait  = 30 * time.Second
	leaveWait = 5 * time.Second
	maxLine   = 1 << 20 // bytes
)

// Lines is the conversation for scripts, pipes and screen readers: each line of in is a
// message, each message of others is printed to out as "name: text", and what happens is told on
// notes. In a sealed room /verify NAME, /no NAME, /match and /differ aren't messages: they compare emoji. It ends at the end of in, when everything has been delivered, or with ctx. A line that
// couldn't be sent is told on notes, and is an error at the end.
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
	err := say(ctx, c, in, notes, &showing)
	quiet() // that others go when we do is no news
	leave, stop := context.WithTimeout(context.Background(), leaveWait)
	defer stop()
	c.Close(leave) // what is still on its way to us is shown meanwhile
	cause := context.Cause(ctx)
	cancel(nil)
	showing.Wait()
	if cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// say sends what comes in, line by line.
func say(ctx context.Context, c *chat.Chat, in io.Reader, notes io.Writer, waiting *sync.WaitGroup) error {
	comparing := &verifying{room: c.Room()}
	lines := make(chan string)
	failed := make(chan error, 1)
	go func() { // ends with in, which nobody can interrupt
		s := bufio.NewScanner(in)
		s.Buffer(nil, maxLine)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
		failed <- s.Err()
	}()
	unsent := 0
	for {
		select {
		case line := <-lines:
			if line == "" {
				continue
			}
			if c.Room().Sealed() && isVerifying(line) {
				waiting.Go(func() { note(notes)(comparing.do(ctx, line)) })
				continue
			}
			if err := sayLine(ctx, c, line, notes); err != nil && ctx.Err() == nil {
				fmt.Fprintln(notes, "snug:", explain.Error(err))
				unsent++
			}
		case err := <-failed:
			return incomplete(unsent, err)
		case <-ctx.Done():
			return nil
		}
	}
}

// incomplete is what remained unsaid at the end of the input.
func incomplete(unsent int, err error) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("a line is longer than %d bytes, so it and what follows wasn't sent: a message holds at most %d", maxLine, chat.MaxBody)
	case err != nil:
		return fmt.Errorf("the input can't be read: %w", err)
	case unsent == 1:
		return errors.New("one line wasn't sent; why is said above")
	case unsent > 1:
		return fmt.Errorf("%d lines weren't sent; why is said above", unsent)
	}
	return nil
}

// note tells what came of a command.
func note(notes io.Writer) func(string, error) {
	return func(text string, err error) {
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			fmt.Fprintln(notes, "snug:", explain.Error(err))
		case text != "":
			fmt.Fprintln(notes, "*", text)
		}
	}
}

func sayLine(ctx context.Context, c *chat.Chat, line string, notes io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	if !slices.ContainsFunc(c.Room().Members(), func(m peer.Member) bool { return m.Cause != peer.CauseSealed }) {
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
		if e.Member.Cause == peer.CauseSealed {
			return name(e.Member) + " is here, but can't prove that it has the room's key, so nothing is said to it"
		}
		return name(e.Member) + " is here"
	case peer.MemberLeft:
		return name(e.Member) + " left"
	case peer.MemberChanged:
		return name(e.Member) + ": " + status(e.Member)
	case peer.VerifyAsked:
		return fmt.Sprintf("%s wants to compare emoji with you: /verify %[1]s, or /no %[1]s", name(e.Member))
	case peer.HubLost:
		return "the hub is away; conversations go on"
	case peer.HubBack:
		return "the hub is back"
	}
	return ""
}
