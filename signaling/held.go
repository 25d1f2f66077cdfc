package signaling

import (
	"sync"
	"time"
)

const (
	holdSecret = 24 * time.Hour // a kicked session's secret
	maxHeld    = 1 << 17
)

// held is what kicks keep out: member ids, and with them their secrets, of a room; and tokens.
type held struct {
	mu    sync.Mutex
	until map[string]time.Time
	next  time.Time // of the next check
}

func heldMember(room, id string) string { return "m " + room + " " + id }

func heldToken(room, id string) string { return "t " + room + " " + id }

// add keeps key out until then, or for longer if that was said before. Beyond the bound, which many kicks a second for a
// day don't reach, what would be let in first makes room.
func (h *held) add(key string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = make(map[string]time.Time)
	}
	if t, known := h.until[key]; known {
		if until.After(t) {
			h.until[key] = until
		}
		return
	}
	if len(h.until) >= maxHeld {
		first := key
		for k, t := range h.until {
			if first == key || t.Before(h.until[first]) {
				first = k
			}
		}
		delete(h.until, first)
	}
	h.until[key] = until
}

func (h *held) has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Before(h.until[key])
}

// check forgets once a minute what is over.
func (h *held) check(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.next) {
		return
	}
	h.next = now.Add(time.Minute)
	for k, t := range h.until {
		if now.After(t) {
			delete(h.until, k)
		}
	}
}
