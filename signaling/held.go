package signaling

import (
	"container/heap"
	"sync"
	"time"
)

const (
	holdSecret = 24 * time.Hour // a kicked session's secret
	maxHeld    = 1 << 17        // of all rooms
	maxShown   = 16             // tokens of one session
)

// held is what kicks keep out: member ids, and with them their secrets, and tokens, of each room. It is bounded: beyond
// that, the room that keeps out most lets in what would be let in first. So nobody who kicks much in one room
// brings somebody back in another.
type held struct {
	mu      sync.Mutex
	rooms   map[string]*heldRoom
	largest heldRooms
	entries int       // of all rooms
	most    int       // entries; 0: maxHeld
	next    time.Time // of the next check
}

type heldRoom struct {
	name    string
	at      int // in largest
	entries map[string]*heldEntry
	first   heldEntries
}

type heldEntry struct {
	key   string
	until time.Time
	at    int // in first
}

func heldMember(id string) string { return "m " + id }

func heldToken(id string) string { return "t " + id }

// add keeps key out of a room until then, or for longer if that was said before.
func (h *held) add(room, key string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.room(room)
	if e := r.entries[key]; e != nil {
		if until.After(e.until) {
			e.until = until
			heap.Fix(&r.first, e.at)
		}
		return
	}
	e := &heldEntry{key: key, until: until}
	r.entries[key] = e
	heap.Push(&r.first, e)
	heap.Fix(&h.largest, r.at)
	if h.entries++; h.entries > h.bound() {
		h.drop(h.largest[0])
	}
}

func (h *held) bound() int {
	if h.most > 0 {
		return h.most
	}
	return maxHeld
}

// room is the one of this name, made now if need be. Needs mu.
func (h *held) room(name string) *heldRoom {
	r := h.rooms[name]
	if r == nil {
		if h.rooms == nil {
			h.rooms = make(map[string]*heldRoom)
		}
		r = &heldRoom{name: name, entries: make(map[string]*heldEntry)}
		h.rooms[name] = r
		heap.Push(&h.largest, r)
	}
	return r
}

// drop lets in what r would let in first. Needs mu.
func (h *held) drop(r *heldRoom) {
	e := heap.Pop(&r.first).(*heldEntry)
	delete(r.entries, e.key)
	h.entries--
	if len(r.first) > 0 {
		heap.Fix(&h.largest, r.at)
		return
	}
	heap.Remove(&h.largest, r.at)
	delete(h.rooms, r.name)
}

func (h *held) has(room, key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[room]
	if r == nil {
		return false
	}
	e := r.entries[key]
	return e != nil && time.Now().Before(e.until)
}

// keepsOut tells whether a member may not come into a room, with a token of this id, if it has one.
func (h *held) keepsOut(room, member, token string) bool {
	return h.has(room, heldMember(member)) || token != "" && h.has(room, heldToken(token))
}

// check forgets once a minute what is over.
func (h *held) check(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.next) {
		return
	}
	h.next = now.Add(time.Minute)
	for _, r := range h.rooms {
		for len(r.first) > 0 && now.After(r.first[0].until) {
			h.drop(r)
		}
	}
}

// heldEntries are a heap: what is let in first comes first.
type heldEntries []*heldEntry

func (h heldEntries) Len() int           { return len(h) }
func (h heldEntries) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h heldEntries) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }
func (h *heldEntries) Push(e any)        { e.(*heldEntry).at = len(*h); *h = append(*h, e.(*heldEntry)) }
func (h *heldEntries) Pop() any          { return popLast((*[]*heldEntry)(h)) }

// heldRooms are a heap: the one that keeps out most comes first.
type heldRooms []*heldRoom

func (h heldRooms) Len() int           { return len(h) }
func (h heldRooms) Less(i, j int) bool { return len(h[i].first) > len(h[j].first) }
func (h heldRooms) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }
func (h *heldRooms) Push(r any)        { r.(*heldRoom).at = len(*h); *h = append(*h, r.(*heldRoom)) }
func (h *heldRooms) Pop() any          { return popLast((*[]*heldRoom)(h)) }

func popLast[T any](s *[]*T) *T {
	last := len(*s) - 1
	v := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return v
}
