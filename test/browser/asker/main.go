// Asker joins the room of an invite, answers requests, and asks everybody what it reads from standard input: a name and a body
// in each line. It prints the answers. requests.test.js starts it. The end of standard input makes it leave.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/peer"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: asker INVITE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "asker:", err)
		os.Exit(1)
	}
}

func run(invite string) error {
	ctx := context.Background()
	room, err := peer.Join(ctx, invite, &peer.Options{Name: "asker"})
	if err != nil {
		return err
	}
	defer room.Close(ctx)
	if err := answer(room); err != nil {
		return err
	}
	fmt.Println("joined")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name, body, _ := strings.Cut(lines.Text(), " ")
		for a := range peer.CallAll[jsontext.Value, jsontext.Value](ctx, room, name, jsontext.Value(body)) {
			fmt.Printf("%s answers %s %v\n", a.Member.Name, a.Value, a.Err)
		}
	}
	return lines.Err()
}

// answer handles requests.
func answer(room *peer.Room) error {
	_, err1 := peer.Handle(room, "sum", func(_ context.Context, _ peer.Member, of []int) (n int, err error) {
		for _, i := range of {
			n += i
		}
		return n, nil
	})
	_, err2 := peer.Handle(room, "echo", func(_ context.Context, _ peer.Member, text string) (string, error) { return text, nil })
	_, err3 := peer.Handle(room, "own", func(context.Context, peer.Member, any) (any, error) {
		return nil, &peer.RequestError{Code: "out-of-paper", Message: "There is no paper."}
	})
	_, err4 := peer.Handle(room, "hang", func(ctx context.Context, _ peer.Member, _ any) (any, error) {
		fmt.Println("hanging")
		<-ctx.Done()
		fmt.Println("hung until", ctx.Err())
		return nil, ctx.Err()
	})
	return errors.Join(err1, err2, err3, err4)
}
