package peer

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// What came is acknowledged when it is so much, or so old.
const (
	ackBytes = 64 << 10
	ackDelay = 200 * time.Millisecond
)

// incoming is what a link knows of the frames that come in.
type incoming struct {
	readers  sync.WaitGroup
	messages atomic.Uint64 // reliable ones, handed to the application
	unacked  atomic.Int64  // bytes of them since the last acknowledgement
	repeats  atomic.Bool   // what came before may come again: there is another carrier
	byeCame  atomic.Bool

	// Owned by run.
	reading     [dataChannels]chan struct{} // closed when the newest reader of each data channel has ended
	resumed     *rtc                        // the newest carrier on which all was sent that was missing
	byeMessages uint64                      // how many there will have been
	byeDone     bool
}

// read begins to read what comes on a carrier, after what came on the one before.
func (l *Link) read(c *rtc) {
	c.setRead()
	for id := range dataChannels {
		before, done := l.incoming.reading[id], make(chan struct{})
		l.incoming.reading[id] = done
		l.incoming.readers.Go(func() {
			defer close(done)
			if before != nil {
				<-before
			}
			l.readChannel(c, id)
		})
	}
}

// readChannel takes what comes on one data channel, in order. Frames of later versions are passed over.
func (l *Link) readChannel(c *rtc, id int) {
	buf := make([]byte, maxFrame)
	var controls uint32
	for {
		n, err := c.read(id, buf)
		if err != nil && !errors.Is(err, errFrame) {
			if id == dataReliable { // all that came on it was received
				l.mail.post(func() {
					if l.carrier.Load() == c {
						l.happen(event{Type: eventClosed})
					}
				})
			}
			return
		}
		if err == nil {
			err = l.readFrame(c, id, buf[:n], &controls)
		}
		if errors.Is(err, errFrame) {
			l.post(event{Type: eventBroken})
			return
		}
	}
}

// readFrame takes one frame. Messages are numbered as long as the link lives, control messages on each carrier.
func (l *Link) readFrame(c *rtc, id int, data []byte, controls *uint32) error {
	f, err := decodeFrame(data)
	switch {
	case errors.Is(err, errFrame):
		return err
	case f.kind == frameControl && id == dataControl && f.channel == 0:
		if *controls++; f.sequence != *controls {
			return errFrame
		}
		if err != nil {
			return nil
		}
		return l.handleControl(c, f)
	case f.kind != frameMessage || id == dataControl || f.channel != 0:
		return nil
	case id == dataReliable:
		ahead := int32(f.sequence - uint32(l.incoming.messages.Load()) - 1)
		if ahead < 0 && l.incoming.repeats.Load() {
			return nil // it came on the carrier before
		}
		if ahead != 0 {
			return errFrame
		}
	}
	if err == nil {
		l.handle(id, f)
	}
	if id == dataReliable {
		l.received(len(data))
	}
	return nil
}

func (l *Link) handle(id int, f frame) {
	m := Message{From: l.Member(), Text: f.flags&flagText != 0, Unreliable: id == dataUnreliable, Data: bytes.Clone(f.payload)}
	if m.Unreliable {
		select {
		case l.room.lossy <- m:
		default: // nobody reads: this is what unreliable means
		}
		return
	}
	select {
	case l.room.messages <- m:
	case <-l.gone:
	}
}

// received counts the messages that were taken in, for acknowledgements and the bye.
func (l *Link) received(bytes int) {
	l.incoming.messages.Add(1)
	now := l.incoming.unacked.Add(int64(bytes))
	switch before := now - int64(bytes); {
	case before < ackBytes && now >= ackBytes:
		l.mail.post(l.acknowledge)
	case before == 0:
		l.mail.post(func() {
			if l.ackAt.IsZero() {
				l.ackAt = time.Now().Add(ackDelay)
			}
		})
	}
	if l.incoming.byeCame.Load() {
		l.mail.post(l.checkBye)
	}
}

// acknowledge tells the other side how many messages are here.
func (l *Link) acknowledge() {
	l.ackAt = time.Time{}
	l.incoming.unacked.Store(0)
	if !l.sendControl(control{Type: controlAck, Frames: l.incoming.messages.Load()}.encode()) {
		l.ackAt = time.Now().Add(ackDelay)
	}
}

// handleControl waits until the link's goroutine has dealt with a control message, so
// that no more than one waits.
func (l *Link) handleControl(c *rtc, f frame) error {
	m, err := decodeControl(f.payload)
	if err != nil {
		return err
	}
	payload := bytes.Clone(f.payload) // a link that ends isn't waited for
	dealt := make(chan error, 1)
	l.mail.post(func() {
		if l.carrier.Load() != c {
			dealt <- nil
			return
		}
		dealt <- l.control(m, payload)
	})
	select {
	case err := <-dealt:
		return err
	case <-l.gone:
		return nil
	}
}

func (l *Link) control(c control, payload []byte) error {
	switch c.Type {
	case controlByeAck:
		l.happen(event{Type: eventByeAck})
	case controlBye:
		l.stopSending()
		l.happen(event{Type: eventBye})
		l.incoming.byeMessages = c.Frames
		l.incoming.byeCame.Store(true)
		l.checkBye()
	case controlAck:
		if l.outbox.acknowledged(c.Frames) != nil {
			return errFrame
		}
		l.resume()
	case controlPath:
		l.legs.theirs = c.Path
		l.pathChanged()
	case signalOffer, signalAnswer, signalCandidates, signalNeedOffer:
		if s, err := decodeSignal(payload); err == nil {
			l.happen(event{Type: eventSignaled, Signal: &s})
		}
	}
	return nil
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
	if l.incoming.byeDone || l.incoming.messages.Load() < l.incoming.byeMessages {
		return
	}
	l.incoming.byeDone = true
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	l.writeControl(ctx, control{Type: controlByeAck}.encode()) // if that fails, the end is the same
	l.happen(event{Type: eventDrained})
}
