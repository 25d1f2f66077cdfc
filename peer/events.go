package peer

import (
	"context"
	"iter"
)

// EventType is what happened in a room.
type EventType string

// Events.
const (
	MemberJoined  EventType = "joined"  // also for each member that is there at first
	MemberChanged EventType = "changed" // its link's state or path, or whether it is away
	MemberLeft    EventType = "left"
	HubLost       EventType = "hub-lost" // Err says why; links go on
	HubBack       EventType = "hub-back"
)

// Event is something that happened in a room.
type Event struct {
	Type   EventType
	Member Member // as it is now, or was last
	Err    error  // why the hub is away, or a [*GoneError] where a link ended
}

// Events tells what happens in the room, beginning with who is there, until ctx
// or the room ends. Who is slow to take events sees fewer: what was undone meanwhile isn't
// told.
func (r *Room) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		known := map[string]Member{}
		var hubErr error
		for {
			r.mu.Lock()
			changed, ended := r.changed, r.ended
			members, nowErr := r.membersLocked(), r.hubErr
			r.mu.Unlock()
			for _, e := range diff(known, members) {
				if !yield(e) {
					return
				}
			}
			if (hubErr == nil) != (nowErr == nil) {
				e := Event{Type: HubBack}
				if nowErr != nil {
					e = Event{Type: HubLost, Err: nowErr}
				}
				if !yield(e) {
					return
				}
			}
			hubErr = nowErr
			if ended != nil {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// diff brings known up to now and returns what that changed.
func diff(known map[string]Member, now []Member) (events []Event) {
	here := map[string]bool{}
	for _, m := range now {
		here[m.ID] = true
		var gone error
		if m.State == LinkGone {
			gone = &GoneError{Name: m.Name, Cause: m.Cause}
		}
		old, ok := known[m.ID]
		switch {
		case !ok:
			events = append(events, Event{Type: MemberJoined, Member: m, Err: gone})
		case old.State != m.State || old.Away != m.Away || old.Cause != m.Cause || old.Path != m.Path:
			events = append(events, Event{Type: MemberChanged, Member: m, Err: gone})
		}
		known[m.ID] = m
	}
	for id, m := range known {
		if !here[id] {
			events = append(events, Event{Type: MemberLeft, Member: m})
			delete(known, id)
		}
	}
	return events
}
