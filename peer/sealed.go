package peer

import (
	"github.com/snug-chat/snug/signaling"
)

// What a room does more if it is sealed.

// Sealed tells whether the room has a key.
func (r *Room) Sealed() bool { return r.seal != nil }

// enter takes in a member of the roster. In a sealed room it says who it is under the room's key, or no link is made
// to it. Needs mu.
func (r *Room) enter(m signaling.Member) {
	if r.seal == nil || m.ID == r.self.ID {
		r.meet(m)
		return
	}
	m, err := r.seal.enter(m)
	if err == nil {
		r.meet(m)
		return
	}
	r.options.Logger.Warn("a member can't prove that it has the room's key", "member", m.ID, "error", err)
	if len(r.strangers) < maxLinks {
		r.strangers[m.ID] = m
	}
}

// decode opens a signal, if the room is sealed, and decodes it.
func (r *Room) decode(m signaling.Signal) (signal, error) {
	if r.seal == nil {
		return decodeSignal(m.Body)
	}
	plain, err := r.seal.open(m.From, m.Body)
	if err != nil {
		r.isForged(m.From)
		return signal{}, err
	}
	return decodeSignal(plain)
}
