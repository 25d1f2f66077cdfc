package peer

import (
	"context"
	"errors"
)

// sendUnreliable sends once. While there is no carrier, it drops, which is what unreliable means.
func (n *lane) sendUnreliable(ctx context.Context, m Message) error {
	c, err := n.ready(ctx)
	if err != nil {
		return err
	}
	if n.replace(&m) {
		return nil
	}
	defer n.withdraw(&m)
	l := n.link
	if err := l.turn(ctx, dataUnreliable); err != nil {
		return err
	}
	defer func() { <-l.senders[dataUnreliable].busy }()
	carrier := l.carrier.Load()
	err = carrier.wait(ctx, l.stop, dataUnreliable, maxFrame)
	if err != nil && !errors.Is(err, errNoCarrier) {
		return err
	}
	n.sequence++
	if err == nil && l.isProven(carrier) {
		carrier.put(dataUnreliable, n.encode(c, &m))
	}
	return nil
}

// ready opens the channel if that has to be done.
func (n *lane) ready(ctx context.Context) (*outChannel, error) {
	if n.name == "" {
		return n.c, nil // it is open from the beginning
	}
	if err := n.lock(ctx); err != nil {
		return nil, err
	}
	defer n.unlock()
	if err := n.open(ctx, 0); err != nil {
		return nil, err
	}
	n.link.outgoing.mu.Lock()
	defer n.link.outgoing.mu.Unlock()
	if n.c.stopped {
		return nil, ErrUnwanted
	}
	return n.c, nil
}

// replace puts m in the place of a message of the same key that waits here. If there is none, m is the one.
func (n *lane) replace(m *Message) bool {
	if m.Key == "" {
		return false
	}
	n.link.outgoing.mu.Lock()
	defer n.link.outgoing.mu.Unlock()
	if w := n.newest[m.Key]; w != nil {
		w.Text, w.Data = m.Text, m.Data
		return true
	}
	if n.newest == nil {
		n.newest = map[string]*Message{}
	}
	n.newest[m.Key] = m
	return false
}

// withdraw has m wait no longer.
func (n *lane) withdraw(m *Message) {
	if m.Key == "" {
		return
	}
	n.link.outgoing.mu.Lock()
	defer n.link.outgoing.mu.Unlock()
	if n.newest[m.Key] == m {
		delete(n.newest, m.Key)
	}
}

// encode makes the frame of what m says by now.
func (n *lane) encode(c *outChannel, m *Message) []byte {
	n.withdraw(m)
	f := frame{kind: frameMessage, channel: c.id, sequence: n.sequence}
	if m.Text {
		f.flags = flagText
	}
	if m.Key == "" {
		return f.encode(m.Data)
	}
	f.flags |= flagKeyed
	return f.encode([]byte{byte(len(m.Key))}, []byte(m.Key), m.Data)
}
