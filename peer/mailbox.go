package peer

import "sync"

// mailbox holds what a link's goroutine is to do next. Posting never blocks, so
// Pion's callbacks may.
type mailbox struct {
	wake chan struct{} // a token: there is something

	mu      sync.Mutex
	posted  []func()
	signals int // bytes of signals among them
}

const maxSignalsWaiting = 256 << 10 // bytes

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) post(f func()) {
	m.mu.Lock()
	m.posted = append(m.posted, f)
	m.mu.Unlock()
	m.ring()
}

// postSignal drops what comes faster than it is dealt with; what matters is
// repeated.
func (m *mailbox) postSignal(bytes int, f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.signals+bytes > maxSignalsWaiting {
		return
	}
	m.signals += bytes
	m.posted = append(m.posted, f)
	m.ring()
}

func (m *mailbox) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	posted := m.posted
	m.posted, m.signals = nil, 0
	return posted
}
