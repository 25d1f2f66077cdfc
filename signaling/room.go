package signaling

import (
	"cmp"
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// freeShare is what may wait for a member even when nothing is left of what its room
// or the hub may keep: else one who doesn't read could close the others.
const freeShare = 16 << 10 // bytes

// room is where members meet. Its mutex guards everything below it, and the
// sessions of its members. Nothing is waited for under it.
type room struct {
	// Set at construction.
	hub   *Hub
	name  string
	epoch string
	slot  int // in the sweep

	bytes atomic.Int64 // waiting or kept for its members

	mu       sync.Mutex
	closed   bool // empty and forgotten by the hub
	locked   bool
	sessions map[string]*session // by member id
	order    []*session          // by joined
	roster
}

func newRoom(h *Hub, name string) *room {
	return &room{hub: h, name: name, epoch: rand.Text()[:12], sessions: make(map[string]*session)}
}

// enter takes a connection in under id, as a new member or as one that comes back,
// and welcomes it. The roster of the welcome and the change that others are told are one
// step. It returns false if the room is closed, so that another has to be made.
func (r *room) enter(c *connection, id string, hello Hello, grant Grant) (ok bool, refusal *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false, nil
	}
	defer r.closeIfEmpty()
	// A kick may have come since the first look.
	if r.hub.held.keepsOut(r.name, id, grant.TokenID) {
		return true, errKicked()
	}
	s := r.sessions[id]
	recovered := false
	if s == nil {
		if s, refusal = r.admit(c, id, hello, grant); refusal != nil {
			return true, refusal
		}
	} else if recovered, refusal = r.resume(c, s, hello, grant); refusal != nil {
		return true, refusal
	}
	s.show(grant)
	s.connection, s.ending, s.address, s.told = c, false, c.address, r.n
	c.room, c.session = r, s
	c.send(r.welcome(s, recovered)) // before it is charged: who comes in mustn't suffer from who doesn't read
	c.charge(r)
	for _, f := range s.out.kept {
		c.send(f)
	}
	r.tell()
	return true, nil
}

// admit makes a new member, if it may come in. Needs mu.
func (r *room) admit(c *connection, id string, hello Hello, grant Grant) (*session, *Error) {
	replaced, refusal := r.mayEnter(c, grant)
	if refusal != nil {
		return nil, refusal
	}
	for _, other := range replaced {
		r.putOut(other, refusef(CodeSuperseded, "You came into this room anew, from elsewhere."))
	}
	r.n++
	s := &session{id: id, kind: hello.Kind, joined: r.n, since: time.Now()}
	s.entry = encodeEntry(Member{ID: id, Name: hello.Name, Kind: hello.Kind, Meta: hello.Meta, Joined: r.n, Identity: grant.Identity})
	s.begin()
	r.sessions[id] = s
	r.order = append(r.order, s)
	r.note(change{session: s, n: r.n, what: joined})
	r.hub.counters.add(&r.hub.counters.joins)
	r.hub.logOf(c.address).Info("a member joined", "room", r.name, "member", id, "kind", hello.Kind)
	return s, nil
}

// mayEnter tells whether a new member may come in, and whose place it takes. Needs mu.
func (r *room) mayEnter(c *connection, grant Grant) (replaced []*session, refusal *Error) {
	o := r.hub.options.Load()
	if r.locked {
		return nil, refusef(CodeLocked, "This room takes no newcomers now. Ask somebody who is in it.").after(fullRetry)
	}
	if grant.Identity != "" && o.Duplicates != DuplicatesBoth {
		for _, other := range r.order {
			if other.grant.Identity == grant.Identity {
				replaced = append(replaced, other)
			}
		}
	}
	if len(replaced) > 0 && o.Duplicates == DuplicatesRefuse {
		return nil, refusef(CodeDuplicate, "You are in this room already, and may be in it once.").after(fullRetry)
	}
	if len(r.sessions)-len(replaced) >= o.Limits.Members {
		return nil, refusef(CodeFull, "This room has all its %d members. Wait until somebody leaves, or open another room.", o.Limits.Members).after(fullRetry)
	}
	if wait := r.hub.addresses.join(c.address, o); wait > 0 {
		return nil, limited(LimitJoins, wait, "Too many came in from your address at once. Wait a moment.")
	}
	return replaced, nil
}

// resume prepares s for c, another connection. Needs mu.
func (r *room) resume(c *connection, s *session, hello Hello, grant Grant) (recovered bool, refusal *Error) {
	if s.grant.Identity != grant.Identity {
		return false, refusef(CodeToken, "This session belongs to another identity than your token's.")
	}
	if wait := s.messages.take(r.hub.options.Load().Limits.Messages); wait > 0 {
		return false, limited(LimitMessages, wait, "This session was continued too often. Wait a moment.")
	}
	if s.connection != nil {
		r.hub.counters.add(&r.hub.counters.superseded)
		r.hub.logOf(s.address).Info("a member's connection was superseded", "room", r.name, "member", s.id, "cause", CodeSuperseded)
		s.connection.close(refusef(CodeSuperseded, "This session was continued by another connection."))
	} else {
		r.n++
		r.note(change{session: s, n: r.n, what: presence})
	}
	recovered = hello.Session == s.name && s.out.has(hello.Received)
	if recovered {
		r.give(s.out.acknowledged(hello.Received))
		s.ackedIn, s.unacked = s.taken, 0 // the welcome says so
		r.hub.counters.add(&r.hub.counters.resumed)
	} else {
		r.give(s.out.bytes)
		s.begin()
		r.hub.counters.add(&r.hub.counters.notRecovered)
	}
	r.hub.logOf(c.address).Info("a member is back", "room", r.name, "member", s.id, "recovered", recovered)
	return recovered, nil
}

