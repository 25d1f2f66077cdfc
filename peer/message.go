package peer

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Message is what one member says to another: text or bytes, at most
// [MaxMessage] long.
type Message struct {
	From       Member // who said it; not looked at when sending
	Text       bool   // Data is text in UTF-8
	Unreliable bool   // sent once, in no order, and perhaps lost
	Data       []byte
}

// Text makes a message of text.
func Text(s string) Message { return Message{Text: true, Data: []byte(s)} }

// Bytes makes a message of bytes.
func Bytes(b []byte) Message { return Message{Data: b} }

func (m Message) check() error {
	if len(m.Data) > MaxMessage {
		return fmt.Errorf("peer: a message of %d bytes is too long; %d are allowed", len(m.Data), MaxMessage)
	}
	if m.Text && !utf8.Valid(m.Data) {
		return errors.New("peer: text must be UTF-8")
	}
	return nil
}
