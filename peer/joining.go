package peer

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// joining is a message of which pieces have come.
type joining struct {
	begun    bool
	text     bool
	start    uint64 // what the channel had received before
	length   int    // of the whole message
	reserved int    // for it
	data     []byte
}

// piecesOf is how many frames carry a message of this length.
func piecesOf(length int) int {
	if length <= maxPayload {
		return 1
	}
	return 1 + (length-firstPieceBytes+maxPayload-1)/maxPayload
}

// costOf is what a message of this length counts against the window of its channel.
func costOf(length int) int {
	n := piecesOf(length)
	if n > 1 {
		length += sizedHeader
	}
	return length + n*frameCost
}

// piece takes a message or a piece of one. Each piece but the last fills its frame: what a message costs is
// known from its length, and nobody can send it in crumbs.
func (in *inbound) piece(c *inChannel, f frame, cost int) (arrival, error) {
	j := &c.joining
	payload, more, sized := f.payload, f.flags&flagMore != 0, f.flags&flagSized != 0
	text := f.flags&flagText != 0
	if f.flags&flagDropped != 0 || sized != (more && !j.begun) || more && len(payload) != maxPayload {
		return arrival{}, errFrame
	}
	if !j.begun && !more {
		if text && !utf8.Valid(payload) {
			return arrival{}, errFrame
		}
		c.received += uint64(cost)
		return in.arrived(c, arrival{text: text, data: bytes.Clone(payload)})
	}
	if sized {
		length := binary.BigEndian.Uint32(payload)
		if length > MaxMessage || length <= maxPayload {
			return arrival{}, errFrame
		}
		*j = joining{begun: true, text: text, start: c.received, length: int(length)}
		payload = payload[sizedHeader:]
		if costOf(j.length) > reserveFrom {
			in.queue = append(in.queue, c)
			in.reserve()
		}
	}
	if text != j.text || len(j.data)+len(payload) > j.length || more == (len(j.data)+len(payload) == j.length) {
		return arrival{}, errFrame
	}
	c.received += uint64(cost)
	j.data = append(j.data, payload...)
	if more {
		in.note(c)
		return arrival{}, nil
	}
	return in.joined(c)
}

func (in *inbound) joined(c *inChannel) (arrival, error) {
	j := c.joining
	if j.text && !utf8.Valid(j.data) {
		return arrival{}, errFrame
	}
	in.unqueue(c)
	c.joining = joining{}
	return in.arrived(c, arrival{text: j.text, data: j.data, reserved: j.reserved > 0})
}

// drop ends a message that the other side has given up. It counts as though all of it had come: so nothing of
// what was granted for it lingers.
func (in *inbound) drop(c *inChannel) error {
	j := c.joining
	if !j.begun {
		return errFrame
	}
	cost := uint64(costOf(j.length))
	c.received = j.start + cost
	c.released += cost
	in.forget(c)
	in.note(c)
	return nil
}

// reserve gives what is free to those who wait for it, in turn. A channel has one reservation at a time: until the
// application has taken the message, the next one flows by the ordinary window.
func (in *inbound) reserve() {
	for i := 0; i < len(in.queue); {
		c := in.queue[i]
		if c.holds > 0 {
			i++ // it waits for its own application, and keeps nobody waiting
			continue
		}
		if in.reserved+c.joining.length > maxReserved {
			return
		}
		in.reserved += c.joining.length
		c.holds = costOf(c.joining.length)
		c.joining.reserved = c.joining.length
		c.joining.data = slices.Grow(c.joining.data, c.joining.length-len(c.joining.data))
		in.queue = slices.Delete(in.queue, i, i+1)
		in.note(c)
	}
}

func (in *inbound) unqueue(c *inChannel) {
	if i := slices.Index(in.queue, c); i >= 0 {
		in.queue = slices.Delete(in.queue, i, i+1)
		in.reserve() // it may have kept others waiting
	}
}

// unreserve gives a reservation of c back.
func (in *inbound) unreserve(c *inChannel, bytes int) {
	if bytes == 0 {
		return
	}
	in.reserved -= bytes
	c.holds = 0
	in.reserve()
}
