package echo

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

func TestIsBot(t *testing.T) {
	for meta, want := range map[string]bool{
		`{"bot":true}`:             true,
		`{"x":[1],"bot":true}`:     true,
		`{"bot":false}`:            false,
		`{}`:                       false,
		``:                         false,
		`{"bot":"true"}`:           false,
		`{"bot":1}`:                false,
		`{"Bot":true}`:             false,
		`{"bot":null}`:             false,
		`{"inner":{"bot":true}}`:   false,
		`{"bot":true`:              false,
		`{"bot":true,"bot":false}`: false,
		`[true]`:                   false,
	} {
		if got := isBot(peer.Member{Member: signaling.Member{Meta: jsontext.Value(meta)}}); got != want {
			t.Errorf("%s: %v", meta, got)
		}
	}
}
