package peer

import (
	"log/slog"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pion/transport/v5"
	"github.com/snug-chat/snug/signaling"
)

// Options configure [Join]. The zero value of each field means its default.
type Options struct {
	Name string         // what the member calls itself; at most 128 bytes
	Kind string         // what it is; "go"
	Meta jsontext.Value // public metadata, a JSON object of at most 1,024 bytes; {}

	// Logger gets what a developer should know. Nil: nothing is logged.
	Logger *slog.Logger
	// Signaling says how the hub is reached.
	Signaling *signaling.DialOptions
	// Net is the network that links use. Nil: the system's.
	Net transport.Net
}

func (o *Options) withDefaults() *Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Kind == "" {
		c.Kind = "go"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &c
}
