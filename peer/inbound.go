package peer

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what one link may have here that the application hasn't taken, in bytes: LINK.md, section 5. Together
// they are what a hostile member can make this side hold.
const (
	MaxMessage      = 8 << 20         // the longest message that is taken
	maxChannels     = 64              // open at once, besides 0; each with a window
	firstWindow     = 256 << 10       // of each channel
	maxWindow       = 1 << 20         // of one whose application keeps up
	maxWider        = 4 << 20         // beyond firstWindow, of all channels
	maxReserved     = 2 * MaxMessage  // for long messages
	maxUnreliable   = 256 << 10       // unreliable messages
	frameCost       = 32              // what a frame counts beside its payload
	reserveFrom     = firstWindow / 2 // a message that costs more needs a reservation
	windowStep      = 64 << 10        // that a window has to grow by to be told at once
	maxName         = 128             // of a channel
	maxKey          = 64
	maxKeys         = 256 // that are remembered for a channel
	sizedHeader     = 4
	firstPieceBytes = maxPayload - sizedHeader
)

// inbound is what one side knows of the frames that the other sends: which channels are open, what may
// come on them, and how pieces join. It has no goroutine and no clock, and isn't safe for concurrent
// use: the same traces drive it here and in TypeScript (signaling/testdata/channel-traces.json).
type inbound struct {
	frames   uint64 // taken in, of data channel 1
	repeats  bool   // what came on the carrier before may come again
	channels map[uint16]*inChannel
	names    map[string]*inChannel // by kind and name, but no streams
	opened   uint64                // channels so far
	freed    uint64                // of which nothing is left

	reserved   int // of maxReserved
	wider      int // of maxWider
	unreliable int // of maxUnreliable
	queue      []*inChannel

	unacked   int // bytes of frames since the last acknowledgement
	due       urgency
	opensTold uint64 // how many channels may be opened in all, as the other side knows
	tellAll   bool   // what was told may be lost
}

// inChannel is a channel that the other side opened.
type inChannel struct {
	id         uint16
	name, kind string
	answers    uint16

	received uint64 // the cost of what came
	released uint64 // of what the application has taken
	window   int
	holds    int    // the cost of the long message that room is reserved for
	told     uint64 // what may come in all, as the other side knows
	pressed  bool   // the other side was short of room
	unread   int    // whole messages that wait
	closed   bool   // nothing more will come
	refused  bool   // nobody wants it
	freed    bool

	sink    sink // it isn't looked at here
	joining joining
	keys    map[string]*keyState
	stamp   uint64 // counts updates of keys
}

// arrivalType is what a frame brought.
type arrivalType uint8

const (
	arrivedNothing arrivalType = iota
	arrivedOpen                // channel is new
	arrivedStrange             // likewise, but of an unknown kind: it has to be stopped
	arrivedMessage             // also a piece of a stream
	arrivedClose               // dropped: what came may lack its end
	arrivedStop                // the other side doesn't want our channel id
)

// arrival is what a frame brought for the application. Messages have to be given back to inbound.taken. It is
// small, since a frame that carries nothing costs as little as frameCost.
type arrival struct {
	kind     arrivalType
	dropped  bool // close
	text     bool
	lossy    bool
	reserved bool   // there is a reservation for data
	id       uint16 // stop
	channel  *inChannel
	data     []byte
	keyed    *keyState // instead of data: the newest of the key
}

func newInbound() *inbound {
	in := &inbound{channels: map[uint16]*inChannel{}, names: map[string]*inChannel{}, opensTold: maxChannels}
	in.channels[0] = &inChannel{kind: kindMessages, window: firstWindow, told: firstWindow}
	return in
}

// resume is called for each carrier after the first.
func (in *inbound) resume() {
	in.repeats = true
	in.resay()
}

// take takes a frame of data channel 1. The error is errFrame if the other side broke the protocol. What
// the arrival holds is a copy of data.
func (in *inbound) take(data []byte) (arrival, error) {
	f, err := decodeFrame(data)
	if err != nil && err != errIgnored {
		return arrival{}, err
	}
	ahead := int32(f.sequence - uint32(in.frames) - 1)
	if ahead < 0 && in.repeats {
		return arrival{}, nil
	}
	if ahead != 0 {
		return arrival{}, errFrame
	}
	var a arrival
	if err == nil {
		a, err = in.takeFrame(f)
	}
	if err == errFrame {
		return arrival{}, err
	}
	in.frames++
	in.unacked += len(data)
	in.want(urgentSoon)
	if in.unacked >= ackBytes {
		in.want(urgentNow)
	}
	return a, nil
}

