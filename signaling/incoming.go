package signaling

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"unicode/utf8"
)

const (
	incomingSize  = 4 << 10 // bytes of a block: a signal, and more
	securedSize   = 512     // of a connection that can't wait without one, such as TLS
	maxControl    = 125     // bytes of a ping, pong or close (RFC 6455 §5.5)
	maskedFlag    = 0x80
	opcodes       = 0xF
	codeBroken    = 1002 // what isn't WebSocket
	codeNoStatus  = 1005 // a close that names no code
	opContinue    = 0x0
	opBinary      = 0x2
	codeNormal    = 1000
	codeGoingAway = 1001
)

var (
	errBroken    = errors.New("that isn't WebSocket")
	errFragments = errors.New("too many fragments")
	errTooBig    = errors.New("too big")
)

// incoming reads the frames that a client sends (RFC 6455 §5). While nothing is there, it
// holds no buffer, and waits on a small stack: that, times the idle members, is most of
// what a hub needs. It belongs to one goroutine.
type incoming struct {
	conn  net.Conn
	await await // waits without a block; nil where that can't be done

	block      *[]byte // what was read; nil while nothing is there
	start, end int     // of it: what wasn't taken yet

	header  header
	long    []byte // a message that doesn't fit into a block, or comes in fragments
	partial bool   // more fragments of it follow
	kind    byte   // its opcode
	extra   int    // bytes of its headers
}

// header is a frame's.
type header struct {
	final  bool
	opcode byte
	length int
	key    [4]byte
}

var incomingBlocks = sync.Pool{New: func() any { b := make([]byte, incomingSize); return &b }}

func (in *incoming) begin(conn net.Conn) {
	in.conn = conn
	in.await = newAwait(conn, in)
	if in.await == nil {
		b := make([]byte, securedSize)
		in.block = &b
	}
}

// rest gives the block back if nothing is in it.
func (in *incoming) rest() {
	if in.start < in.end {
		return
	}
	in.start, in.end = 0, 0
	if in.await != nil && in.block != nil {
		incomingBlocks.Put(in.block)
		in.block = nil
	}
}

// fill reads some more, so that at least need bytes can be looked at; a block holds that many.
func (in *incoming) fill(need int) error {
	for in.end-in.start < need {
		if in.block == nil {
			if err := in.await(); err != nil {
				return err
			}
			continue
		}
		b := *in.block
		if in.start+need > len(b) {
			in.end = copy(b, b[in.start:in.end])
			in.start = 0
		}
		n, err := in.conn.Read(b[in.end:])
		in.end += n
		if n == 0 && err != nil {
			return err
		}
	}
	return nil
}

// next reads a header.
func (in *incoming) next() error {
	in.rest()
	if err := in.fill(2); err != nil {
		return err
	}
	b := (*in.block)[in.start:]
	first, second := b[0], b[1]
	size, length := 6, int(second&^maskedFlag)
	switch length {
	case 126:
		size = 8
	case 127:
		size = 14
	}
	if first&^(finalFragment|opcodes) != 0 || second&maskedFlag == 0 {
		return errBroken
	}
	if err := in.fill(size); err != nil {
		return err
	}
	b = (*in.block)[in.start:]
	switch length {
	case 126:
		length = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		length = int(binary.BigEndian.Uint64(b[2:]))
	}
	if length < 0 {
		return errBroken
	}
	in.header = header{first&finalFragment != 0, first & opcodes, length, [4]byte(b[size-4:])}
	in.start += size
	in.extra += size
	return nil
}

// control is the payload of a ping, pong or close, valid until the next read.
func (in *incoming) control() ([]byte, error) {
	if !in.header.final || in.header.length > maxControl {
		return nil, errBroken
	}
	return in.short()
}

// short is a payload that fits into a block.
func (in *incoming) short() ([]byte, error) {
	if err := in.fill(in.header.length); err != nil {
		return nil, err
	}
	payload := (*in.block)[in.start:][:in.header.length]
	in.start += len(payload)
	unmask(payload, in.header.key)
	return payload, nil
}

// data takes a frame of a message. The message is whole if it isn't nil, and valid until the next read.
func (in *incoming) data(limit, extra int) (message []byte, err error) {
	h := in.header
	switch {
	case (h.opcode == opContinue) != in.partial:
		return nil, errBroken
	case h.length > limit-len(in.long):
		return nil, errTooBig
	case h.final && !in.partial && h.length <= in.holds():
		in.extra = 0
		return in.short()
	case in.extra > extra:
		return nil, errFragments
	}
	if !in.partial {
		in.kind = h.opcode
	}
	in.partial = !h.final
	if err := in.add(); err != nil || in.partial {
		return nil, err
	}
	message = in.long
	in.long, in.extra = nil, 0
	return message, nil
}

func (in *incoming) holds() int {
	if in.block != nil {
		return len(*in.block)
	}
	return incomingSize
}

// add reads the payload to a long message. Its room grows with what comes, not with what is said to come.
func (in *incoming) add() error {
	if in.long == nil {
		in.long = make([]byte, 0, min(in.header.length, 2*incomingSize))
	}
	for left, at := in.header.length, 0; left > 0; {
		if err := in.fill(1); err != nil {
			return err
		}
		n := min(left, in.end-in.start)
		from := len(in.long)
		in.long = append(in.long, (*in.block)[in.start:][:n]...)
		unmaskAt(in.long[from:], in.header.key, at)
		in.start, at, left = in.start+n, at+n, left-n
		if in.start == in.end {
			in.start, in.end = 0, 0
		}
	}
	return nil
}

// skip passes over a payload.
func (in *incoming) skip() error {
	in.long, in.partial, in.extra = nil, false, 0
	for left := in.header.length; left > 0; {
		if err := in.fill(1); err != nil {
			return err
		}
		n := min(left, in.end-in.start)
		in.start, left = in.start+n, left-n
		if in.start == in.end {
			in.start, in.end = 0, 0
		}
	}
	return nil
}

// drain passes over everything until the end.
func (in *incoming) drain() {
	for in.fill(1) == nil {
		in.start, in.end = 0, 0
	}
}

// release gives back what is held.
func (in *incoming) release() {
	in.start, in.end, in.long = 0, 0, nil
	in.rest()
}

func unmask(b []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}

// unmaskAt is unmask of what stands at offset at.
func unmaskAt(b []byte, key [4]byte, at int) {
	var turned [4]byte
	for i := range turned {
		turned[i] = key[(at+i)&3]
	}
	unmask(b, turned)
}

// closeCode is what a close says; ok is false if it mustn't.
func closeCode(payload []byte) (code int, ok bool) {
	if len(payload) == 0 {
		return codeNoStatus, true
	}
	if len(payload) == 1 || !utf8.Valid(payload[2:]) {
		return 0, false
	}
	code = int(binary.BigEndian.Uint16(payload))
	switch {
	case code >= 3000 && code <= 4999:
		return code, true
	case code >= 1000 && code <= 1014 && code != 1004 && code != codeNoStatus && code != 1006:
		return code, true
	}
	return 0, false
}

// await waits until something is there, and reads it into a block.
type await func() error
