package admin

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// fakeHub is a hub that holds what a test puts in, and notes what it is told.
type fakeHub struct {
	mu      sync.Mutex
	rooms   map[string][]signaling.MemberInfo
	locked  map[string]bool
	stats   signaling.Stats
	asked   int // how often for Stats
	drained time.Duration
}

func newFakeHub() *fakeHub {
	return &fakeHub{rooms: make(map[string][]signaling.MemberInfo), locked: make(map[string]bool)}
}

func (h *fakeHub) Rooms(after string, limit int) []signaling.RoomInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := []signaling.RoomInfo{}
	for name := range h.rooms {
		if name > after {
			found = append(found, h.info(name))
		}
	}
	slices.SortFunc(found, func(a, b signaling.RoomInfo) int { return strings.Compare(a.Name, b.Name) })
	return found[:min(limit, len(found))]
}

func (h *fakeHub) info(name string) signaling.RoomInfo {
	i := signaling.RoomInfo{Name: name, Members: len(h.rooms[name]), Locked: h.locked[name]}
	for _, m := range h.rooms[name] {
		i.Bytes += m.Bytes
	}
	return i
}

func (h *fakeHub) Room(name string) (signaling.RoomInfo, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.rooms[name]
	return h.info(name), ok
}

func (h *fakeHub) Members(room string) ([]signaling.MemberInfo, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all, ok := h.rooms[room]
	return slices.Clone(all), ok
}

func (h *fakeHub) Kick(room, id string) signaling.Holds {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.rooms[room])
	h.rooms[room] = slices.DeleteFunc(h.rooms[room], func(m signaling.MemberInfo) bool { return m.ID == id })
	if len(h.rooms[room]) == before {
		return signaling.HoldsNothing
	}
	return signaling.HoldsSession
}

func (h *fakeHub) Lock(room string, locked bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.rooms[room]; !ok {
		return false
	}
	h.locked[room] = locked
	return true
}

func (h *fakeHub) Drain(over time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Draining, h.drained = true, over
}

func (h *fakeHub) Undrain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Draining = false
}

func (h *fakeHub) Draining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stats.Draining
}

func (h *fakeHub) Stats() signaling.Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	return h.stats
}
