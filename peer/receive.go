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

// read takes what comes on one data channel, in order. Frames of later versions
// count, and that is all.
func (l *Link) read(id int) {
	kind := byte(frameMessage)
	if id == dataControl {
		kind = frameControl
	}
	buf := make([]byte, maxFrame)
	var sequence uint32
	for {
		n, err := l.rtc.read(id, buf)
		if err != nil && !errors.Is(err, errFrame) {
			if id == dataReliable { // all that came on it was received
				l.mail.post(func() { l.end(CauseClosed) })
			}
			return
		}
		var f frame
		if err == nil {
			f, err = decodeFrame(buf[:n])
		}
		counts := f.kind == kind && f.channel == 0 && !errors.Is(err, errFrame)
		if counts && id != dataUnreliable {
			if sequence++; f.sequence != sequence {
				err = errFrame
			}
		}
		if counts && err == nil {
			err = l.handle(id, f)
		}
		if f.kind == frameMessage && id == dataReliable && !errors.Is(err, errFrame) {
			l.received()
		}
		if errors.Is(err, errFrame) {
			l.mail.post(func() { l.end(CauseRefused) })
			return
		}
	}
}

func (l *Link) handle(id int, f frame) error {
	if id == dataControl {
		return l.handleControl(f)
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
	}
	return nil
}

// received counts the messages that were taken in, for the bye.
func (l *Link) received() {
	l.incoming.messages.Add(1)
	if l.incoming.byeCame.Load() {
		l.mail.post(l.checkBye)
	}
}

// handleControl waits until the link's goroutine has dealt with a control message, so
// that no more than one waits.
func (l *Link) handleControl(f frame) error {
	c, err := decodeControl(f.payload)
	if err != nil {
		return err
	}
	dealt := make(chan struct{})
	l.mail.post(func() {
		l.control(c)
		close(dealt)
	})
	select {
	case <-dealt:
	case <-l.gone:
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
		l.farewell()
		l.incoming.byeMessages = c.Messages
		l.incoming.byeCame.Store(true)
		l.checkBye()
	}
}

// farewell is called when the other side closes: nothing more is sent, and what it sent
// before is received, as long as the application takes it.
func (l *Link) farewell() {
	l.stopSending()
	l.parting = true
	l.deadline.Reset(shakyWait)
}

// left is called when the roster says that the member left.
func (l *Link) left() {
	if !l.parting {
		l.end(CauseLeft)
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
