package signaling

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeToHub decodes a message from a client. It is strict, as PROTOCOL.md
// (section 2) says: the JSON decoder refuses duplicate names, invalid UTF-8,
// wrong types and trailing data; the rest is checked here. The error is the one
// to send. The body of a signal is a part of data.
func decodeToHub(data []byte) (Message, *Error) {
	m, err := split(data)
	if err != nil {
		return nil, malformed(err)
	}
	typ, err := text("type", m.typ)
	if err != nil {
		return nil, malformed(err)
	}
	switch typ {
	case "signal":
		to, err := text("to", m.to)
		if err != nil {
			return nil, malformed(err)
		}
		if m.body == nil {
			return nil, malformed(errors.New("body is missing"))
		}
		return Signal{To: to, Body: m.body}, nil
	case "ping":
		return Ping{}, nil
	case "pong":
		return Pong{}, nil
	}
	other, err := decodeRare(typ, data)
	switch {
	case err != nil:
		return nil, malformed(err)
	case other == nil:
		return nil, refusef(CodeUnknownType, "This hub doesn't know messages of type %.40q.", typ)
	}
	return other, nil
}

// parts are the members of a message that signals, the one message that is frequent, have.
type parts struct{ typ, to, body jsontext.Value }

// splitter is a decoder that is used again: one pass over a message, and no copies.
type splitter struct {
	source  bytes.Buffer
	decoder jsontext.Decoder
}

var splitters = sync.Pool{New: func() any { return new(splitter) }}

// split checks that data is one object and nothing else, and finds its parts.
func split(data []byte) (p parts, err error) {
	s := splitters.Get().(*splitter)
	defer splitters.Put(s)
	s.source = *bytes.NewBuffer(data)
	s.decoder.Reset(&s.source)
	d := &s.decoder
	if kind := d.PeekKind(); kind != '{' && kind != 0 {
		return p, errors.New("it isn't an object")
	}
	if _, err := d.ReadToken(); err != nil {
		return p, err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return p, err
		}
		part := p.named(name)
		value, err := d.ReadValue()
		if err != nil {
			return p, err
		}
		if end := d.InputOffset(); part != nil {
			*part = data[end-int64(len(value)) : end]
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return p, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return p, errors.New("there is more after the object")
	}
	return p, nil
}

// named is where to put the member with a quoted name; nil if that is none of the parts.
func (p *parts) named(quoted jsontext.Value) *jsontext.Value {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted) // it was checked by the decoder
	}
	switch string(name) {
	case "type":
		return &p.typ
	case "to":
		return &p.to
	case "body":
		return &p.body
	}
	return nil
}

