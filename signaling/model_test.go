package signaling_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const (
	modelSeats = 5
	modelGrace = 20 * time.Second
)

// model is what a room should be: PROTOCOL.md without networks, bytes and locks.
type model struct {
	now     time.Duration
	epoch   int // how many rooms of this name there were before
	members []*modelMember
	locked  bool
	kicked  map[string]bool // by id

	sessions int // that there were
}

// modelMember is a member, and what it should know.
type modelMember struct {
	id      string
	session int // counts up with each that isn't recovered
	away    bool
	since   time.Duration // of away
	inbox   []string      // signals that came for it in this session, with those that wait
	left    []string      // leaves that it was told of since its welcome, as "id reason"
}

// entered is what a hello should lead to.
type entered struct {
	code      string // of the refusal; empty: it is welcomed
	recovered bool
	superseds bool // an older connection
}

func (m *model) member(id string) *modelMember {
	i := slices.IndexFunc(m.members, func(o *modelMember) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return m.members[i]
}

// enter is a hello; session is what it resumes, -1 for none.
func (m *model) enter(id string, session int) (e entered) {
	member := m.member(id)
	switch {
	case m.kicked[id]:
		return entered{code: signaling.CodeKicked}
	case member != nil:
		e.superseds = !member.away
		e.recovered = session == member.session
	case m.locked:
		return entered{code: signaling.CodeLocked}
	case len(m.members) == modelSeats:
		return entered{code: signaling.CodeFull}
	default:
		member = &modelMember{id: id, session: -1}
		m.members = append(m.members, member)
	}
	member.away, member.left = false, nil
	if !e.recovered {
		m.sessions++
		member.session, member.inbox = m.sessions, nil
	}
	return e
}

// lose is the end of a connection without a bye.
func (m *model) lose(id string) {
	member := m.member(id)
	member.away, member.since = true, m.now
}

// leave takes a member out.
func (m *model) leave(id, reason string) {
	i := slices.IndexFunc(m.members, func(o *modelMember) bool { return o.id == id })
	m.members = slices.Delete(m.members, i, i+1)
	for _, other := range m.members {
		if !other.away {
			other.left = append(other.left, id+" "+reason)
		}
	}
	if len(m.members) == 0 {
		m.locked = false
		m.epoch++
	}
}

// kick is the operator's.
func (m *model) kick(id string) signaling.Holds {
	if m.member(id) == nil {
		return signaling.HoldsNothing
	}
	m.leave(id, signaling.ReasonKicked)
	m.kicked[id] = true
	return signaling.HoldsSession
}

// lock returns whether there is a room.
func (m *model) lock(locked bool) bool {
	if len(m.members) == 0 {
		return false
	}
	m.locked = locked
	return true
}

// signal returns why it is undeliverable.
func (m *model) signal(from, to, body string) string {
	member := m.member(to)
	switch {
	case from == to:
		return signaling.UndeliverableUnknown
	case member == nil:
		return signaling.UndeliverableGone
	}
	member.inbox = append(member.inbox, from+" "+body)
	return ""
}

// pass passes time.
func (m *model) pass(d time.Duration) {
	m.now += d
	for _, member := range slices.Clone(m.members) {
		if member.away && m.now-member.since >= modelGrace {
			m.leave(member.id, signaling.ReasonTimeout)
		}
	}
}

// isDoubtful tells whether a hub may see it otherwise after d: it looks at its clock once a second.
func (m *model) isDoubtful(d time.Duration) bool {
	return slices.ContainsFunc(m.members, func(o *modelMember) bool {
		late := m.now + d - o.since - modelGrace
		return o.away && -time.Second < late && late < 3*time.Second
	})
}

// roster is what everybody who is there should see.
func (m *model) roster() (all []string) {
	for _, o := range m.members {
		all = append(all, fmt.Sprint(o.id, " away ", o.away))
	}
	return append(all, fmt.Sprint("locked ", m.locked))
}
