// Package echo is the bot that answers everybody with their own words.
package echo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

const (
	sendWait  = 30 * time.Second
	leaveWait = 5 * time.Second
)

// Run joins the room of an invite, and answers X with "echo: X" until ctx ends. It doesn't answer
// other programs: two echoes would never stop. So the metadata in o has to say {"bot":true}.
func Run(ctx context.Context, invite string, o *peer.Options, out io.Writer) error {
	c, err := chat.Join(ctx, invite, o)
	if err != nil {
		return err
	}
	defer func() {
		leave, cancel := context.WithTimeout(context.Background(), leaveWait)
		defer cancel()
		c.Close(leave)
	}()
	fmt.Fprintf(out, "%s is in the room %s. Ctrl-C ends it.\n", o.Name, c.Room().Invite().Room)
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		if !isBot(m.From) {
			answer(ctx, c, m)
		}
	}
	return nil
}

// answer doesn't wait for ever for a member that takes nothing.
func answer(ctx context.Context, c *chat.Chat, m chat.Message) {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	body := "echo: " + m.Body
	if len(body) > chat.MaxBody {
		body = "echo: (that was too long)"
	}
	c.Reply(ctx, m, body)
}

func isBot(m peer.Member) bool {
	var meta struct {
		Bot bool `json:"bot"`
	}
	return json.Unmarshal(m.Meta, &meta) == nil && meta.Bot
}
