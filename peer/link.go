package peer

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// Link is the relation to one other member: LINK.md. It outlives the carriers that it rides on. Its methods may
// be called by any number of goroutines.
type Link struct {
	// Set at construction.
	room     *Room
	id       string
	attempt  int // how many links to the member failed before
	began    time.Time
	mail     *mailbox
	open     chan struct{} // closed when the channels are open
	stop     chan struct{} // closed when nothing more may be sent
	gone     chan struct{} // closed when the link is
	senders  [dataChannels]sender
	outbox   *outbox
	incoming incoming
	outgoing outgoing
	dialogue dialogue

	carrier atomic.Pointer[rtc] // the newest; nil before the first offer

	// Guarded by room.mu.
	entry   signaling.Member
	listed  bool // by the hub
	state   LinkState
	cause   Cause
	path    Path
	stopped bool // stop is closed
	asks    bool // the other side wants to compare emoji

	// Guarded by room.inboxes.mu.
	sources map[string]*source // what comes, by the name of its channel; "" is channel 0
	inboxes map[string]*inbox  // of the link's own channels

	// Owned by run.
	machine   *machine
	unsaid    bool      // hello
	ackAt     time.Time // when what came is acknowledged; zero: nothing is to be
	legs      legs
	proving   proving
	comparing comparing
	outcome   outcome
	over      bool
	failed    Cause // why, if another attempt may succeed
}

// newLink needs room.mu.
func newLink(r *Room, entry signaling.Member, attempt int) *Link {
	l := &Link{
		room:    r,
		id:      entry.ID,
		attempt: attempt,
		began:   time.Now(),
		mail:    newMailbox(),
		open:    make(chan struct{}),
		stop:    make(chan struct{}),
		gone:    make(chan struct{}),
		outbox:  newOutbox(),
		entry:   entry,
		listed:  true,
		state:   LinkConnecting,
		machine: newMachine(offers(r.self, entry)),
		sources: make(map[string]*source),
		inboxes: make(map[string]*inbox),
	}
	l.outgoing.init(l)
	l.dialogue.link = l
	l.incoming.in = newInbound()
	l.incoming.in.channels[0].sink, _ = l.openSource("")
	for i := range l.senders {
		l.senders[i].busy = make(chan struct{}, 1)
	}
	return l
}

// run is the one goroutine that owns the link's machine and carriers.
func (l *Link) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	l.happen(event{Type: eventBegin, TURN: l.room.network.turn()})
	for !l.over {
		l.wind(timer)
		select {
		case <-l.mail.wake:
			for _, f := range l.mail.take() {
				f()
			}
		case <-timer.C:
			l.tick()
		}
	}
	if c := l.carrier.Load(); c != nil {
		c.close()
	}
	l.incoming.readers.Wait()
	l.dialogue.over()
	l.outbox.resending.Wait()
	l.leave()
	l.tryAgain()
}

