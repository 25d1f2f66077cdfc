package peer

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Message is what one member says to another: text or bytes, at most [MaxMessage] long, and no longer than the
// other side takes.
type Message struct {
	From Member // who said it; not looked at when sending
	Text bool   // Data is text in UTF-8
	// Unreliable: sent once, in no order, and perhaps lost; at most [MaxUnreliable] long. A [Channel] knows by
	// itself and doesn't look at it.
	Unreliable bool
	// Key, of 1 to 64 bytes, is for unreliable messages: a newer message replaces those of the same key that
	// weren't received yet, and older ones that come late are dropped. Empty: each message counts.
	Key  string
	Data []byte
}

// MaxUnreliable is the longest unreliable message, in bytes, less one and the length of its key if it has one.
const MaxUnreliable = maxPayload

// Text makes a message of text.
func Text(s string) Message { return Message{Text: true, Data: []byte(s)} }

// Bytes makes a message of bytes.
func Bytes(b []byte) Message { return Message{Data: b} }

func (m Message) check(unreliable bool) error {
	limit := MaxMessage
	switch {
	case m.Key != "" && !unreliable:
		return errors.New("peer: only unreliable messages have a key")
	case len(m.Key) > maxKey:
		return fmt.Errorf("peer: a key of %d bytes is too long; %d are allowed", len(m.Key), maxKey)
	case unreliable && m.Key != "":
		limit = MaxUnreliable - 1 - len(m.Key)
	case unreliable:
		limit = MaxUnreliable
	}
	if len(m.Data) > limit {
		return tooLong(len(m.Data), limit)
	}
	if m.Text && !utf8.Valid(m.Data) {
		return errors.New("peer: text must be UTF-8")
	}
	return nil
}

func tooLong(length, limit int) error {
	return fmt.Errorf("peer: a message of %d bytes is too long; %d are allowed", length, limit)
}