// lose takes note that a connection has ended, unless its session went on with
// another. A member that didn't say bye is away, and one that was refused leaves at once.
func (r *room) lose(c *connection, how ending, why *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := c.session
	if s.connection != c {
		return
	}
	switch {
	case why != nil:
		s.lostFor = why.Code
	case how == endBye:
		s.lostFor = ""
	default:
		s.lostFor = "lost"
	}
	switch {
	case how == endBye:
		r.leave(s, ReasonBye)
	case how == endRefused && why.Final:
		r.leave(s, ReasonTimeout)
	default:
		s.connection = nil
		s.awaySince = time.Now()
		r.n++
		r.note(change{session: s, n: r.n, what: presence})
		r.hub.logOf(s.address).Info("a member is away", "room", r.name, "member", s.id, "cause", s.lostFor)
	}
	r.tell()
	r.closeIfEmpty()
}

// leave takes s out. Needs mu.
func (r *room) leave(s *session, reason string) {
	delete(r.sessions, s.id)
	i, _ := slices.BinarySearchFunc(r.order, s.joined, func(o *session, n uint64) int { return cmp.Compare(o.joined, n) })
	r.order = slices.Delete(r.order, i, i+1)
	r.give(s.out.bytes)
	s.out, s.connection = ledger{}, nil
	r.n++
	r.note(change{session: s, n: r.n, what: left, reason: reason})
	r.hub.counters.addTo(&r.hub.counters.leaves, reason)
	r.hub.options.Load().Ended(r.name, s.id)
	r.hub.logOf(s.address).Info("a member left", "room", r.name, "member", s.id, "reason", reason, "cause", s.lostFor)
}

// putOut has s leave for good. Needs mu.
func (r *room) putOut(s *session, why *Error) {
	s.lostFor = why.Code
	if s.connection != nil {
		s.connection.close(why)
	}
	r.leave(s, ReasonKicked)
}

// closeIfEmpty closes a room without members for good. Needs mu.
func (r *room) closeIfEmpty() {
	if len(r.sessions) > 0 || r.closed {
		return
	}
	r.closed = true
	r.stopTimer()
	r.hub.forget(r)
}

// relay passes a signal on, or says why it can't.
func (r *room) relay(c *connection, m Signal) {
	f := signalFrame(c.session.id, m.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	from := c.session
	if from.connection != c {
		return // superseded: what it says now counts no more
	}
	from.took(len(m.Body))
	reason, wait := r.pass(from, m.To, f)
	if reason == "" {
		return
	}
	r.hub.counters.addTo(&r.hub.counters.undeliverable, reason)
	r.deliver(from, messageFrame(Undeliverable{To: m.To, Signal: from.taken, Reason: reason, Retry: wait.Milliseconds()}))
}

// pass needs mu.
func (r *room) pass(from *session, id string, f frame) (reason string, wait time.Duration) {
	if wait := from.signals.take(r.hub.options.Load().Limits.Signals); wait > 0 {
		r.hub.counters.addTo(&r.hub.counters.limited, LimitMessages)
		return UndeliverableLimit, wait
	}
	to := r.sessions[id]
	switch {
	case to == from || to == nil && CheckMemberID(id) != nil:
		return UndeliverableUnknown, 0
	case to == nil:
		return UndeliverableGone, 0
	}
	if from.joined > to.told && !to.away() {
		r.tellOne(to)
	}
	if !r.deliver(to, f) {
		return UndeliverableSlow, 0
	}
	return "", 0
}

// deliver counts a message to s, keeps it, and sends it. It returns false if s is
// away, or about to be, and has no room for it. Needs mu.
func (r *room) deliver(s *session, f frame) bool {
	replay := r.hub.options.Load().Limits.Replay
	if s.away() || s.ending {
		if s.out.bytes+len(f) > replay || !r.take(len(f), s.out.bytes) {
			return false
		}
		s.out.add(f, true)
		return true
	}
	r.give(s.out.add(f, r.take(len(f), s.out.bytes)))
	r.give(s.out.trim(replay))
	s.ending = !s.connection.send(f)
	return true
}

// acknowledged drops what a member has received. It returns false if that is nothing new.
func (r *room) acknowledged(c *connection, received uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.session.connection != c {
		return false
	}
	freed := c.session.out.acknowledged(received)
	r.give(freed)
	return freed > 0
}

// take counts bytes that are to wait for a member which has some already. It returns false if
// they mustn't, because there are too many in the room or the hub.
func (r *room) take(bytes, already int) bool {
	o := r.hub.options.Load()
	inRoom, inHub := r.bytes.Add(int64(bytes)), r.hub.bytes.Add(int64(bytes))
	if inRoom <= int64(o.Limits.RoomBytes) && inHub <= int64(o.Limits.HubBytes) || already+bytes <= freeShare {
		return true
	}
	r.give(bytes)
	r.hub.counters.addTo(&r.hub.counters.limited, LimitBytes)
	return false
}

func (r *room) give(bytes int) {
	r.bytes.Add(int64(-bytes))
	r.hub.bytes.Add(int64(-bytes))
}
