package peer

import (
	"context"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const (
	connectWait = 30 * time.Second // from the start to open channels
	shakyWait   = 60 * time.Second // without a packet
	byeWait     = 2 * time.Second  // for the answer to a bye
)

// Link is the relation to one other member: LINK.md. Its methods may be called by any number of
// goroutines.
type Link struct {
	// Set at construction.
	room    *Room
	id      string
	offerer bool
	mail    *mailbox
	open    chan struct{} // closed when the channels are open
	stop    chan struct{} // closed when nothing more may be sent
	gone    chan struct{} // closed when the link is
	senders [dataChannels]sender

	// Guarded by room.mu.
	entry   signaling.Member
	listed  bool // by the hub
	state   LinkState
	cause   Cause
	stopped bool // stop is closed

	// Owned by run.
	negotiation
	deadline *time.Timer
	everOpen bool
	over     bool
	closing  bool // we said bye
	parting  bool // the other side closes
	incoming incoming
}

// newLink needs room.mu.
func newLink(r *Room, entry signaling.Member) *Link {
	l := &Link{
		room:    r,
		id:      entry.ID,
		offerer: offers(r.self, entry),
		mail:    newMailbox(),
		open:    make(chan struct{}),
		stop:    make(chan struct{}),
		gone:    make(chan struct{}),
		entry:   entry,
		listed:  true,
		state:   LinkConnecting,
	}
	for i := range l.senders {
		l.senders[i].busy = make(chan struct{}, 1)
	}
	return l
}

// run is the one goroutine that owns negotiation and state.
func (l *Link) run() {
	l.deadline = time.NewTimer(connectWait)
	l.repeat = time.NewTimer(time.Hour)
	defer l.deadline.Stop()
	defer l.repeat.Stop()
	l.begin()
	for !l.over {
		select {
		case <-l.mail.wake:
			for _, f := range l.mail.take() {
				f()
			}
			l.sendCandidates()
		case <-l.repeat.C:
			l.repeatNow()
		case <-l.deadline.C:
			l.expire()
		}
	}
	if l.rtc != nil {
		l.rtc.close()
	}
	l.incoming.readers.Wait()
}

// end ends the link, for the first cause given.
func (l *Link) end(cause Cause) {
	l.over = true
	if l.closing && cause == CauseClosed {
		cause = CauseSelf // it closed because of our bye
	}
	l.room.linkChanged(l, LinkGone, cause)
}

// expire is called when the state has lasted too long.
func (l *Link) expire() {
	switch {
	case l.parting:
		l.end(CauseClosed) // or is gone already, and only waited to be closed
	case l.everOpen:
		l.end(CauseICE)
	case l.settled && l.rtc.dtlsFailed():
		l.end(CauseDTLS)
	case l.settled:
		l.end(CauseICE)
	case l.room.hubAway():
		l.end(CauseSignaling)
	default:
		l.end(CauseTimeout)
	}
}

// carried follows the carrier.
func (l *Link) carried(s carrierState) {
	switch {
	case s == carrierFailed && l.rtc.dtlsFailed():
		l.end(CauseDTLS)
	case s == carrierFailed:
		l.end(CauseICE)
	case s == carrierClosed && !l.everOpen:
		l.end(CauseClosed)
	case !l.everOpen || l.parting:
	case s == carrierClosed:
		l.farewell()
	case s == carrierSilent:
		l.deadline.Reset(shakyWait)
		l.room.linkChanged(l, LinkShaky, "")
		l.room.hub.Probe() // the network may have failed for both
	case s == carrierConnected:
		l.deadline.Stop()
		l.room.linkChanged(l, LinkLive, "")
	}
}

// opened is called when all data channels are open.
func (l *Link) opened() {
	if l.everOpen || l.over {
		return
	}
	l.everOpen = true
	l.deadline.Stop()
	l.repeat.Stop()
	for id := range dataChannels {
		l.incoming.readers.Go(func() { l.read(id) })
	}
	close(l.open)
	l.room.linkChanged(l, LinkLive, "")
}

func (l *Link) signal(s signal) { l.room.signal(l.id, s.encode()) }

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
	select {
	case <-l.open:
		l.mail.post(func() { l.closing = true })
		messages, err := l.senders[dataReliable].last(ctx)
		if err == nil {
			err = l.sendControl(ctx, control{Type: controlBye, Messages: messages})
		}
		if err == nil {
			select {
			case <-l.gone:
			case <-ctx.Done():
			}
		}
	default:
	}
	l.mail.post(func() { l.end(CauseSelf) })
	<-l.gone
}

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
