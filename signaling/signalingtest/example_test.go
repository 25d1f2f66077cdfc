package signalingtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// t is a test's.
var t *testing.T

func ExampleNewHub() {
	hub := signalingtest.NewHub(t, nil)
	hello := signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}
	conn, err := signaling.Dial(context.Background(), hub.Invite("lobby"), hello, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hub.Cut() // and the connection is lost
	_, err = conn.Receive(context.Background())
	fmt.Println(err)
}

func ExampleHub_NewLine() {
	hub := signalingtest.NewHub(t, nil)
	good, bad := hub.Line, hub.NewLine()
	bad.HalfOpen(signalingtest.ToHub)
	fmt.Println("Ann comes by", good.URL, "and Bob, who will fall silent, by", bad.URL)
}

func ExampleTokens() {
	var tokens signalingtest.Tokens
	hub := signalingtest.NewHub(t, &signaling.Options{Authorize: tokens.Authorize})
	token := tokens.Mint(signaling.Grant{Identity: "ann", Permissions: signaling.PermitJoin})
	fmt.Println("let in to", hub.URL, "with", token)
	tokens.Revoke(token)
	fmt.Println("not any more")
}
