package peer

import (
	"context"
	"sync"
	"time"
)

// Standing is what is known of a member of a sealed room: LINK.md, section 8.
type Standing string

// Standings.
const (
	StandingUnverified Standing = "unverified" // its key wasn't in the room before
	StandingKnown      Standing = "known"      // it was
	StandingVerified   Standing = "verified"   // and two people have compared its emoji: Link.Verify
	StandingChanged    Standing = "changed"    // its name, or whom its token names, was seen with another key
)

// trust is what a sealed room knows of its members' keys. Several goroutines may use it at once.
type trust struct {
	// Set at construction.
	identity *identity
	pins     pinsStore

	mu      sync.Mutex
	members map[string]trusted // by id; none is forgotten, or another could come under it
	last    chan struct{}      // closed when the pins were consulted for the last time so far
}

// trusted is a member whose signature was accepted.
type trusted struct {
	key      publicKey
	standing Standing // "" until the pins were consulted
}

func newTrust() *trust {
	done := make(chan struct{})
	close(done)
	return &trust{identity: newIdentity(), pins: &pinsMemory{}, members: make(map[string]trusted), last: done}
}

// load has the key and the pins of a room be those of a directory. Errors are sentences.
func (t *trust) load(ctx context.Context, dir, room string) (err error) {
	if t.identity, err = loadIdentity(dir, room); err != nil {
		return err
	}
	file := pinsIn(dir, room)
	t.pins = file
	return file.update(ctx, func(*pins) bool { return false }) // what is damaged is told now
}

// take tells whether a member has this key, which is the first that a signature of its id was accepted with.
func (t *trust) take(id string, key publicKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.members[id]
	if !ok {
		t.members[id] = trusted{key: key}
	}
	return !ok || known.key == key
}

func (t *trust) key(id string) publicKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members[id].key
}

// standing is "" in an open room, and of members that haven't proved a key.
func (t *trust) standing(id string) Standing {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members[id].standing
}

func (t *trust) stands(id string, s Standing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.members[id]
	known.standing = s
	t.members[id] = known
}

// queue returns what to wait for before the pins are consulted, and what to close after it.
func (t *trust) queue() (before, done chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, done = t.last, make(chan struct{})
	t.last = done
	return before, done
}

// opinion looks a member up in the pins, or changes them. It tells whether it did.
type opinion func(*pins, sighting, time.Time) (s Standing, changed bool)

func seen(p *pins, s sighting, now time.Time) (Standing, bool) {
	r, changed := p.see(s, now)
	if r.Changed {
		return StandingChanged, changed
	}
	return Standing(r.Standing), changed
}

func accepted(p *pins, s sighting, now time.Time) (Standing, bool) {
	changed := p.accept(s, now)
	is, _ := seen(p, s, now)
	return is, changed
}

// verified holds for the session also where there is no room to remember it.
func verified(p *pins, s sighting, now time.Time) (Standing, bool) {
	return StandingVerified, p.verify(s, now)
}

func withdrawn(p *pins, s sighting, now time.Time) (Standing, bool) {
	changed := p.withdraw(s.Key)
	is, _ := seen(p, s, now)
	return is, changed
}

// consult asks the pins about a link's member: beside the link, since other processes may have them for a while, but one
// after the other. If they can't be asked, the member is unverified.
func (r *Room) consult(l *Link, ask opinion) {
	t, entry := r.trust, l.Member().Member
	s := sighting{Key: t.key(l.id), Name: entry.Name, Identity: entry.Identity}
	before, done := t.queue()
	r.work.Go(func() {
		defer close(done)
		<-before
		ctx, cancel := r.untilDone()
		defer cancel()
		is := StandingUnverified
		err := t.pins.update(ctx, func(p *pins) (changed bool) {
			is, changed = ask(p, s, time.Now())
			return changed
		})
		if err != nil {
			r.options.Logger.Warn("who was here before isn't known, or can't be remembered", "error", err)
		}
		t.stands(l.id, is)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notify()
	})
}

// untilDone is a context that ends with the room.
func (r *Room) untilDone() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	r.work.Go(func() {
		select {
		case <-r.done:
		case <-ctx.Done():
		}
		cancel()
	})
	return ctx, cancel
}
