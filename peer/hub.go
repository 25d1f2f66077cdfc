package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// Full jitter: each wait is a random part of a bound that doubles.
const (
	redialFirst = 500 * time.Millisecond
	redialMax   = 30 * time.Second
)

func (r *Room) dial(ctx context.Context) (*signaling.Conn, error) {
	hello := signaling.Hello{Secret: r.secret, Name: r.options.Name, Kind: r.options.Kind, Meta: r.options.Meta}
	return signaling.Dial(ctx, r.invite, hello, r.options.Signaling)
}

// stay keeps up the connection to the hub until ctx ends or the hub refuses for good.
func (r *Room) stay(ctx context.Context, conn *signaling.Conn) {
	for conn != nil {
		err := r.listen(ctx, conn)
		conn.Close()
		if ctx.Err() != nil {
			return
		}
		r.hubLost(err)
		conn = r.redial(ctx, err)
	}
}

// listen takes the hub's messages until the connection ends.
func (r *Room) listen(ctx context.Context, conn *signaling.Conn) error {
	// Ending ctx would cut the connection; a bye is said instead.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		m, err := conn.Receive(context.Background())
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case signaling.RosterChange:
			r.rosterChanged(m)
		case signaling.Signal:
			r.signaled(m)
		}
	}
}

// redial connects again. It returns nil if ctx ended or the hub refused for good,
// which ends the room.
func (r *Room) redial(ctx context.Context, err error) *signaling.Conn {
	for attempt := 0; ; attempt++ {
		var refused *signaling.Error
		if errors.As(err, &refused) && refused.Final {
			r.work.Go(func() { r.end(ctx, refused) })
			return nil
		}
		wait := rand.N(min(redialMax, redialFirst<<min(attempt, 10)))
		if refused != nil && refused.Retry > 0 {
			wait = refused.Retry
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		var conn *signaling.Conn
		if conn, err = r.dial(ctx); err == nil {
			r.welcomed(conn)
			return conn
		}
		if ctx.Err() != nil {
			return nil
		}
		r.hubLost(err)
	}
}

func (r *Room) hubLost(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn, r.hubErr = nil, err
	r.notify()
}

// welcomed takes in the roster of a welcome. Members that aren't in it are lost
// from sight, but not gone: they may be about to come back, and their links may live.
func (r *Room) welcomed(conn *signaling.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn, r.hubErr = conn, nil
	r.roster = conn.Welcome().Roster
	r.network.use(conn.Welcome().ICE.Servers)
	for _, l := range r.links {
		l.listed = false
	}
	for _, m := range r.roster.Members {
		r.meet(m)
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
	left, joined := r.roster.Apply(c)
	for _, d := range left {
		r.lose(d)
	}
	for _, m := range joined {
		r.meet(m)
	}
	r.notify()
}

// lose takes note of a leave. A member that said bye is gone; one that the hub
// only lost stays while its link lives. Needs mu.
func (r *Room) lose(d signaling.Departure) {
	l := r.links[d.ID]
	if l == nil {
		return
	}
	l.listed = false
	switch {
	case l.state == LinkGone:
		delete(r.links, d.ID)
	case d.Reason == signaling.ReasonBye || d.Reason == signaling.ReasonKicked:
		l.mail.post(l.left)
	}
}

// signaled passes a signal on to its link.
func (r *Room) signaled(m signaling.Signal) {
	s, err := decodeSignal(m.Body)
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
		if l.listed && s.begins() {
			r.renew(l, s)
		}
		return
	}
	l.mail.postSignal(len(m.Body), func() { l.take(s) })
}

// renew makes a new link to the member of one that is gone, for its signal. Needs mu.
func (r *Room) renew(old *Link, s signal) {
	r.meet(old.entry)
	if l := r.links[old.id]; l != old {
		l.mail.post(func() { l.take(s) })
		r.notify()
	}
}
