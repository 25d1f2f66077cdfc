package peer

import (
	"context"
	"errors"

	"github.com/snug-chat/snug/signaling"
)

func (r *Room) connect(ctx context.Context) (*signaling.Client, error) {
	hello := signaling.Hello{Secret: r.secret, Name: r.options.Name, Kind: r.options.Kind, Meta: r.options.Meta}
	if r.seal != nil {
		sealed, err := r.seal.entry(hello.Name, hello.Meta)
		if err != nil {
			return nil, err
		}
		hello.Name, hello.Meta = "", sealed
	}
	return signaling.Connect(ctx, r.invite, hello, r.options.Signaling)
}

// listen takes the hub's messages until the room is left or the hub refuses for good, which
// ends the room.
func (r *Room) listen() {
	for {
		m, err := r.hub.Receive(context.Background())
		switch {
		case errors.Is(err, signaling.ErrClosed):
			return
		case err != nil:
			r.work.Go(func() { r.end(context.Background(), err) })
			return
		}
		switch m := m.(type) {
		case signaling.Welcome:
			r.welcomed(m)
		case signaling.Lost:
			r.hubLost(m.Err)
		case signaling.RosterChange:
			r.rosterChanged(m)
		case signaling.ICE:
			r.servers(m)
		case signaling.Undeliverable:
			r.undelivered(m)
		case signaling.Signal:
			r.signaled(m)
		}
	}
}

func (r *Room) hubLost(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hubErr = err
	for _, l := range r.links {
		l.post(event{Type: eventHubLost})
	}
	r.notify()
}

// undelivered passes on that a signal didn't arrive.
func (r *Room) undelivered(m signaling.Undeliverable) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.links[m.To]; l != nil {
		l.post(event{Type: eventUndelivered, Reason: m.Reason, Retry: m.Retry})
	}
}

// servers has links use these ICE servers from now on.
func (r *Room) servers(ice signaling.ICE) {
	r.network.use(ice.Servers)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.links {
		l.post(event{Type: eventServers, TURN: r.network.turn()})

	}
}

// networkChanged is called when this machine's addresses have changed. The hub is dialed again first.
func (r *Room) networkChanged() {
	r.hub.Redial()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.links {
		l.post(event{Type: eventNetwork})
	}
}

// welcomed takes in the roster of a welcome. Members that aren't in it are lost
// from sight, but not gone: they may be about to come back, and their links may live.
func (r *Room) welcomed(w signaling.Welcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hubErr = nil
	r.roster = w.Roster
	r.network.use(w.ICE.Servers)
	for _, l := range r.links {
		l.listed = false
	}
	clear(r.strangers)
	for _, m := range r.roster.Members {
		r.enter(m)
	}
	for id, l := range r.links {
		if !l.listed && l.state == LinkGone {
			delete(r.links, id)
		}
	}
	r.notify()
}

func (r *Room) rosterChanged(c signaling.RosterChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	did := r.roster.Apply(c)
	for _, d := range did.Left {
		r.lose(d)
	}
	for _, m := range did.Joined {
		r.enter(m)
	}
	for _, p := range did.Away {
		if m, ok := r.strangers[p.ID]; ok {
			m.Away = p.Away
			r.strangers[p.ID] = m
		}
		if l := r.links[p.ID]; l != nil {
			l.entry.Away = p.Away
			if !p.Away && l.state == LinkGone {
				r.meet(l.entry)
			}
		}
	}
	r.notify()
}

// lose takes note of a leave. A member that said bye is gone; one that the hub
// only lost stays while its link lives. Needs mu.
func (r *Room) lose(d signaling.Departure) {
	delete(r.strangers, d.ID)
	l := r.links[d.ID]
	if l == nil {
		return
	}
	l.listed = false
	switch {
	case l.state == LinkGone:
		delete(r.links, d.ID)
	case d.Reason == signaling.ReasonBye || d.Reason == signaling.ReasonKicked:
		l.post(event{Type: eventLeft})
	}
}

// signaled passes a signal on to its link.
func (r *Room) signaled(m signaling.Signal) {
	s, err := r.decode(m)
	if err != nil {
		if !errors.Is(err, errIgnored) {
			r.options.Logger.Warn("a signal was dropped", "from", m.From, "error", err)
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.links[m.From]
	if l == nil {
		return
	}
	if l.state == LinkGone {
		if l.listed {
			r.renew(l, s)
		}
		return
	}
	l.mail.postSignal(len(m.Body), func() { l.signaled(s) })
}

// renew makes a new link to the member of one that is gone, for its signal: it begins
// another, or knows nothing yet of the end of the one that was. Needs mu.
func (r *Room) renew(old *Link, s signal) {
	if !s.begins() && s.Type != signalOffer {
		return
	}
	r.meet(old.entry)
	if l := r.links[old.id]; l != old {
		if s.begins() {
			l.mail.post(func() { l.signaled(s) })
		}
		r.notify()
	}
}

// replace makes a new link to the member of one that gave way to it.
func (r *Room) replace(old *Link, s signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old.listed && r.links[old.id] == old {
		r.renew(old, s)
	}
}

// again makes a new link to the member of one that failed, unless there is one.
func (r *Room) again(old *Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old.listed && r.links[old.id] == old && r.hubErr == nil && !old.entry.Away { // or else when they are back
		r.meet(old.entry)
		r.notify()
	}
}
