package peer

import "errors"

// outbound is what one side knows of the channels that it opened: their numbers, and how much the other side
// allows on them. It has no goroutine and no clock, and isn't safe for concurrent use: the same traces drive it
// here and in TypeScript (signaling/testdata/channel-traces.json).
type outbound struct {
	heard      bool // the other side's hello
	maxMessage int  // that it takes, in bytes
	maxOpens   uint64
	opened     uint64
	last       uint16 // the newest id
	channels   map[uint16]*outChannel
	names      map[string]*outChannel // by kind and name, but no streams
}

// outChannel is a channel that this side opened.
type outChannel struct {
	id         uint16
	name, kind string

	spent   uint64 // the cost of what was sent
	allowed uint64 // what may be sent in all
	start   uint64 // spent before the message that is being sent
	length  int    // of that
	stopped bool   // the other side doesn't want it
	lane    *lane  // it isn't looked at here
	closing uint64 // the number of the frame that closed it; 0: it is open
}

var (
	errUnheard = errors.New("peer: the other side hasn't said hello yet")
	errOpens   = errors.New("peer: the other side allows no more channels now")
	errTwice   = errors.New("peer: the channel is open already")
)

func newOutbound() *outbound {
	o := &outbound{channels: map[uint16]*outChannel{}, names: map[string]*outChannel{}, maxMessage: maxPayload}
	o.channels[0] = &outChannel{kind: kindMessages, allowed: firstWindow}
	return o
}

// hello takes the other side's. Only the first counts.
func (o *outbound) hello(message, channels int) error {
	if message < maxPayload || channels < 0 {
		return errFrame
	}
	if !o.heard {
		o.heard, o.maxMessage, o.maxOpens = true, message, max(o.maxOpens, uint64(channels))
	}
	return nil
}

// open takes an id for a channel. The error is errUnheard, errOpens or errTwice. The open frame has to be the next
// that is sent.
func (o *outbound) open(name, kind string) (*outChannel, error) {
	c := &outChannel{name: name, kind: kind, allowed: firstWindow}
	switch {
	case !o.heard:
		return nil, errUnheard
	case kind != kindStream && o.names[c.key()] != nil:
		return nil, errTwice
	case !o.mayOpen():
		return nil, errOpens
	}
	for c.id = o.last + 1; c.id == 0 || o.channels[c.id] != nil; c.id++ {
	}
	o.last = c.id
	o.opened++
	o.channels[c.id] = c
	if kind != kindStream {
		o.names[c.key()] = c
	}
	return c, nil
}

func (c *outChannel) key() string { return c.kind + " " + c.name }

// fits tells whether a frame of this cost may be sent.
func (c *outChannel) fits(cost int) bool { return c.spent+uint64(cost) <= c.allowed }

// spend counts a frame that is sent.
func (c *outChannel) spend(cost int) { c.spent += uint64(cost) }

// begin is called before the first piece of a message that has several.
func (c *outChannel) begin(length int) { c.start, c.length = c.spent, length }

// drop counts the whole of a message that is given up after its first piece, as the other side does.
func (c *outChannel) drop() { c.spent = c.start + uint64(costOf(c.length)) }

// close is called for the close frame, which is number n of data channel 1.
func (o *outbound) close(c *outChannel, n uint64) {
	c.closing = n
	if o.names[c.key()] == c {
		delete(o.names, c.key())
	}
}

// acknowledged takes the other side's acknowledgement.
func (o *outbound) acknowledged(frames uint64, windows map[uint16]uint64, opens uint64) {
	for id, c := range o.channels {
		if c.closing > 0 && c.closing <= frames {
			delete(o.channels, id)
		}
	}
	for id, w := range windows {
		if c := o.channels[id]; c != nil && c.closing == 0 {
			c.allowed = max(c.allowed, w)
		}
	}
	o.maxOpens = max(o.maxOpens, opens)
}

// stop takes the other side's word that it doesn't want a channel. It returns the channel if that has to be
// closed now.
func (o *outbound) stop(id uint16) *outChannel {
	c := o.channels[id]
	if id == 0 || c == nil || c.stopped || c.closing > 0 {
		return nil
	}
	c.stopped = true
	return c
}

// mayOpen tells whether the other side allows another channel.
func (o *outbound) mayOpen() bool {
	return o.heard && o.opened < o.maxOpens && len(o.channels) < 1<<16
}
