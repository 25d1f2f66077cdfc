package peer_test

import (
	"context"
	"fmt"
	"log"

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
