package peer

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// incoming is what a link knows of the frames that come in.
type incoming struct {
	readers  sync.WaitGroup
	messages atomic.Uint64 // reliable ones, handed to the application
	byeCame  atomic.Bool

	byeMessages uint64 // how many there will have been; owned by run
	byeDone     bool   // owned by run
}

// read takes what comes on one data channel, in order.
func (l *Link) read(id int) {
	buf := make([]byte, maxFrame+1)
	var sequence uint32
	for {
		n, text, err := l.rtc.read(id, buf)
		if err != nil {
			l.mail.post(func() { l.end(CauseClosed) })
			return
		}
		f, err := decodeFrame(buf[:n])
		if errors.Is(err, errIgnored) {
			continue
		}
		if err == nil && (text || (f.kind == frameControl) != (id == dataControl)) {
			err = errFrame
		}
		if err == nil && f.channel != 0 {
			continue
		}
		if sequence++; err == nil && id != dataUnreliable && f.sequence != sequence {
			err = errFrame
		}
		if err == nil {
			err = l.handle(id, f)
		}
		if err != nil {
			l.mail.post(func() { l.end(CauseRefused) })
			return
		}
	}
}

func (l *Link) handle(id int, f frame) error {
	if id == dataControl {
		c, err := decodeControl(f.payload)
		if err == nil {
			l.mail.post(func() { l.control(c) })
		}
		return err
	}
	m := Message{From: l.Member(), Text: f.text, Unreliable: id == dataUnreliable, Data: bytes.Clone(f.payload)}
	if m.Unreliable {
		select {
		case l.room.lossy <- m:
		default: // nobody reads: this is what unreliable means
		}
		return nil
	}
	select {
	case l.room.messages <- m:
	case <-l.gone:
		return nil
	}
	l.incoming.messages.Add(1)
	if l.incoming.byeCame.Load() {
		l.mail.post(l.checkBye)
	}
	return nil
}

func (l *Link) control(c control) {
	switch c.Type {
	case controlByeAck:
		if l.closing {
			l.end(CauseSelf)
		}
	case controlBye:
		if l.closing {
			l.end(CauseSelf)
			return
		}
		l.stopSending()
		l.incoming.byeMessages = c.Messages
		l.incoming.byeCame.Store(true)
		l.checkBye()
	}
}

// checkBye answers a bye once everything before it has been taken in. The other
// side closes then; until it has, the answer may still be on its way.
func (l *Link) checkBye() {
	if l.incoming.byeDone || l.incoming.messages.Load() < l.incoming.byeMessages {
		return
	}
	l.incoming.byeDone = true
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	if l.sendControl(ctx, control{Type: controlByeAck}) != nil {
		l.end(CauseClosed)
		return
	}
	l.room.linkChanged(l, LinkGone, CauseClosed)
	l.deadline.Reset(byeWait)
}
