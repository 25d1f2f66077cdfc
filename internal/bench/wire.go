package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// The client's end of a WebSocket (RFC 6455), as little of it as a load needs: what
// makes the load shares the processors with the server under it.

// Opcodes.
const (
	opContinuation = 0x0
	opText         = 0x1
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const (
	finalFragment = 0x80
	maskedFlag    = 0x80
	maxIncoming   = 1 << 20 // bytes of one message; a roster of thousands is shorter
	readBuffer    = 2 << 10 // bytes; a signal fits
)

var (
	errTooLong = errors.New("a message is longer than 1 MiB")
	errMasked  = errors.New("a frame of the server is masked")
)

// clientFrame is a whole frame, masked with key; its payload begins at start.
func clientFrame(op byte, payload []byte, key [4]byte) (frame []byte, start int) {
	frame = append(frame, finalFragment|op)
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, maskedFlag|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, maskedFlag|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, maskedFlag|127), uint64(n))
	}
	frame = append(frame, key[:]...)
	start = len(frame)
	frame = append(frame, payload...)
	mask(frame[start:], 0, key)
	return frame, start
}

// mask masks b, which stands at offset in its payload.
func mask(b []byte, offset int, key [4]byte) {
	for i := range b {
		b[i] ^= key[(offset+i)&3]
	}
}

// frameReader reads frames from a server. It belongs to one goroutine.
type frameReader struct {
	*bufio.Reader
	unread  int    // bytes of the last payload, still in the buffer
	long    []byte // of messages that don't fit into the buffer, or come in fragments
	kind    byte   // the opcode of that
	partial bool   // more fragments of it follow
}

// next is the next whole message or control frame. The payload is valid until the
// call after.
func (r *frameReader) next() (op byte, payload []byte, err error) {
	for {
		code, final, size, err := r.header()
		if err != nil {
			return 0, nil, err
		}
		if code >= opClose || final && !r.partial && size <= r.Size() { // a control frame may come between fragments
			payload, err := r.short(size)
			return code, payload, err
		}
		if code != opContinuation {
			r.kind, r.long = code, r.long[:0]
		}
		r.partial = !final
		if err := r.add(size); err != nil || final {
			return r.kind, r.long, err
		}
	}
}

func (r *frameReader) header() (op byte, final bool, size int, err error) {
	if _, err := r.Discard(r.unread); err != nil {
		return 0, false, 0, err
	}
	r.unread = 0
	first, err := r.ReadByte()
	if err != nil {
		return 0, false, 0, err
	}
	second, err := r.ReadByte()
	if err != nil {
		return 0, false, 0, err
	}
	size, err = r.size(second)
	return first & 0xF, first&finalFragment != 0, size, err
}

func (r *frameReader) size(second byte) (int, error) {
	if second&maskedFlag != 0 {
		return 0, errMasked
	}
	size, extra := int(second), 0
	switch size {
	case 126:
		extra = 2
	case 127:
		extra = 8
	}
	if extra > 0 {
		length, err := r.Peek(extra)
		if err != nil {
			return 0, err
		}
		size = 0
		for _, b := range length {
			size = size<<8 | int(b)
		}
		r.Discard(extra)
	}
	if size < 0 || size > maxIncoming {
		return 0, errTooLong
	}
	return size, nil
}

// short is a payload that stays in the buffer.
func (r *frameReader) short(size int) ([]byte, error) {
	payload, err := r.Peek(size)
	r.unread = len(payload)
	return payload, err
}

func (r *frameReader) add(size int) error {
	if len(r.long)+size > maxIncoming {
		return errTooLong
	}
	at := len(r.long)
	r.long = append(r.long, make([]byte, size)...)
	_, err := io.ReadFull(r, r.long[at:])
	return err
}
