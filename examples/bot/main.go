// Bot tells the time to whoever asks "time?" in a room:
//
//	go run ./examples/bot http://localhost:8080/r/lobby
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Print("usage: bot INVITE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	talk(ctx, os.Args[1])
}

// talk answers that one question and nothing else, so two of these bots never keep
// each other busy.
func talk(ctx context.Context, invite string) {
	bot, err := chat.Join(ctx, invite, &peer.Options{Name: "clock", Meta: jsontext.Value(`{"bot":true}`)})
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close(context.Background())
	for m, err := range bot.Messages(ctx) {
		if err != nil {
			log.Print(err)
		} else if m.Body == "time?" {
			bot.Reply(ctx, m, time.Now().Format(time.TimeOnly))
		}
	}
}
