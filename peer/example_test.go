package peer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/snug-chat/snug/peer"
)

func ExampleJoin() {
	ctx := context.Background()
	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", &peer.Options{Name: "Ann"})
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close(ctx)
	if err := room.Broadcast(ctx, peer.Text("Hello")); err != nil {
		log.Print(err) // somebody can't be reached
	}
	for {
		m, err := room.Receive(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", m.From.Name, m.Data)
	}
}

func ExampleRoom_Events() {
	ctx := context.Background()
	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close(ctx)
	for e := range room.Events(ctx) {
		fmt.Println(e.Type, e.Member.Name, e.Member.State, e.Err)
	}
}

func ExampleRoom_Channel() {
	ctx := context.Background()
	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close(ctx)
	// Where pointers are is worth something only while it is new.
	pointers, err := room.Channel("pointers", &peer.ChannelOptions{Unreliable: true})
	if err != nil {
		log.Fatal(err)
	}
	m := peer.Text(`{"x":12,"y":40}`)
	m.Key = "pointer"
	if err := pointers.Broadcast(ctx, m); err != nil {
		log.Print(err)
	}
	if m, err = pointers.Receive(ctx); err == nil {
		fmt.Printf("%s is at %s\n", m.From.Name, m.Data)
	}
}

func ExampleRoom_Listen() {
	ctx := context.Background()
	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close(ctx)
	listener, err := room.Listen("echo")
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept() // others dial: room.Link(id).Dial(ctx, "echo")
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer conn.Close()
			io.Copy(conn, conn)
		}()
	}
}

// A member sums up what others ask it to, and asks everybody in the room for their sums.
func ExampleCallAll() {
	type numbers struct {
		Of []int `json:"of"`
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", &peer.Options{Name: "Ann"})
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close(context.Background())
	_, err = peer.Handle(room, "sum", func(ctx context.Context, from peer.Member, n numbers) (sum int, err error) {
		if len(n.Of) == 0 {
			return 0, &peer.RequestError{Code: "nothing", Message: "There is nothing to sum up."}
		}
		for _, i := range n.Of {
			sum += i
		}
		return sum, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	for answer := range peer.CallAll[numbers, int](ctx, room, "sum", numbers{Of: []int{1, 2, 3}}) {
		fmt.Println(answer.Member.Name, answer.Value, answer.Err)
	}
}

func ExampleCall() {
	ctx := context.Background()
	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close(ctx)
	for link := range room.Links() {
		when, err := peer.Call[string, time.Time](ctx, link, "time", "UTC")
		var told *peer.RequestError
		if errors.As(err, &told) && told.Code == peer.RequestUnknown {
			continue // it tells no time
		}
		fmt.Println(link.Member().Name, when, err)
	}
}
