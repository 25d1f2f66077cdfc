package signalingtest

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// maxHead is how long an HTTP head may be for the frames behind it to be found.
const maxHead = 64 << 10

// WebSocket opcodes (RFC 6455 §5.2).
const (
	opText = 0x1
	opPing = 0x9
	opPong = 0xA
)

// filter follows one direction of a connection, finds the frames if it becomes a
// WebSocket, and loses some of them or sends them twice. The stream's mutex guards it.
type filter struct {
	way   Way
	state filterState
	head  []byte // of HTTP, or of the frame that is coming
	left  uint64 // bytes of the frame's payload still to come
	fate  fate
	whole []byte // the frame so far, if it is kept back
}

type filterState uint8

const (
	inHTTP filterState = iota
	inHead             // of a frame
	inPayload
	opaque // no WebSocket: everything passes
)

// fate is what becomes of a frame.
type fate uint8

const (
	passes fate = iota
	loses
	keeps // back, until its type is known
)

// pass takes the next bytes and returns those that go on, which are the caller's.
func (f *filter) pass(b []byte, faults *faults) (out []byte) {
	for len(b) > 0 {
		switch f.state {
		case opaque:
			return append(out, b...)
		case inHTTP:
			out = append(out, b[0])
			f.http(b[0])
			b = b[1:]
		case inHead:
			f.head = append(f.head, b[0])
			b = b[1:]
			if size := headSize(f.head); size == len(f.head) {
				out = f.begin(out, faults)
			}
		case inPayload:
			n := int(min(f.left, uint64(len(b))))
			out = f.payload(out, b[:n])
			b = b[n:]
		}
	}
	return out
}

// http takes a byte of the request's or the answer's head.
func (f *filter) http(b byte) {
	f.head = append(f.head, b)
	switch {
	case len(f.head) > maxHead:
		f.state, f.head = opaque, nil
	case b == '\n' && bytes.HasSuffix(f.head, []byte("\r\n\r\n")):
		f.state = opaque
		if f.isUpgrade() {
			f.state = inHead
		}
		f.head = nil
	}
}

func (f *filter) isUpgrade() bool {
	if f.way == ToClient {
		return bytes.HasPrefix(f.head, []byte("HTTP/1.1 101 "))
	}
	return bytes.Contains(bytes.ToLower(f.head), []byte("\r\nupgrade: websocket\r\n"))
}

// headSize is how long the head of a frame is that begins with these bytes, as far
// as they tell.
func headSize(head []byte) int {
	if len(head) < 2 {
		return 2
	}
	size := 2
	switch head[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if head[1]&0x80 != 0 {
		size += 4 // the mask
	}
	return size
}

func payloadSize(head []byte) uint64 {
	switch n := head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(n)
	}
}

// begin decides about the frame whose head is complete.
func (f *filter) begin(out []byte, faults *faults) []byte {
	opcode := f.head[0] & 0x0f
	f.left = payloadSize(f.head)
	switch {
	case opcode == opPong && f.way == ToHub && faults.noPong.Load():
		f.fate = loses
	case opcode == opPing && f.way == ToClient && faults.noPing.Load():
		f.fate = loses
	case opcode == opText && f.way == ToClient && faults.twice.Load():
		f.fate = keeps
		f.whole = slices.Clone(f.head)
	default:
		f.fate = passes
		out = append(out, f.head...)
	}
	f.head = f.head[:0]
	f.state = inPayload
	return f.payload(out, nil)
}

// payload takes the next bytes of a frame's payload.
func (f *filter) payload(out, b []byte) []byte {
	f.left -= uint64(len(b))
	switch f.fate {
	case passes:
		out = append(out, b...)
	case keeps:
		f.whole = append(f.whole, b...)
	}
	if f.left > 0 {
		return out
	}
	if f.fate == keeps {
		out = append(out, f.whole...)
		if mayComeTwice(f.whole) {
			out = append(out, f.whole...)
		}
		f.whole = nil
	}
	f.state = inHead
	return out
}

// mayComeTwice tells whether a message of the hub's is one that its client must be able to
// hear again: what isn't counted and answers nothing (PROTOCOL.md, sections 4 and 5).
func mayComeTwice(frame []byte) bool {
	message := frame[headSize(frame):]
	for _, t := range []string{"roster", "ack", "ice", "pong"} {
		if bytes.HasPrefix(message, []byte(`{"type":"`+t+`"`)) {
			return true
		}
	}
	return false
}
