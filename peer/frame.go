package peer

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Sizes of LINK.md, section 5, in bytes.
const (
	maxFrame    = 16 << 10
	frameHeader = 8
	// MaxMessage is the longest message that fits into a frame.
	MaxMessage = maxFrame - frameHeader
)

// Types of frames.
const (
	frameControl = 1
	frameMessage = 2
)

const flagText = 1

// frame is one message of a data channel.
type frame struct {
	kind     byte
	text     bool
	channel  uint16
	sequence uint32
	payload  []byte
}

var (
	errIgnored = errors.New("peer: not for this version")
	errFrame   = errors.New("peer: not a frame")
)

func (f frame) encode() []byte {
	b := make([]byte, frameHeader, frameHeader+len(f.payload))
	b[0] = f.kind
	if f.text {
		b[1] = flagText
	}
	binary.BigEndian.PutUint16(b[2:], f.channel)
	binary.BigEndian.PutUint32(b[4:], f.sequence)
	return append(b, f.payload...)
}

// decodeFrame returns errIgnored for frames of later versions and errFrame for what
// breaks the protocol. The payload is a part of data.
func decodeFrame(data []byte) (frame, error) {
	if len(data) < frameHeader || len(data) > maxFrame {
		return frame{}, errFrame
	}
	f := frame{
		kind:     data[0],
		text:     data[1]&flagText != 0,
		channel:  binary.BigEndian.Uint16(data[2:]),
		sequence: binary.BigEndian.Uint32(data[4:]),
		payload:  data[frameHeader:],
	}
	if f.kind != frameControl && f.kind != frameMessage || data[1]&^flagText != 0 {
		return f, errIgnored
	}
	if f.text && !utf8.Valid(f.payload) {
		return f, errFrame
	}
	return f, nil
}

// control is a message of the control channel.
type control struct {
	Type     string `json:"type"`
	Messages uint64 `json:"messages,omitzero"` // bye, ack
	Path     Path   `json:"path,omitzero"`     // path
}

// Types of control messages; signals are such, too.
const (
	controlBye    = "bye"
	controlByeAck = "bye-ack"
	controlAck    = "ack"
	controlPath   = "path"
)

func (c control) encode() []byte {
	text, err := json.Marshal(c)
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
