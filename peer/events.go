package peer

import (
	"context"
	"iter"
	"maps"
)

// EventType is what happened in a room.
type EventType string

// Events.
const (
	MemberJoined  EventType = "joined"  // also for each member that is there at first
	MemberChanged EventType = "changed" // its link's state or path, its standing, or whether it is away
	MemberLeft    EventType = "left"
	VerifyAsked   EventType = "verify"   // somebody at the other end wants to compare emoji: Link.Verify
	HubLost       EventType = "hub-lost" // Err says why; links go on
	HubBack       EventType = "hub-back"
	ChannelOpened EventType = "channel" // Member sends on a Channel that nobody here has asked for; what comes waits, until its room is full
)

// Event is something that happened in a room.
type Event struct {
	Type    EventType
	Member  Member // as it is now, or was last
	Channel string // its name, where one was opened
	Err     error  // why the hub is away, or a [*GoneError] where a link ended
}

// Events tells what happens in the room, beginning with who is there, until ctx
// or the room ends. Who is slow to take events sees fewer: what was undone meanwhile isn't
// told.
func (r *Room) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		known, told := map[string]Member{}, map[opened]bool{}
		var hubErr error
		for {
			r.mu.Lock()
			changed, ended := r.changed, r.ended
			members, nowErr := r.membersLocked(), r.hubErr
			r.mu.Unlock()
			for _, e := range append(diff(known, members), r.unclaimed(told, members)...) {
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
		case old.State != m.State || old.Away != m.Away || old.Cause != m.Cause || old.Path != m.Path || old.Standing != m.Standing:
			events = append(events, Event{Type: MemberChanged, Member: m, Err: gone})
		}
		if m.Asks && !old.Asks {
			events = append(events, Event{Type: VerifyAsked, Member: m})
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

// opened is a channel that a member has opened.
type opened struct {
	link *Link
	name string
}

// unclaimed brings told up to now, and returns what channels were opened by members that nobody here has asked for.
func (r *Room) unclaimed(told map[opened]bool, members []Member) (events []Event) {
	now := map[opened]bool{}
	for _, m := range members {
		l := r.Link(m.ID)
		if l == nil {
			continue
		}
		for _, name := range l.unclaimed() {
			o := opened{l, name}
			if !told[o] {
				events = append(events, Event{Type: ChannelOpened, Member: m, Channel: name})
			}
			now[o] = true
		}
	}
	clear(told)
	maps.Copy(told, now)
	return events
}