// wind sets the timer for what is due next.
func (l *Link) wind(timer *time.Timer) {
	timer.Stop()
	var next time.Time
	if due := l.machine.due(); due > 0 {
		next = l.began.Add(due)
	}
	if v := l.comparing.machine; v != nil && v.due() > 0 {
		if due := l.began.Add(v.due()); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	if !l.ackAt.IsZero() && (next.IsZero() || l.ackAt.Before(next)) {
		next = l.ackAt
	}
	if !next.IsZero() {
		timer.Reset(time.Until(next))
	}
}

func (l *Link) tick() {
	if !l.ackAt.IsZero() && !time.Now().Before(l.ackAt) {
		l.acknowledge()
	}
	l.compare(verifyEvent{Type: verifyTick})
	if due := l.machine.due(); due > 0 && time.Since(l.began) >= due {
		l.happen(event{Type: eventTick})
	}
}

// happen tells the machine what has happened, and does what it says.
func (l *Link) happen(e event) {
	for _, a := range l.machine.step(time.Since(l.began), e) {
		l.do(a)
	}
}

func (l *Link) do(a action) {
	switch a.Do {
	case doCarrier:
		l.makeCarrier()
	case doOffer, doAnswer, doAccept:
		l.describe(a)
	case doCandidates:
		l.carrier.Load().addCandidates(a.Candidates, l.options().Logger)
	case doSend:
		l.signal(*a.Signal, a.Via)
	case doProbe:
		l.room.hub.Probe()
	case doState:
		l.room.linkChanged(l, a.State, "")
	case doEnd:
		if l.proving.said.Load() != nil && !l.machine.everOpen && a.Cause.isPath() {
			a.Cause = CauseTimeout // there was a path, but no hello
		}
		if a.Cause.temporary() {
			l.failed = a.Cause
		}
		l.report(a.Cause)
		l.room.linkChanged(l, LinkGone, a.Cause)
	case doReplace:
		l.room.replace(l, *a.Signal)
	case doClose:
		l.over = true
	}
}

// describe has the carrier make or take a description, and tells what came of it.
func (l *Link) describe(a action) {
	c, e := l.carrier.Load(), event{Type: eventDescribed}
	err := errNoCarrier
	if c != nil {
		if a.Do != doAccept {
			l.useServers(c)
		}
		switch a.Do {
		case doOffer:
			e.SDP, err = c.offer(a.Restart)
		case doAnswer:
			e.SDP, err = c.answer(a.SDP)
		case doAccept:
			e.Type = eventAccepted
			err = c.accept(a.SDP)
		}
	}
	if err != nil {
		l.warn("a description could not be made or taken", err)
		e = event{Type: eventUndescribed}
	} else {
		l.applied(a)
	}
	l.happen(e)
}

// useServers has what is gathered next be gathered with the newest ICE servers.
func (l *Link) useServers(c *rtc) {
	if err := c.useServers(); err != nil {
		l.warn("new ICE servers could not be used", err)
	}
}

// makeCarrier closes the carrier that is there, and makes the next.
func (l *Link) makeCarrier() {
	if old := l.carrier.Load(); old != nil {
		old.close()
	}
	l.legs, l.proving.theirs = legs{}, nil
	var c *rtc
	post := func(f func()) {
		l.mail.post(func() {
			if l.carrier.Load() == c { // it wasn't given up meanwhile
				f()
			}
		})
	}
	happen := func(e event) { post(func() { l.happen(e) }) }
	c, err := newRTC(l.room.network, rtcEvents{
		candidate: func(c *candidate) { happen(event{Type: eventGathered, Candidate: c}) },
		open:      func() { post(l.opened) },
		state:     func(s carrierState) { post(func() { l.carried(s) }) },
		foreign:   func() { happen(event{Type: eventBroken}) },
		pair:      func() { post(l.measure) },
	})
	if err != nil {
		l.warn("no PeerConnection could be made", err)
		c = nil
	}
	l.carrier.Store(c)
}

// carried follows the carrier.
func (l *Link) carried(s carrierState) {
	switch s {
	case carrierConnected:
		l.happen(event{Type: eventConnected})
	case carrierSilent:
		l.happen(event{Type: eventSilent})
	case carrierFailed:
		l.happen(event{Type: eventFailed, DTLS: l.carrier.Load().dtlsFailed()})
	case carrierClosed:
		// What came before a bye is read first. Of what else isn't read yet, the next carrier brings more.
		if !l.machine.parting || !l.carrier.Load().isRead() {
			l.happen(event{Type: eventClosed})
		}
	}
}

// opened is called when all data channels of a carrier are open.
func (l *Link) opened() {
	if l.over {
		return
	}
	c := l.carrier.Load()
	again := l.machine.number > 1 // the other side may have had one before
	if again {
		l.incoming.mu.Lock()
		l.incoming.in.resume()
		l.incoming.mu.Unlock()
	}
	l.read(c, dataControl)
	l.sayHello()
	if again {
		l.acknowledge() // what is missing is sent again
	}
	if l.room.trust == nil {
		l.usable(c)
	}
}

// usable is called when messages may go over a carrier: it is open and, in a sealed room, its other end is who it says.
func (l *Link) usable(c *rtc) {
	l.read(c, dataReliable, dataUnreliable)
	if !isClosed(l.open) {
		l.senders[dataReliable].rtc, l.incoming.resumed = c, c
		l.outcome.opened = time.Since(l.began)
		close(l.open)
	}
	l.happen(event{Type: eventOpened})
	l.measure()
}

// signal sends s to the other member.
func (l *Link) signal(s signal, way via) {
	s, err := l.sign(s)
	if err != nil {
		l.warn("a description can't be signed", err)
		return
	}
	body := s.encode()
	if way != viaHub && len(body) <= maxPayload {
		l.sendControl(body)
		if way == viaLink {
			return
		}
	}
	l.room.signal(l.id, body)
}

func (l *Link) options() *Options { return l.room.options }

func (l *Link) warn(what string, err error) {
	l.options().Logger.Warn(what, "member", l.id, "error", err)
}

// close says bye and waits until everything that was sent has arrived, for two
// seconds at most, or until ctx ends.
func (l *Link) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, byeWait)
	defer cancel()
	l.stopSending()
	l.post(event{Type: eventClose})
	if isClosed(l.open) && l.sayBye(ctx) == nil {
		select {
		case <-l.gone:
		case <-ctx.Done():
		}
	}
	l.post(event{Type: eventClose}) // a second time: at once
	<-l.gone
}

func (l *Link) sayBye(ctx context.Context) error {
	frames, err := l.senders[dataReliable].last(ctx)
	if err != nil {
		return err
	}
	return l.writeControl(ctx, control{Type: controlBye, Frames: frames}.encode())
}

// post has something happen, in turn.
func (l *Link) post(e event) { l.mail.post(func() { l.happen(e) }) }

// stopSending makes every Send, also one that waits, return.
func (l *Link) stopSending() {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	l.stopLocked()
}

func (l *Link) stopLocked() {
	if !l.stopped {
		l.stopped = true
		close(l.stop)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
