package main

import (
	"context"
	"strings"
	"testing"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

// Two members that nothing direct connects talk through the hub, and see that they do.
func TestMembersTalkThroughTheHub(t *testing.T) {
	for _, args := range [][]string{{"--turn=on"}, {"--turn", "on", "--set", "turn.bandwidth=64KiB"}} {
		invite, _ := serve(t, args...)
		ann, bob := relayed(t, invite, "Ann"), relayed(t, invite, "Bob")
		meet(t, ann, 1)
		meet(t, bob, 1)
		for range 3 {
			send(t, ann, "through the hub")
			if m := receive(t, bob); m.Body != "through the hub" {
				t.Errorf("Bob hears %q", m.Body)
			}
			send(t, bob, "and back")
			if m := receive(t, ann); m.Body != "and back" {
				t.Errorf("Ann hears %q", m.Body)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var path peer.Path
		for range ann.Room().Events(ctx) {
			if path = ann.Room().Members()[0].Path; path != "" {
				break
			}
		}
		if !strings.HasPrefix(string(path), "relay-") {
			t.Errorf("the path is %q", path)
		}
	}
}

// relayed joins, and uses relays alone.
func relayed(t *testing.T, invite, name string) *chat.Chat {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := chat.Join(ctx, invite, &peer.Options{Name: name, RelayOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestTURNIsConfiguredWrong(t *testing.T) {
	for args, say := range map[string]string{
		"--turn maybe":                          `--turn: "maybe" is not possible: write auto, on or off.`,
		"--turn-address example.org":            `--turn-address: "example.org" is no address that others reach`,
		"--ice-server turn:a.example":           "--ice-server: a TURN server needs credentials: name the file of its secret (ice.secret_file)",
		"--turn on --set turn.listen=9.9.9.9:1": "9.9.9.9, for TURN, is no address of this machine: choose another address (turn.listen), or leave TURN out (--turn off)",
	} {
		refused(t, append([]string{"serve"}, strings.Fields(args)...), say)
	}
}
