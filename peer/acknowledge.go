package peer

import (
	"context"
	"time"
)

// What came is acknowledged when it is so much, or so old.
const (
	ackBytes = 64 << 10
	ackDelay = 200 * time.Millisecond
)

// askLocked returns how soon an acknowledgement is due, if it was not asked for already. Needs incoming.mu.
func (l *Link) askLocked() urgency {
	due := l.incoming.in.due
	if due <= l.incoming.asked {
		return urgentNot
	}
	l.incoming.asked = due
	return due
}

// ask has an acknowledgement sent.
func (l *Link) ask(u urgency) {
	if isClosed(l.gone) {
		return
	}
	switch u {
	case urgentNow:
		l.mail.post(l.acknowledge)
	case urgentSoon:
		l.mail.post(func() {
			if l.ackAt.IsZero() {
				l.ackAt = time.Now().Add(ackDelay)
			}
		})
	}
}

// acknowledge tells the other side how much is here, and how much more may come.
func (l *Link) acknowledge() {
	l.ackAt = time.Time{}
	if l.unsaid {
		l.sayHello()
	}
	l.incoming.mu.Lock()
	ack := l.incoming.in.acknowledge()
	l.incoming.asked = urgentNot
	l.incoming.mu.Unlock()
	if l.sendControl(ack.encode()) {
		return
	}
	l.incoming.mu.Lock()
	l.incoming.in.resay()
	l.incoming.mu.Unlock()
	l.ackAt = time.Now().Add(ackDelay)
}

// sayHello tells the other side what is taken here. It is the first that is said on a carrier.
func (l *Link) sayHello() {
	hello := control{Type: controlHello, Message: MaxMessage, Channels: maxChannels}
	if err := l.signHello(&hello); err != nil {
		l.warn("a hello can't be signed", err)
		return
	}
	c := l.carrier.Load()
	l.unsaid = !l.controlNow(hello.encode())
	if !l.unsaid {
		l.proving.said.Store(c)
	}
	if l.unsaid && l.ackAt.IsZero() {
		l.ackAt = time.Now().Add(ackDelay)
	}
}

// resume is called for each acknowledgement: the first on a new carrier tells what is missing there.
func (l *Link) resume() {
	if c := l.carrier.Load(); c != l.incoming.resumed {
		l.incoming.resumed = c
		l.resend(c)
	}
}

// checkBye answers a bye once everything before it has been taken in. The other
// side closes then; until it has, the answer may still be on its way.
func (l *Link) checkBye() {
	l.incoming.mu.Lock()
	frames := l.incoming.in.frames
	l.incoming.mu.Unlock()
	if l.incoming.byeDone || frames < l.incoming.byeFrames {
		return
	}
	l.incoming.byeDone = true
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	l.writeControl(ctx, control{Type: controlByeAck}.encode()) // if that fails, the end is the same
	l.happen(event{Type: eventDrained})
}