func (in *inbound) takeFrame(f frame) (arrival, error) {
	switch f.kind {
	case frameOpen:
		return in.open(f)
	case frameStop:
		return arrival{kind: arrivedStop, id: f.channel}, nil
	case frameControl:
		return arrival{}, nil // not on its data channel
	}
	c := in.channels[f.channel]
	if c == nil {
		return arrival{}, errFrame
	}
	if f.kind == frameClose {
		return in.close(c, f.flags&flagDropped != 0)
	}
	return in.message(c, f)
}

func (in *inbound) open(f frame) (arrival, error) {
	var o openPayload
	if jsontext.Value(f.payload).Kind() != '{' || json.Unmarshal(f.payload, &o) != nil || !validName(o.Name) {
		return arrival{}, errFrame
	}
	if in.channels[f.channel] != nil || in.opened >= in.opensTold {
		return arrival{}, errFrame
	}
	c := &inChannel{id: f.channel, name: o.Name, kind: o.Kind, answers: o.Answers, window: firstWindow, told: firstWindow}
	a := arrival{kind: arrivedOpen, channel: c}
	switch o.Kind {
	case kindMessages, kindUnreliable:
		if in.names[c.key()] != nil {
			return arrival{}, errFrame
		}
		in.names[c.key()] = c
	case kindStream:
	default:
		c.refused, a.kind = true, arrivedStrange
	}
	in.opened++
	in.channels[c.id] = c
	return a, nil
}

// key is what only one open channel may have.
func (c *inChannel) key() string { return c.kind + " " + c.name }

func validName(name string) bool {
	if len(name) == 0 || len(name) > maxName || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return true
}

func (in *inbound) close(c *inChannel, dropped bool) (arrival, error) {
	if c.id == 0 || c.joining.begun && !dropped && !c.refused {
		return arrival{}, errFrame
	}
	c.closed = true
	in.forget(c)
	delete(in.channels, c.id)
	if in.names[c.key()] == c {
		delete(in.names, c.key())
	}
	in.free(c)
	if c.refused {
		return arrival{}, nil
	}
	return arrival{kind: arrivedClose, channel: c, dropped: dropped}, nil
}

// refuse is called when nobody wants what comes on a channel, which the other side is told by a stop. What came
// and waits has to be taken still.
func (in *inbound) refuse(c *inChannel) {
	c.refused = true
	in.forget(c)
}

// forget gives up the message that is being joined, and its reservation.
func (in *inbound) forget(c *inChannel) {
	in.unqueue(c)
	reserved := c.joining.reserved
	c.joining = joining{}
	in.unreserve(c, reserved)
}

// message takes a message of data channel 1, or a piece of one or of a stream.
func (in *inbound) message(c *inChannel, f frame) (arrival, error) {
	cost := len(f.payload) + frameCost
	dropped := f.flags == flagDropped
	if dropped {
		cost = 0
	}
	if c.received+uint64(cost) > c.told && cost > 0 {
		return arrival{}, errFrame
	}
	switch {
	case c.refused:
		c.received += uint64(cost)
		return arrival{}, nil
	case c.kind == kindUnreliable || f.flags&flagKeyed != 0:
		return arrival{}, errFrame
	case dropped && len(f.payload) == 0:
		return arrival{}, in.drop(c)
	case c.kind == kindStream:
		if f.flags != 0 {
			return arrival{}, errFrame
		}
		c.received += uint64(cost)
		return in.arrived(c, arrival{data: bytes.Clone(f.payload)})
	}
	return in.piece(c, f, cost)
}

// arrived completes an arrival, which waits for the application from now on.
func (in *inbound) arrived(c *inChannel, a arrival) (arrival, error) {
	a.kind, a.channel = arrivedMessage, c
	c.unread++
	in.note(c)
	return a, nil
}

// taken is called when the application takes a message. It returns what that says.
func (in *inbound) taken(a arrival) (data []byte, text bool) {
	c := a.channel
	if a.lossy {
		return in.takenLossy(a)
	}
	c.unread--
	c.released += uint64(costOf(len(a.data)))
	if a.reserved {
		in.unreserve(c, len(a.data))
	}
	in.widen(c)
	in.note(c)
	in.free(c)
	return a.data, a.text
}

// free counts a channel of which nothing is left: another may be opened.
func (in *inbound) free(c *inChannel) {
	if !c.closed || c.unread > 0 || c.freed {
		return
	}
	c.freed = true
	in.wider -= c.window - firstWindow
	in.freed++
	in.want(urgentSoon)
	if in.opened == in.opensTold {
		in.want(urgentNow) // the other side may wait for it
	}
}