// decodeRare decodes what clients say now and then; nil if there is no such type.
func decodeRare(typ string, data []byte) (Message, error) {
	var m struct {
		Received *uint64 `json:"received"`
		Token    *string `json:"token"`
		ID       *string `json:"id"`
		Locked   *bool   `json:"locked"`
	}
	switch typ {
	case "hello":
		return decodeHello(data)
	case "report":
		return decodeReport(data)
	case "ack", "token", "kick", "lock":
	default:
		return nil, nil
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	switch {
	case typ == "ack" && m.Received != nil:
		return Ack{*m.Received}, nil
	case typ == "token" && m.Token != nil:
		return Token{*m.Token}, checkToken(*m.Token)
	case typ == "kick" && m.ID != nil:
		return Kick{*m.ID}, nil
	case typ == "lock" && m.Locked != nil:
		return Lock{*m.Locked}, nil
	}
	return nil, fmt.Errorf("%s lacks what it needs", typ)
}

func decodeHello(data []byte) (Hello, error) {
	h := struct {
		Secret notNull[Secret] `json:"secret"`
		Name   notNull[string] `json:"name"`
		Kind   notNull[string] `json:"kind"`
		Meta   jsontext.Value  `json:"meta"`

		Token    notNull[string] `json:"token"`
		Session  notNull[string] `json:"session"`
		Received notNull[uint64] `json:"received"`
	}{Meta: jsontext.Value("{}")}
	if err := json.Unmarshal(data, &h); err != nil {
		return Hello{}, err
	}
	if !h.Secret.set {
		return Hello{}, errors.New("secret is missing")
	}
	if err := h.Meta.Compact(); err != nil {
		return Hello{}, err
	}
	if h.Session.set != h.Received.set {
		return Hello{}, errors.New("session and received come together")
	}
	hello := Hello{
		Secret: h.Secret.value, Name: h.Name.value, Kind: h.Kind.value, Meta: h.Meta,
		Token: h.Token.value, Session: h.Session.value, Received: h.Received.value,
	}
	if h.Session.set && !isSession(h.Session.value) {
		return Hello{}, errSession
	}
	return hello, checkHello(&hello)
}

// notNull is a member of an object that may be missing, but not null, which the
// JSON decoder takes for missing.
type notNull[T any] struct {
	value T
	set   bool
}

// UnmarshalJSONFrom decodes anything but null.
func (n *notNull[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == 'n' {
		return errors.New("null is no value here")
	}
	n.set = true
	return json.UnmarshalDecode(d, &n.value)
}

// decodeFromHub decodes a message from a hub.
func decodeFromHub(data []byte) (Message, error) {
	var t struct {
		Type jsontext.Value `json:"type"`
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, malformed(err)
	}
	typ, err := text("type", t.Type)
	if err != nil {
		return nil, malformed(err)
	}
	var m Message
	switch typ {
	case "welcome":
		m, err = decodeWelcome(data)
	case "roster":
		m, err = decodeRosterChange(data)
	case "signal":
		m, err = decodeSignal(data)
	case "undeliverable":
		var u Undeliverable
		err = errors.Join(json.Unmarshal(data, &u), need("reason", u.Reason))
		m = u
	case "error":
		var e wireError
		err = errors.Join(json.Unmarshal(data, &e), need("code", e.Code))
		m = e.unwire()
	case "ack":
		var a struct {
			Received *uint64 `json:"received"`
		}
		if err = json.Unmarshal(data, &a); err == nil && a.Received == nil {
			err = errors.New("received is missing")
		}
		if err == nil {
			m = Ack{*a.Received}
		}
	case "ice":
		m, err = decodeInto[ICE](data)
	case "granted":
		m, err = decodeInto[Granted](data)
	case "kicked":
		var k Kicked
		err = errors.Join(json.Unmarshal(data, &k), need("holds", string(k.Holds)))
		m = k
	case "ping":
		return Ping{}, nil
	case "pong":
		return Pong{}, nil
	default:
		return nil, refusef(CodeUnknownType, "unknown type %.40q", typ)
	}
	if err != nil {
		return nil, malformed(err)
	}
	return m, nil
}

func decodeWelcome(data []byte) (Welcome, error) {
	w := struct {
		Roster *Roster `json:"roster"`
		Welcome
	}{}
	if err := json.Unmarshal(data, &w); err != nil {
		return Welcome{}, err
	}
	if w.Roster == nil {
		return Welcome{}, errors.New("roster is missing")
	}
	w.Welcome.Roster = *w.Roster
	if err := CheckMemberID(w.You); err != nil {
		return Welcome{}, fmt.Errorf("you: %w", err)
	}
	if !isSession(w.Session) {
		return Welcome{}, errors.New("session is missing, or out of its alphabet")
	}
	return w.Welcome, errors.Join(need("epoch", w.Roster.Epoch), checkMembers(w.Roster.Members))
}

func decodeRosterChange(data []byte) (RosterChange, error) {
	var c RosterChange
	if err := json.Unmarshal(data, &c); err != nil {
		return c, err
	}
	return c, errors.Join(need("epoch", c.Epoch), checkMembers(c.Joined))
}

func decodeSignal(data []byte) (Signal, error) {
	var s struct {
		From string         `json:"from"`
		Body jsontext.Value `json:"body"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return Signal{}, err
	}
	if s.Body == nil {
		return Signal{}, errors.New("body is missing")
	}
	return Signal{From: s.From, Body: s.Body}, need("from", s.From)
}

func decodeInto[M Message](data []byte) (m M, err error) {
	err = json.Unmarshal(data, &m)
	return m, err
}

func checkMembers(members []Member) error {
	for i := range members {
		if err := CheckMemberID(members[i].ID); err != nil {
			return fmt.Errorf("member %d: %w", i, err)
		}
	}
	return nil
}

func need(name, value string) error {
	if value == "" {
		return errors.New(name + " is missing")
	}
	return nil
}

// text is the string in a raw JSON value.
func text(name string, raw jsontext.Value) (string, error) {
	if raw == nil {
		return "", errors.New(name + " is missing")
	}
	if raw.Kind() != '"' {
		return "", errors.New(name + " must be a string")
	}
	if bytes.IndexByte(raw, '\\') < 0 { // it was checked by the decoder
		return string(raw[1 : len(raw)-1]), nil
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	return string(b), err
}

func malformed(err error) *Error {
	return refusef(CodeMalformed, "That is no message of %s: %v.", Subprotocol, err)
}
