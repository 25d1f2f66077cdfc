package signaling_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/snug-chat/snug/signaling"
)

func ExampleNewHub() {
	hub := signaling.NewHub(nil)
	server := httptest.NewServer(hub) // or any other; the hub is an http.Handler
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	defer hub.Shutdown(ctx) // sends the members away first

	to, err := signaling.ParseInvite(server.URL + "/r/lobby")
	if err != nil {
		log.Fatal(err)
	}
	hello := signaling.Hello{Secret: signaling.NewSecret(), Name: "Ann", Kind: "go"}
	ann, err := signaling.Connect(ctx, to, hello, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ann.Close()
	fmt.Println(hub.Stats().Members, "member in", hub.Rooms("", 10)[0].Name)
	// Output: 1 member in lobby
}

// A hub that asks who may enter. Package token has an Authorize for signed tokens; this one knows its guests.
func ExampleNewHub_authorize() {
	guests := map[string]string{"sesame": "ann"} // by token
	hub := signaling.NewHub(&signaling.Options{
		Authorize: func(_ context.Context, r signaling.AuthRequest) (signaling.Grant, error) {
			name, known := guests[r.Token]
			if !known {
				return signaling.Grant{}, &signaling.Error{Code: signaling.CodeToken, Message: "This token isn't known here.", Final: true}
			}
			return signaling.Grant{Identity: name, TokenID: r.Token, Permissions: signaling.PermitJoin | signaling.PermitKick}, nil
		},
		Duplicates: signaling.DuplicatesReplace,
	})
	server := httptest.NewServer(hub)
	defer server.Close()
	ctx := context.Background()
	defer hub.Shutdown(ctx)

	to, _ := signaling.ParseInvite(server.URL + "/r/lobby")
	for _, token := range []string{"please", "sesame"} {
		hello := signaling.Hello{Secret: signaling.NewSecret(), Kind: "go", Token: token}
		conn, err := signaling.Dial(ctx, to, hello, nil)
		if err != nil {
			fmt.Println(err)
			continue
		}
		defer conn.Close()
		fmt.Println("welcome,", conn.Welcome().Roster.Members[0].Identity)
	}
	// Output:
	// signaling: This token isn't known here. (token)
	// welcome, ann
}

// A client that answers every signal. It stays in the room while connections are lost and the hub restarts.
func ExampleConnect() {
	ctx := context.Background()
	to, err := signaling.ParseInvite("https://hub.example.org/r/lobby")
	if err != nil {
		log.Fatal(err)
	}
	client, err := signaling.Connect(ctx, to, signaling.Hello{Secret: signaling.NewSecret(), Name: "Echo", Kind: "bot"}, &signaling.DialOptions{
		Token: func(context.Context) (string, error) { return "…", nil }, // asked again when one is needed
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for {
		m, err := client.Receive(ctx)
		if err != nil {
			log.Fatal(err) // the hub refused for good, or ctx ended
		}
		switch m := m.(type) {
		case signaling.Welcome: // first, and after each loss
			fmt.Println(len(m.Roster.Members), "members; something may be missing:", !m.Recovered)
		case signaling.RosterChange:
			for _, gone := range m.Left {
				fmt.Println(gone.ID, "left:", gone.Reason)
			}
		case signaling.Signal:
			if _, err := client.Signal(ctx, m.From, m.Body); err != nil {
				log.Print(err)
			}
		case signaling.Undeliverable:
			fmt.Println("signal", m.Signal, "didn't arrive:", m.Reason)
		case signaling.Lost:
			fmt.Println("trying again in", m.Retry)
		}
	}
}

// One connection of a session, without coming back: for tests and tools.
func ExampleDial() {
	hub := signaling.NewHub(nil)
	server := httptest.NewServer(hub)
	defer server.Close()
	ctx := context.Background()
	defer hub.Shutdown(ctx)

	to, _ := signaling.ParseInvite(server.URL + "/r/lobby")
	ann, err := signaling.Dial(ctx, to, signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ann.Close()
	bob, err := signaling.Dial(ctx, to, signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bob.Close()
	if _, err := bob.Signal(ctx, ann.Welcome().You, []byte(`"hello"`)); err != nil {
		log.Fatal(err)
	}
	for {
		m, err := ann.Receive(ctx) // first that Bob came in
		if err != nil {
			log.Fatal(err)
		}
		if m, ok := m.(signaling.Signal); ok {
			fmt.Println(string(m.Body))
			return
		}
	}
	// Output: "hello"
}
