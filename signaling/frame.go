package signaling

import (
	"encoding/binary"

	"github.com/go-json-experiment/json"
)

// A frame is one whole WebSocket frame as a server sends it (RFC 6455 §5.2):
// unmasked, so it is the same for everybody, made once and shared by all queues.
type frame []byte

// WebSocket opcodes.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

const finalFragment = 0x80

const maxFrameHeader = 10 // bytes, without a mask

// payload is what f holds.
func (f frame) payload() []byte {
	switch f[1] {
	case 126:
		return f[4:]
	case 127:
		return f[10:]
	}
	return f[2:]
}

// makeFrame frames the parts, one behind the other, as one message.
func makeFrame(opcode byte, parts ...[]byte) frame {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	f := make(frame, 0, size+maxFrameHeader)
	f = append(f, finalFragment|opcode)
	switch {
	case size < 126:
		f = append(f, byte(size))
	case size <= 0xffff:
		f = append(f, 126)
		f = binary.BigEndian.AppendUint16(f, uint16(size))
	default:
		f = append(f, 127)
		f = binary.BigEndian.AppendUint64(f, uint64(size))
	}
	for _, p := range parts {
		f = append(f, p...)
	}
	return f
}

// frameOf frames a message that leaves maxFrameHeader bytes free at its beginning.
func frameOf(b []byte) frame {
	size := len(b) - maxFrameHeader
	switch {
	case size < 126:
		b = b[8:]
		b[1] = byte(size)
	case size <= 0xffff:
		b = b[6:]
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(size))
	default:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(size))
	}
	b[0] = finalFragment | opText
	return b
}

func closeFrame(code int) frame {
	return makeFrame(opClose, binary.BigEndian.AppendUint16(nil, uint16(code)))
}

// messageFrame frames m, which is one of the hub's own.
func messageFrame(m Message) frame { return textFrame(withType(m)) }

// textFrame frames the JSON of v. Only values that can be encoded come here:
// what clients said was decoded before.
func textFrame(v any) frame {
	text, err := json.Marshal(v)
	if err != nil {
		panic("signaling: " + err.Error())
	}
	return makeFrame(opText, text)
}

// signalFrame frames a signal, the one message that is frequent. from is a
// member id, which needs no quoting, and body is JSON already.
func signalFrame(from string, body []byte) frame {
	return makeFrame(opText, []byte(`{"type":"signal","from":"`), []byte(from), []byte(`","body":`), body, []byte(`}`))
}

var (
	pingFrame = makeFrame(opPing)
	pongFrame = messageFrame(Pong{})
)
