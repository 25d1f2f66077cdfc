package chat_test

import (
	"context"
	"fmt"
	"log"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

func ExampleJoin() {
	ctx := context.Background()
	bot, err := chat.Join(ctx, "http://localhost:8080/r/lobby", &peer.Options{Name: "bot"})
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close(ctx)
	for m, err := range bot.Messages(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		bot.Reply(ctx, m, fmt.Sprintf("%s said: %s", m.From.Name, m.Body))
	}
}
