package bench

import (
	"fmt"
	"time"
)

// What a client must acknowledge, and when: PROTOCOL.md, section 5.
const (
	ackMessages = 32
	ackBytes    = 32 << 10
	ackWait     = 2 * time.Second
	ackSweep    = 100 * time.Millisecond // what may be late by as much is done early by as much
)

// count takes a counted message, and acknowledges if it is time.
func (m *member) count(bytes int, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unacked == 0 {
		m.unackedSince = now
	}
	m.received++
	m.unacked++
	m.unackedBytes += bytes
	if m.unacked < ackMessages && m.unackedBytes+signalSize < ackBytes {
		return nil
	}
	return m.acknowledgeLocked()
}

// sweep acknowledges what has waited.
func (m *member) sweep(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unacked == 0 || now.Sub(m.unackedSince) < ackWait-2*ackSweep {
		return nil
	}
	return m.acknowledgeLocked()
}

func (m *member) acknowledgeLocked() error {
	m.unacked, m.unackedBytes = 0, 0
	frame, _ := clientFrame(opText, fmt.Appendf(nil, `{"type":"ack","received":%d}`, m.received), m.key)
	_, err := m.conn.Write(frame)
	return err
}
