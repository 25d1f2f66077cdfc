package peer

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

const maxLinks = 512 // whatever a hub says is in its rooms

// Room is a membership in a room. Its methods may be called by any number of
// goroutines. It must be ended with Close.
//
// It stays while the hub is away, and goes back to it by itself. Whoever uses a Room
// has to call Receive: messages that nobody receives make their sender wait.
//
// In a sealed room, whose invite has a key, the hub learns neither names nor metadata, and can't read or forge what
// opens links: LINK.md, section 7.
type Room struct {
	// Set at construction.
	invite  signaling.Invite
	seal    *seal  // nil: the room is open
	trust   *trust // likewise
	options *Options
	secret  signaling.Secret
	self    signaling.Member
	network *network
	inboxes inboxes
	inbox   *inbox // of channel 0
	hub     *signaling.Client
	done    chan struct{} // closed when the room has ended

	work     sync.WaitGroup // every goroutine but the next
	watching sync.WaitGroup // what watches the network

	handlers handlers // of requests

	mu     sync.Mutex
	roster signaling.Roster
	links  map[string]*Link
	// Members without the room's key, or whom the hub has made up. No link is made to them.
	strangers map[string]signaling.Member
	forged    map[string]bool // in whose name came what couldn't be opened, since its link was live
	hubErr    error           // why the hub is away; nil if it isn't
	closed    bool            // no new links
	ended     error           // why the room has; set before done is closed
	changed   chan struct{}   // closed and replaced at each change
}

// Join joins the room of an invite. It returns when the hub has welcomed it; links
// to the members that are there are made after that. An invite that lacks its key, or has another room's, is
// refused before anybody is asked. The error is a sentence; it
// is a [*signaling.Error] if the hub refused, and wraps signaling.ErrNotHub or
// signaling.ErrUnreachable. ctx bounds joining only.
func Join(ctx context.Context, invite string, o *Options) (*Room, error) {
	to, err := signaling.ParseInvite(invite)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(to)
	if err != nil {
		return nil, err
	}
	r := newRoom(to, key, o)
	if r.trust != nil && r.options.Identity != "" {
		if err := r.trust.load(ctx, r.options.Identity, to.Room); err != nil {
			return nil, err
		}
	}
	return enter(ctx, r)
}

// enter has r meet its hub.
func enter(ctx context.Context, r *Room) (_ *Room, err error) {
	if r.hub, err = r.connect(ctx); err != nil {
		return nil, err
	}
	first, err := r.hub.Receive(ctx) // a welcome, or the end
	w, ok := first.(signaling.Welcome)
	if err == nil && ok {
		r.network, err = newNetwork(r.options)
	}
	if err != nil || !ok {
		r.hub.Close()
		return nil, cmp.Or(err, signaling.ErrNotHub)
	}
	r.recognize(w)
	r.welcomed(w)
	r.work.Go(r.listen)
	r.watching.Go(func() { r.network.watch(context.Background(), r.networkChanged) }) // until it is closed
	return r, nil
}

func newRoom(to signaling.Invite, key *roomKey, o *Options) *Room {
	r := &Room{
		invite:    to,
		options:   o.withDefaults(),
		secret:    signaling.NewSecret(),
		done:      make(chan struct{}),
		links:     make(map[string]*Link),
		strangers: make(map[string]signaling.Member),
		forged:    make(map[string]bool),
		changed:   make(chan struct{}),
	}
	r.inbox = newInbox(r)
	r.inboxes.named, r.inboxes.listeners = map[string]*inbox{"": r.inbox}, map[string]*Listener{}
	if key != nil {
		r.seal, r.trust = newSeal(key, r.secret.MemberID()), newTrust()
	}
	return r
}

// recognize finds this member in the first roster.
func (r *Room) recognize(w signaling.Welcome) {
	for _, m := range w.Roster.Members {
		if m.ID == w.You {
			r.self = m
		}
	}
	r.self.ID = w.You
	if r.seal != nil {
		r.self.Name, r.self.Kind, r.self.Meta = r.options.Name, r.options.Kind, r.options.Meta
	}
}

// Name is the room's name.
func (r *Room) Name() string { return r.invite.Room }

// Invite is what lets others into the room.
func (r *Room) Invite() signaling.Invite { return r.invite }

// Self is this member.
func (r *Room) Self() Member { return Member{Member: r.self, State: LinkLive} }

// Members are the others in the room, in the order of joining.
func (r *Room) Members() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.membersLocked()
}

