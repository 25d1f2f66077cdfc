package peer

import (
	"log/slog"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pion/transport/v5"
	"github.com/snug-chat/snug/signaling"
)

// Options configure [Join]. The zero value of each field means its default.
type Options struct {
	// In a sealed room Name and Meta are for its members only, and at most 704 bytes of JSON together.
	Name string         // what the member calls itself; at most 128 bytes
	Kind string         // what it is; "go"
	Meta jsontext.Value // public metadata, a JSON object of at most 1,024 bytes; {}

	// Identity is a directory for the keys that this device has in sealed rooms, and for who was there before; it is made
	// if it isn't there, for its owner alone. Several rooms and processes may share it. Empty: a key that nobody has seen
	// before, and everybody is new.
	Identity string

	// Logger gets what a developer should know. Nil: nothing is logged.
	Logger *slog.Logger
	// Signaling says how the hub is reached.
	Signaling *signaling.DialOptions
	// Net is the network that links use. Nil: the system's.
	Net transport.Net
	// Port is the UDP port that all links of the room share, on each address of the machine. No other
	// room may have the same. 0: any that is free.
	Port uint16
	// TCPPort is a TCP port, on all addresses, at which links arrive from where UDP doesn't get through
	// (RFC 6544). 0: none.
	TCPPort uint16
	// RelayOnly has links go through TURN servers only: the other side doesn't learn this one's
	// addresses, and a relay can be tested. TCPPort isn't used then.
	RelayOnly bool
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
