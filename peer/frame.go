package peer

import (
	"encoding/binary"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Sizes of LINK.md, section 5, in bytes.
const (
	maxFrame    = 16 << 10
	frameHeader = 8
	maxPayload  = maxFrame - frameHeader
)

// Types of frames.
const (
	frameControl = 1
	frameMessage = 2
	frameOpen    = 3
	frameClose   = 4
	frameStop    = 5
)

// Flags of frames.
const (
	flagText    = 1 << iota // the message is text
	flagMore                // another piece of it follows
	flagDropped             // it, or what the channel brought, is given up
	flagSized               // the payload begins with the length of the whole message
	flagKeyed               // the payload begins with a key
)

// flagsOf are the flags that a type has.
var flagsOf = [...]byte{
	frameControl: flagText,
	frameMessage: flagText | flagMore | flagDropped | flagSized | flagKeyed,
	frameOpen:    0,
	frameClose:   flagDropped,
	frameStop:    0,
}

// frame is one message of a data channel.
type frame struct {
	kind     byte
	flags    byte
	channel  uint16
	sequence uint32
	payload  []byte
}

var (
	errIgnored = errors.New("peer: not for this version")
	errFrame   = errors.New("peer: not a frame")
)

// encode is the frame with these parts of its payload; f.payload isn't looked at.
func (f frame) encode(payload ...[]byte) []byte {
	length := frameHeader
	for _, p := range payload {
		length += len(p)
	}
	b := make([]byte, frameHeader, length)
	b[0], b[1] = f.kind, f.flags
	binary.BigEndian.PutUint16(b[2:], f.channel)
	binary.BigEndian.PutUint32(b[4:], f.sequence)
	for _, p := range payload {
		b = append(b, p...)
	}
	return b
}

// decodeFrame returns errIgnored for frames of later versions and errFrame for what
// breaks the protocol. The payload is a part of data.
func decodeFrame(data []byte) (frame, error) {
	if len(data) < frameHeader || len(data) > maxFrame {
		return frame{}, errFrame
	}
	f := frame{
		kind:     data[0],
		flags:    data[1],
		channel:  binary.BigEndian.Uint16(data[2:]),
		sequence: binary.BigEndian.Uint32(data[4:]),
		payload:  data[frameHeader:],
	}
	if f.kind < frameControl || f.kind > frameStop || f.flags&^flagsOf[f.kind] != 0 {
		return f, errIgnored
	}
	return f, nil
}

// control is a message of the control channel.
type control struct {
	Type     string            `json:"type"`
	Message  int               `json:"message,omitzero"`  // hello: the longest that is taken, in bytes
	Channels int               `json:"channels,omitzero"` // hello: how many may be opened at first
	Frames   uint64            `json:"frames,omitzero"`   // bye, ack
	Windows  map[uint16]uint64 `json:"windows,omitempty"` // ack: what may come in all, for each id
	Opens    uint64            `json:"opens,omitzero"`    // ack: how many may be opened in all
	Path     Path              `json:"path,omitzero"`     // path
	Identity jsontext.Value    `json:"identity,omitzero"` // hello, in a sealed room
}

// Types of control messages; signals are such, too.
const (
	controlHello  = "hello"
	controlBye    = "bye"
	controlByeAck = "bye-ack"
	controlAck    = "ack"
	controlPath   = "path"
)

func (c control) encode() []byte {
	text, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		panic("peer: " + err.Error())
	}
	return text
}

func decodeControl(data []byte) (control, error) {
	var c control
	if jsontext.Value(data).Kind() != '{' {
		return c, errFrame
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, errFrame
	}
	return c, nil
}

// openPayload is what an open frame says.
type openPayload struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Answers uint16 `json:"answers,omitzero"` // a stream: the other side's, of which it is the way back
}

// Kinds of channels.
const (
	kindMessages   = "messages"
	kindUnreliable = "unreliable"
	kindStream     = "stream"
)

func (o openPayload) encode() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic("peer: " + err.Error()) // names are UTF-8
	}
	return text
}
