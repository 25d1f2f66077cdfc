package signaling

import (
	"cmp"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// mergeWait is how long a roster change waits for others, if one went out less
// than this ago.
const mergeWait = 50 * time.Millisecond

// room is where members meet. Its mutex guards everything below it; a socket's
// mutex may be taken under it, the hub's may not.
type room struct {
	hub   *Hub
	name  string
	epoch string

	mu      sync.Mutex
	closed  bool // empty and forgotten by the hub
	n       uint64
	members map[string]*member
	order   []*member // by joined

	// Changes that not everybody was told yet.
	pending []change
	told    frame     // pending as a message; nil: to be made
	toldAt  time.Time // when anybody was last told along with all
	timer   *time.Timer
}

// member is somebody in a room.
type member struct {
	id      string
	joined  uint64
	entry   jsontext.Value // a Member, encoded once
	session *session
	sent    uint64 // the n that the session was told
}

// change is a join, or a departure if left is set.
type change struct {
	member *member
	left   Departure
}

func newRoom(h *Hub, name string) *room {
	return &room{hub: h, name: name, epoch: rand.Text()[:12], members: make(map[string]*member)}
}

// join takes s in under id and welcomes it. The roster of the welcome and the
// change that others are told are one step. It returns false if the room is
// closed, so that another has to be made.
func (r *room) join(s *session, id string, hello Hello) (ok bool, refusal *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false, nil
	}
	m := r.members[id]
	switch {
	case m != nil:
		m.session.close(refusef(CodeSuperseded, "This session was continued by another connection."))
	case len(r.members) >= r.hub.options.MaxMembers:
		refusal := refusef(CodeFull, "This room has all its %d members. Wait until somebody leaves, or open another room.", r.hub.options.MaxMembers)
		refusal.Retry = fullRetry
		return true, refusal
	default:
		r.n++
		m = &member{id: id, joined: r.n}
		m.entry = encodeEntry(Member{ID: id, Name: hello.Name, Kind: hello.Kind, Meta: hello.Meta, Joined: r.n})
		r.members[id] = m
		r.order = append(r.order, m)
		r.note(change{member: m})
	}
	m.session, m.sent = s, r.n
	s.send(r.welcome(m))
	r.tell()
	return true, nil
}

// leave takes s out, unless its session went on elsewhere.
func (r *room) leave(s *session, reason string) {
	r.mu.Lock()
	m := r.members[s.id]
	if m == nil || m.session != s {
		r.mu.Unlock()
		return
	}
	delete(r.members, m.id)
	i, _ := slices.BinarySearchFunc(r.order, m.joined, func(o *member, n uint64) int { return cmp.Compare(o.joined, n) })
	r.order = slices.Delete(r.order, i, i+1)
	r.n++
	r.note(change{m, Departure{ID: m.id, Reason: reason, N: r.n}})
	if len(r.members) > 0 {
		r.tell()
		r.mu.Unlock()
		return
	}
	r.closed = true
	r.stopTimer()
	r.mu.Unlock()
	r.hub.forget(r)
}

// relay passes a signal on, or says why it can't.
func (r *room) relay(from *session, m Signal) (reason string) {
	f := signalFrame(from.id, m.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	sender, to := r.members[from.id], r.members[m.To]
	if sender == nil || sender.session != from {
		return "" // superseded: what it says now counts no more
	}
	if to == nil {
		return UndeliverableGone
	}
	if sender.joined > to.sent {
		r.tellOne(to)
	}
	switch to.session.send(f) {
	case errSlow:
		return UndeliverableSlow
	case errEnding:
		return UndeliverableGone
	}
	return ""
}

// note adds a change to those to tell. Needs mu.
func (r *room) note(c change) {
	r.pending = append(r.pending, c)
	r.told = nil
}

// tell tells everybody what changed: now, or, if that was done a moment ago,
// soon and together with what changes until then. Needs mu.
func (r *room) tell() {
	if len(r.pending) == 0 || r.timer != nil {
		return
	}
	if wait := mergeWait - time.Since(r.toldAt); wait > 0 {
		r.hub.work.Add(1)
		r.timer = time.AfterFunc(wait, r.tellLater)
		return
	}
	r.tellAll()
}

func (r *room) tellLater() {
	defer r.hub.work.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	if !r.closed {
		r.tellAll()
	}
}

// stopTimer needs mu.
func (r *room) stopTimer() {
	if r.timer != nil && r.timer.Stop() {
		r.timer = nil
		r.hub.work.Done()
	}
}

// tellAll needs mu.
func (r *room) tellAll() {
	for _, m := range r.order {
		if m.sent < r.n {
			r.tellOne(m)
			r.toldAt = time.Now()
		}
	}
	r.pending, r.told = nil, nil
}

// tellOne needs mu.
func (r *room) tellOne(m *member) {
	if r.told == nil {
		r.told = r.changeFrame()
	}
	m.session.send(r.told)
	m.sent = r.n
}

// The same messages as RosterChange and Welcome, of entries encoded already.
type (
	changeText struct {
		Type   string           `json:"type"`
		Epoch  string           `json:"epoch"`
		N      uint64           `json:"n"`
		Left   []Departure      `json:"left,omitempty"`
		Joined []jsontext.Value `json:"joined,omitempty"`
	}
	rosterText struct {
		Epoch   string           `json:"epoch"`
		N       uint64           `json:"n"`
		Members []jsontext.Value `json:"members"`
	}
	welcomeText struct {
		Type      string     `json:"type"`
		You       string     `json:"you"`
		Recovered bool       `json:"recovered"`
		Roster    rosterText `json:"roster"`
		ICE       ICE        `json:"ice"`
		Heartbeat Heartbeat  `json:"heartbeat"`
		Limits    Limits     `json:"limits"`
		Features  []string   `json:"features"`
	}
)

func (r *room) changeFrame() frame {
	c := changeText{Type: "roster", Epoch: r.epoch, N: r.n}
	for _, p := range r.pending {
		switch {
		case p.left.ID != "":
			c.Left = append(c.Left, p.left)
		case r.members[p.member.id] == p.member:
			c.Joined = append(c.Joined, p.member.entry)
		}
	}
	return textFrame(c)
}

func (r *room) welcome(m *member) frame {
	w := welcomeText{
		Type:      "welcome",
		You:       m.id,
		Roster:    rosterText{Epoch: r.epoch, N: r.n, Members: make([]jsontext.Value, len(r.order))},
		ICE:       ICE{Servers: r.hub.options.ICEServers},
		Heartbeat: r.hub.heartbeat(),
		Limits:    r.hub.limits(),
		Features:  []string{},
	}
	for i, o := range r.order {
		w.Roster.Members[i] = o.entry
	}
	return textFrame(w)
}

func encodeEntry(m Member) jsontext.Value {
	entry, err := json.Marshal(m)
	if err != nil {
		panic("signaling: " + err.Error()) // every part was decoded before
	}
	return entry
}