func (r *Room) membersLocked() []Member {
	all := make([]Member, 0, len(r.links)+len(r.strangers))
	for _, l := range r.links {
		all = append(all, l.memberLocked())
	}
	for _, m := range r.strangers {
		all = append(all, Member{Member: m, State: LinkGone, Cause: CauseSealed, Away: m.Away})
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Or(cmp.Compare(a.Joined, b.Joined), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Link is the link to a member, nil if it isn't in the room, or has no link because of [CauseSealed].
func (r *Room) Link(id string) *Link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links[id]
}

// Links are the links to all members.
func (r *Room) Links() iter.Seq[*Link] {
	r.mu.Lock()
	all := make([]*Link, 0, len(r.links))
	for _, l := range r.links {
		all = append(all, l)
	}
	r.mu.Unlock()
	return slices.Values(all)
}

// Broadcast sends m to everybody who is in the room now, all at the same time, and
// returns when it is handed over on each link, as by [Link.Send]. Members that leave meanwhile are no
// error, nor are those without the room's key, who get nothing; what else goes wrong is joined. After Close it is [ErrClosed].
func (r *Room) Broadcast(ctx context.Context, m Message) error {
	return r.broadcast(ctx, "", m.Unreliable, m)
}

func (r *Room) broadcast(ctx context.Context, name string, unreliable bool, m Message) error {
	if err := m.check(unreliable); err != nil {
		return err
	}
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return ErrClosed
	}
	var sending sync.WaitGroup
	var mu sync.Mutex
	var all error
	for l := range r.Links() {
		sending.Go(func() {
			err := l.send(ctx, name, unreliable, m)
			var gone *GoneError
			if err == nil || errors.Is(err, ErrUnwanted) || errors.As(err, &gone) && (gone.Cause == CauseClosed || gone.Cause == CauseLeft) {
				return
			}
			mu.Lock()
			all = errors.Join(all, err)
			mu.Unlock()
		})
	}
	sending.Wait()
	return all
}

// Receive waits for the next message of any member, on the channel that is there without a name: each member gets its
// turn. What has come is received also when its link is gone. After Close it returns [ErrClosed]; if the hub refuses this
// member for good, the room ends with that error.
func (r *Room) Receive(ctx context.Context) (Message, error) { return r.inbox.receive(ctx) }

// Close leaves: everything sent before has arrived when it returns, or two
// seconds have passed for a link, or ctx has ended. It says bye to the hub and returns when all
// goroutines have ended. It may be called more than once.
func (r *Room) Close(ctx context.Context) error {
	r.end(ctx, ErrClosed)
	r.work.Wait()
	r.network.close()
	r.watching.Wait()
	return nil
}

func (r *Room) end(ctx context.Context, why error) {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.mu.Unlock()
	if !first {
		<-r.done
		return
	}
	var closing sync.WaitGroup
	for l := range r.Links() {
		closing.Go(func() { l.close(ctx) })
	}
	closing.Wait()
	r.hub.Close()
	r.mu.Lock()
	r.ended = why
	close(r.done)
	r.notify()
	r.mu.Unlock()
}

// meet makes a link to a member, unless there is one that isn't gone. Needs mu.
func (r *Room) meet(m signaling.Member) {
	if m.ID == r.self.ID || r.closed {
		return
	}
	if l := r.links[m.ID]; l != nil && l.state != LinkGone {
		l.entry, l.listed = m, true
		l.post(event{Type: eventHubBack})
		return
	}
	if len(r.links) >= maxLinks && r.links[m.ID] == nil {
		r.options.Logger.Warn("a member is left out: there are too many", "member", m.ID, "links", maxLinks)
		return
	}
	attempt := 0
	if old := r.links[m.ID]; old != nil && old.cause.temporary() {
		attempt = old.attempt + 1
	}
	l := newLink(r, m, attempt)
	if attempt > 0 {
		l.cause = r.links[m.ID].cause // of the failure before, until this one is live or gone
	}
	r.links[m.ID] = l
	r.work.Go(l.run)
}

// linkChanged records a link's state; gone is the last, and the first cause stays.
func (r *Room) linkChanged(l *Link, state LinkState, cause Cause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.state == LinkGone {
		return
	}
	if cause == CauseTimeout && r.forged[l.id] {
		cause = CauseForged
	}
	l.state, l.cause = state, cause
	if state == LinkLive {
		l.attempt = 0
		delete(r.forged, l.id)
	}
	if state == LinkGone {
		l.stopLocked()
		close(l.gone)
		if !l.listed && r.links[l.id] == l {
			delete(r.links, l.id)
		}
	}
	r.notify()
}

// pathChanged records how a link's frames travel.
func (r *Room) pathChanged(l *Link, p Path) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.path != p {
		l.path = p
		r.notify()
	}
}

// notify tells whoever watches that something changed. Needs mu.
func (r *Room) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// signalWait bounds how long a link waits for a hub that acknowledges nothing.
const signalWait = 5 * time.Second

// signal sends body through the hub. If that is away, what waits for it is bounded; links repeat what matters.
func (r *Room) signal(to string, body jsontext.Value) {
	if r.seal != nil {
		body = r.seal.signal(to, body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), signalWait)
	defer cancel()
	if _, err := r.hub.Signal(ctx, to, body); err != nil {
		r.options.Logger.Debug("a signal wasn't sent", "to", to, "error", err)
	}
}
