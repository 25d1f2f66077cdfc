package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

// Limits of LINK.md, section 6.
const (
	maxID = 64 // characters
	// MaxBody is the longest body, in bytes.
	MaxBody = 8 << 10
	maxRefs = 8
	maxRel  = 32 // bytes
)

const typeText = "text"

// Message is something that somebody wrote.
type Message struct {
	ID     string    // unique among the author's messages
	Author string    // the author's member id
	Time   time.Time // by the author's clock, to the millisecond
	Body   string
	Refs   []Ref

	From peer.Member // the author, as the room knows it
}

// Ref points to another message.
type Ref struct {
	Rel    string `json:"rel"` // RelReply, or one that this version doesn't know
	ID     string `json:"id"`
	Author string `json:"author,omitzero"` // "": the message's own author
}

// RelReply says that a message answers another.
const RelReply = "reply"

var errUnknownType = errors.New("chat: a type that this version doesn't know")

type wireMessage struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Author string `json:"author"`
	Time   *int64 `json:"time"` // ms since 1970 UTC
	Body   string `json:"body"`
	Refs   []Ref  `json:"refs,omitempty"`
}

func (m Message) encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	ms := m.Time.UnixMilli()
	return json.Marshal(wireMessage{typeText, m.ID, m.Author, &ms, m.Body, m.Refs})
}

// decode returns errUnknownType for types of later versions.
func decode(data []byte) (Message, error) {
	if jsontext.Value(data).Kind() != '{' {
		return Message{}, errors.New("chat: a message must be an object")
	}
	var t struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return Message{}, fmt.Errorf("chat: %w", err)
	}
	switch t.Type {
	case typeText:
	case "":
		return Message{}, errors.New("chat: a message without a type")
	default:
		return Message{}, errUnknownType
	}
	var w wireMessage
	if err := json.Unmarshal(data, &w); err != nil {
		return Message{}, fmt.Errorf("chat: %w", err)
	}
	if w.Time == nil || *w.Time < 0 {
		return Message{}, errors.New("chat: a message without a time")
	}
	m := Message{ID: w.ID, Author: w.Author, Time: time.UnixMilli(*w.Time), Body: w.Body, Refs: w.Refs}
	return m, m.check()
}

func (m Message) check() error {
	if err := checkID(m.ID); err != nil {
		return err
	}
	if err := signaling.CheckMemberID(m.Author); err != nil {
		return fmt.Errorf("chat: author: %w", err)
	}
	switch {
	case m.Body == "":
		return errors.New("chat: a message without a body")
	case len(m.Body) > MaxBody:
		return fmt.Errorf("chat: a body of %d bytes is too long; %d are allowed", len(m.Body), MaxBody)
	case !utf8.ValidString(m.Body):
		return errors.New("chat: a body must be UTF-8")
	case len(m.Refs) > maxRefs:
		return fmt.Errorf("chat: %d references; %d are allowed", len(m.Refs), maxRefs)
	}
	for _, r := range m.Refs {
		if r.Rel == "" || len(r.Rel) > maxRel || checkID(r.ID) != nil || r.Author != "" && signaling.CheckMemberID(r.Author) != nil {
			return errors.New("chat: a reference that is none")
		}
	}
	return nil
}

func checkID(id string) error {
	wrong := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}
	if id == "" || len(id) > maxID || strings.IndexFunc(id, wrong) >= 0 {
		return errors.New("chat: an id is 1 to 64 characters of A-Z a-z 0-9 - _")
	}
	return nil
}
