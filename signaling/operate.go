package signaling

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// RoomInfo is a room, for an operator.
type RoomInfo struct {
	Name    string `json:"name"`
	Members int    `json:"members"` // those that are away, too
	Away    int    `json:"away"`
	Locked  bool   `json:"locked"`
	Bytes   int64  `json:"bytes"` // waiting or kept for its members
}

// MemberInfo is a member, for an operator.
type MemberInfo struct {
	Member
	Transport string    `json:"transport"` // "websocket", "http", or "" while it is away
	Address   string    `json:"address"`   // of the client; empty if it isn't known, or without Options.LogAddresses
	Since     time.Time `json:"since"`     // when it joined
	Bytes     int64     `json:"bytes"`     // waiting or kept for it
}

// Holds is what a kick keeps out.
type Holds string

// What a kick keeps out.
const (
	HoldsToken   Holds = "token"   // session, secret and token
	HoldsSession Holds = "session" // session and secret; the same person can come in anew
	HoldsNothing Holds = "nothing" // there was nobody of that id
)

// Rooms are at most limit rooms, by name, that come after the name after.
func (h *Hub) Rooms(after string, limit int) []RoomInfo {
	all := slices.DeleteFunc(h.allRooms(), func(r *room) bool { return r.name <= after })
	slices.SortFunc(all, func(a, b *room) int { return cmp.Compare(a.name, b.name) })
	infos := make([]RoomInfo, 0, min(limit, len(all)))
	for _, r := range all {
		if len(infos) == limit {
			break
		}
		if info, ok := r.info(); ok {
			infos = append(infos, info)
		}
	}
	return infos
}

func (r *room) info() (info RoomInfo, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info = RoomInfo{Name: r.name, Members: len(r.sessions), Locked: r.locked, Bytes: r.bytes.Load()}
	for _, s := range r.order {
		if s.away() {
			info.Away++
		}
	}
	return info, !r.closed && len(r.sessions) > 0
}

// Room is one room; false if there is none of that name.
func (h *Hub) Room(name string) (RoomInfo, bool) {
	if r := h.room(name); r != nil {
		return r.info()
	}
	return RoomInfo{}, false
}

// Members are a room's, in the order of joining; false if there is no such room.
func (h *Hub) Members(room string) ([]MemberInfo, bool) {
	r := h.room(room)
	if r == nil {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tell := h.options.Load().LogAddresses
	infos := make([]MemberInfo, len(r.order))
	for i, s := range r.order {
		infos[i] = s.info()
		if !tell {
			infos[i].Address = ""
		}
	}
	return infos, len(infos) > 0
}

// info needs the room's mu.
func (s *session) info() MemberInfo {
	i := MemberInfo{Since: s.since, Bytes: int64(s.out.bytes)}
	if err := json.Unmarshal(s.text(), &i.Member); err != nil {
		panic("signaling: " + err.Error()) // it was encoded by us
	}
	if s.address.IsValid() {
		i.Address = s.address.String()
	}
	if !s.away() {
		kind, waiting := s.connection.describe()
		i.Transport = kind
		i.Bytes += int64(waiting)
	}
	return i
}

// Kick puts a member out: its session, its secret for 24 hours, and its token, if it has one.
func (h *Hub) Kick(room, id string) Holds {
	r := h.room(room)
	if r == nil {
		return HoldsNothing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kickLocked(id)
}

// Lock keeps newcomers out of a room until it is unlocked or empty. It returns false if
// there is no such room.
func (h *Hub) Lock(room string, locked bool) bool {
	r := h.room(room)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lockLocked(locked)
	return !r.closed
}

func (h *Hub) room(name string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[name]
}

// Stats are what the hub has and did.
func (h *Hub) Stats() Stats {
	s := Stats{Bytes: h.bytes.Load(), Draining: h.Draining()}
	h.mu.Lock()
	s.Connections = len(h.allTransportsLocked())
	h.mu.Unlock()
	for _, r := range h.allRooms() {
		if info, ok := r.info(); ok {
			s.Rooms++
			s.Members += info.Members
			s.Away += info.Away
		}
	}
	h.counters.read(&s)
	return s
}
