package signaling

import (
	"slices"
	"time"
)

// renew gives a session what a newer token grants.
func (r *room) renew(c *connection, grant Grant) *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := c.session
	switch {
	case s.connection != c:
		return nil
	case s.grant.Identity != grant.Identity:
		return refusef(CodeToken, "The newer token is of another identity.")
	}
	s.show(grant)
	c.send(messageFrame(Granted{Permissions: grant.Permissions.Names(), Expires: milliseconds(grant.Expires)}))
	return nil
}

// kick puts a member out, if c may.
func (r *room) kick(c *connection, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.may(c, PermitKick, "put members out") {
		return
	}
	holds := r.kickLocked(id)
	c.send(messageFrame(Kicked{ID: id, Holds: holds}))
}

// kickLocked needs mu.
func (r *room) kickLocked(id string) Holds {
	s := r.sessions[id]
	if s == nil {
		return HoldsNothing
	}
	holds := HoldsSession
	tokens := s.tokens()
	for _, token := range tokens {
		r.hub.held.add(r.name, heldToken(token.id), token.end())
		holds = HoldsToken
	}
	for _, other := range slices.Clone(r.order) {
		if other == s || slices.ContainsFunc(tokens, func(t shownToken) bool { return t.id == other.grant.TokenID }) {
			r.hub.held.add(r.name, heldMember(other.id), time.Now().Add(holdSecret))
			r.putOut(other, errKicked())
		}
	}
	r.tell()
	r.closeIfEmpty()
	return holds
}

// lock locks the room, or unlocks it, if c may.
func (r *room) lock(c *connection, locked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.may(c, PermitLock, "lock this room") {
		r.lockLocked(locked)
	}
}

// lockLocked needs mu.
func (r *room) lockLocked(locked bool) {
	if r.locked == locked {
		return
	}
	r.locked = locked
	r.n++
	r.note(change{n: r.n, what: lockChanged})
	r.tell()
}

// may tells whether c may do something, and tells c if not. Needs mu.
func (r *room) may(c *connection, p Permissions, what string) bool {
	if c.session.connection != c {
		return false
	}
	if !c.session.grant.Permissions.Has(p) {
		refusal := refusef(CodeForbidden, "Your token doesn't permit you to %s.", what)
		refusal.Final = false
		r.hub.counters.refused(refusal)
		c.send(messageFrame(refusal))
		return false
	}
	return true
}
