package peer

// limit is what may come on a channel in all: what the application has taken, the window, and what is
// reserved for a long message.
func (c *inChannel) limit() uint64 {
	return max(c.told, c.released+uint64(c.window+c.holds))
}

// left is how much of what was told may still come. It is negative when a message was dropped of which not
// all had been allowed.
func (c *inChannel) left() int { return int(int64(c.told - c.received)) }

// widen doubles the window of a channel whose application keeps up while the other side is short of room.
func (in *inbound) widen(c *inChannel) {
	if !c.pressed || c.unread > 0 || c.closed || c.refused {
		return
	}
	c.pressed = false
	if more := c.window; c.window+more <= maxWindow && in.wider+more <= maxWider {
		c.window += more
		in.wider += more
	}
}

// urgency is how soon the other side has to be told what changed here.
type urgency int

const (
	urgentNot  urgency = iota // there is nothing to tell
	urgentSoon                // within ackDelay
	urgentNow
)

// note is called when something has changed on a channel: what the other side has left of the window, or the window.
func (in *inbound) note(c *inChannel) {
	if c.left() < c.window/2 {
		c.pressed = true
	}
	if c.closed || c.refused {
		return
	}
	grown := c.limit() - c.told
	if grown > 0 {
		in.want(urgentSoon)
	}
	if c.left() <= c.window/2 && grown >= windowStep {
		in.want(urgentNow)
	}
}

func (in *inbound) want(u urgency) { in.due = max(in.due, u) }

// opens is how many channels may be opened in all.
func (in *inbound) opens() uint64 { return maxChannels + in.freed }

// acknowledge is what the other side has to be told. It counts as told; if it couldn't be said, resay is called.
func (in *inbound) acknowledge() control {
	ack := control{Type: controlAck, Frames: in.frames}
	for id, c := range in.channels {
		if c.refused || c.kind == kindUnreliable {
			continue
		}
		now := c.limit()
		if now == c.told && (!in.tellAll || now == firstWindow) {
			continue
		}
		if ack.Windows == nil {
			ack.Windows = map[uint16]uint64{}
		}
		c.told = now
		ack.Windows[id] = now
	}
	if now := in.opens(); now != in.opensTold || in.tellAll && now != maxChannels {
		in.opensTold = now
		ack.Opens = now
	}
	in.unacked, in.tellAll, in.due = 0, false, urgentNot
	return ack
}

// resay has everything told by the next acknowledgement.
func (in *inbound) resay() {
	in.tellAll = true
	in.want(urgentSoon)
}
