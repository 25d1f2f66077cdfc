package peer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// maxHeld is what LINK.md says that one link can hold, in bytes; and one frame's slack for each channel.
const maxHeld = (maxChannels+1)*firstWindow + maxWider + maxReserved + maxUnreliable

// feeder feeds what comes in with frames that are mostly right, and keeps an account of its own.
type feeder struct {
	*inbound
	t       testing.TB
	waiting []arrival
	lossy   uint32
	ended   bool
}

// step does one thing that the two bytes choose.
func (f *feeder) step(what, how byte) {
	id := uint16(how % 8)
	switch what % 12 {
	case 0:
		f.feed(frameOpen, 0, id, fmt.Sprintf(`{"name":"%c","kind":%q}`, 'a'+how%16, []string{kindMessages, kindUnreliable, kindStream, "dance"}[how/16%4]))
	case 1:
		f.feed(frameClose, how&flagDropped, id, "")
	case 2, 3:
		f.feed(frameMessage, 0, id, string(make([]byte, int(how)*64)))
	case 4:
		length := []int{16377, 40000, 131_000, 300_000, 1 << 20, MaxMessage}[how/8%6]
		first := binary.BigEndian.AppendUint32(nil, uint32(length))
		f.feed(frameMessage, flagMore|flagSized, id, string(append(first, make([]byte, firstPieceBytes)...)))
	case 5, 6:
		f.next(id)
	case 7:
		f.feed(frameMessage, flagDropped, id, "")
	case 8:
		f.lossy++
		key := string([]byte{1, 'a' + how%5}) + string(make([]byte, int(how)*32))
		f.arrived(f.takeUnreliable(raw(frameMessage, flagKeyed, id, f.lossy, key)))
	case 9, 10:
		for range min(len(f.waiting), int(how%16)) {
			i := int(how) % len(f.waiting)
			f.taken(f.waiting[i])
			f.waiting = append(f.waiting[:i], f.waiting[i+1:]...)
		}
	case 11:
		f.acknowledge()
	}
	f.check()
}

// next feeds the next pieces of a message that was begun, as many as may come.
func (f *feeder) next(id uint16) {
	for range 16 {
		c := f.channels[id]
		if c == nil || !c.joining.begun || c.left() < maxPayload+frameCost {
			return
		}
		rest, flags := c.joining.length-len(c.joining.data), byte(flagMore)
		if rest <= maxPayload {
			flags = 0
		}
		f.feed(frameMessage, flags, id, string(make([]byte, min(rest, maxPayload))))
	}
}

func (f *feeder) feed(kind, flags byte, id uint16, payload string) {
	if !f.ended {
		f.arrived(f.take(raw(kind, flags, id, uint32(f.frames)+1, payload)))
	}
}

func (f *feeder) arrived(a arrival, err error) {
	f.ended = f.ended || err != nil
	if a.kind == arrivedMessage && a.channel.sink == nil {
		f.waiting = append(f.waiting, a)
	}
}

// check compares the accounts, and holds what is kept to its bound.
func (f *feeder) check() {
	f.t.Helper()
	held, lossy, reserved := 0, 0, 0
	for _, a := range f.waiting {
		if a.reserved {
			reserved += len(a.data)
		}
		data := a.data
		if a.keyed != nil {
			data = a.keyed.data
		}
		held += len(data)
		if a.lossy {
			lossy += len(data) + frameCost
		}
	}
	wider := 0
	for _, c := range f.channels {
		held += cap(c.joining.data)
		reserved += c.joining.reserved
		wider += c.window - firstWindow
		if c.limit() < c.told {
			f.t.Fatal("a window shrank")
		}
	}
	if lossy != f.unreliable || reserved != f.reserved || wider > f.wider {
		f.t.Fatalf("the books say unreliable %d, reserved %d, wider %d; it is %d, %d, %d", f.unreliable, f.reserved, f.wider, lossy, reserved, wider)
	}
	if f.reserved > maxReserved || f.wider > maxWider || f.unreliable > maxUnreliable || held > maxHeld {
		f.t.Fatalf("%d bytes are held, reserved %d, wider %d, unreliable %d", held, f.reserved, f.wider, f.unreliable)
	}
}

func FuzzInbound(f *testing.F) {
	dice := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		steps := make([]byte, 400)
		for i := range steps {
			steps[i] = byte(dice.Uint32())
		}
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		in := &feeder{inbound: newInbound(), t: t}
		for ; len(steps) >= 2 && !in.ended; steps = steps[2:] {
			in.step(steps[0], steps[1])
		}
	})
}

// Frames as they are, in any order.
func FuzzFrames(f *testing.F) {
	f.Add(raw(frameOpen, 0, 1, 1, `{"name":"a","kind":"messages"}`), raw(frameMessage, 0, 1, 2, "x"), raw(frameClose, 0, 1, 3, ""))
	f.Add(raw(frameMessage, flagMore|flagSized, 0, 1, "\x00\x00\x80\x00"), raw(frameMessage, flagDropped, 0, 2, ""), raw(frameStop, 0, 1, 3, ""))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		in := &feeder{inbound: newInbound(), t: t}
		for i, data := range [][]byte{a, b, c} {
			if len(data) >= frameHeader {
				binary.BigEndian.PutUint32(data[4:], uint32(i)+1)
			}
			if in.ended {
				return
			}
			in.arrived(in.take(data))
			in.arrived(in.takeUnreliable(data))
			in.check()
		}
	})
}

// What a hostile member makes this side hold: everything that it is allowed, and then silence.
func TestWhatOneLinkCanHoldIsBounded(t *testing.T) {
	in := &feeder{inbound: newInbound(), t: t}
	fill := func(id uint16) {
		for c := in.channels[id]; c.left() >= frameCost; {
			in.feed(frameMessage, 0, id, string(make([]byte, min(maxPayload, c.left()-frameCost))))
		}
	}
	for id := range uint16(maxChannels) {
		in.feed(frameOpen, 0, id+1, fmt.Sprintf(`{"name":"%d","kind":"messages"}`, id))
	}
	for id := range uint16(maxChannels + 1) { // each window as wide as it gets
		for range 4 {
			fill(id)
			for _, a := range in.waiting {
				in.taken(a)
			}
			in.waiting = nil
			in.acknowledge()
		}
	}
	begin := binary.BigEndian.AppendUint32(nil, MaxMessage)
	for id := range uint16(2) {
		in.feed(frameMessage, flagMore|flagSized, id, string(append(begin, make([]byte, firstPieceBytes)...)))
		in.acknowledge()
		for in.channels[id].joining.begun {
			in.next(id)
		}
	}
	for id := range uint16(maxChannels + 1) {
		fill(id)
	}
	for range 100 {
		in.lossy++
		in.arrived(in.takeUnreliable(raw(frameMessage, 0, 0, in.lossy, string(make([]byte, maxPayload)))))
	}
	in.check()
	held := 0
	for _, a := range in.waiting {
		held += len(a.data)
	}
	if in.ended || in.reserved != maxReserved || in.wider != maxWider || held < maxHeld*9/10 {
		t.Errorf("only %d bytes of %d are held; reserved %d, wider %d; ended: %v", held, maxHeld, in.reserved, in.wider, in.ended)
	}
	t.Logf("%d bytes of %d", held, maxHeld)
}
