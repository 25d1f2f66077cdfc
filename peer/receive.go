package peer

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
)

// incoming is what a link knows of the frames that come in.
type incoming struct {
	readers sync.WaitGroup
	byeCame atomic.Bool

	mu    sync.Mutex
	in    *inbound
	asked urgency // how soon an acknowledgement was asked for

	// Owned by run.
	reading   [dataChannels]chan struct{} // closed when the newest reader of each data channel has ended
	resumed   *rtc                        // the newest carrier on which all was sent that was missing
	byeFrames uint64                      // how many there will have been
	byeDone   bool
}

// sink takes what comes on a channel. It is called with incoming.mu held, in order, and doesn't block.
type sink interface {
	put(arrival)
	end(dropped bool) // nothing more will come
}

// read begins to read what comes on data channels of a carrier, after what came on those of the one before.
func (l *Link) read(c *rtc, ids ...int) {
	for _, id := range ids {
		if id == dataReliable {
			c.setRead()
		}
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
		if err == nil && id == dataControl {
			err = l.readControl(c, buf[:n], &controls)
		} else if err == nil {
			err = l.readFrame(id, buf[:n])
		}
		if errors.Is(err, errFrame) {
			l.post(event{Type: eventBroken})
			return
		}
	}
}

// readControl takes one frame of the control channel. They are numbered on each carrier.
func (l *Link) readControl(c *rtc, data []byte, controls *uint32) error {
	f, err := decodeFrame(data)
	if errors.Is(err, errFrame) {
		return err
	}
	if f.kind != frameControl || f.channel != 0 {
		return nil
	}
	if *controls++; f.sequence != *controls {
		return errFrame
	}
	if err != nil {
		return nil
	}
	return l.handleControl(c, f)
}

// readFrame takes one frame of the other data channels.
func (l *Link) readFrame(id int, data []byte) error {
	l.incoming.mu.Lock()
	take := l.incoming.in.take
	if id == dataUnreliable {
		take = l.incoming.in.takeUnreliable
	}
	a, err := take(data)
	if err != nil {
		l.incoming.mu.Unlock()
		return err
	}
	news := l.arrivedLocked(a)
	ask := l.askLocked()
	l.incoming.mu.Unlock()
	l.ask(ask)
	if news {
		l.room.mu.Lock()
		l.room.notify()
		l.room.mu.Unlock()
	}
	if a.kind == arrivedStop {
		l.unwanted(a.id)
	}
	if id == dataReliable && l.incoming.byeCame.Load() {
		l.mail.post(l.checkBye)
	}
	return nil
}

// arrivedLocked hands on what a frame brought. It tells whether that is news for who watches the room.
func (l *Link) arrivedLocked(a arrival) (news bool) {
	switch a.kind {
	case arrivedOpen:
		if a.channel.kind == kindStream {
			l.streamOpened(a.channel)
			return false
		}
		if a.channel.kind == kindMessages && a.channel.name == requestsChannel {
			a.channel.sink = &l.dialogue
			return false
		}
		s, isNew := l.openSource(a.channel.name)
		a.channel.sink = s
		return isNew
	case arrivedStrange:
		l.sendStop(a.channel)
	case arrivedMessage:
		a.channel.sink.put(a)
	case arrivedClose:
		a.channel.sink.end(a.dropped)
	}
	return false
}

// take gives what came to the application: there is room for more.
func (l *Link) take(a arrival) (data []byte, text bool) {
	l.incoming.mu.Lock()
	data, text = l.incoming.in.taken(a)
	ask := l.askLocked()
	l.incoming.mu.Unlock()
	l.ask(ask)
	return data, text
}

// toMessage takes a message.
func (l *Link) toMessage(a arrival) Message {
	data, text := l.take(a)
	m := Message{From: l.Member(), Text: text, Unreliable: a.lossy, Data: data}
	if a.keyed != nil {
		m.Key = a.keyed.key
	}
	return m
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
	if !l.isProven(l.carrier.Load()) {
		return l.prove(c)
	}
	switch c.Type {
	case controlHello:
		return l.outgoing.hello(c)
	case controlByeAck:
		l.happen(event{Type: eventByeAck})
	case controlBye:
		l.stopSending()
		l.happen(event{Type: eventBye})
		l.incoming.byeFrames = c.Frames
		l.incoming.byeCame.Store(true)
		l.checkBye()
	case controlAck:
		if l.outbox.acknowledged(c.Frames) != nil {
			return errFrame
		}
		l.outgoing.acknowledged(c)
		l.resume()
	case controlPath:
		l.legs.theirs = c.Path
		l.pathChanged()
	case signalOffer, signalAnswer, signalCandidates, signalNeedOffer:
		if s, err := decodeSignal(payload); err == nil {
			l.signaled(s)
		}
	case controlVerify, controlVerifyCancel:
		l.heardVerify(payload)
	}
	return nil
}
