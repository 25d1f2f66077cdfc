package peer

import (
	"strings"
	"time"
)

const (
	repeatFirst = time.Second // doubled each time
	repeatMax   = 8 * time.Second
)

// negotiation is what a link's goroutine knows of offers and answers: LINK.md,
// section 3. All of it belongs to that goroutine.
type negotiation struct {
	rtc *rtc // nil before the first offer

	n           uint32 // the newest offer's number
	first       string // the answerer's: the offer with number 1
	description string // ours for n: the offer, or the answer to it
	settled     bool   // both descriptions of n are there

	local      []candidate // ours for n
	localSent  int         // of them
	localEnd   bool        // no more will come
	endSent    bool
	early      []candidate // theirs, before the description that they belong to
	earlyN     uint32
	candidates int // theirs for n, to bound them

	repeat     *time.Timer
	repeatWait time.Duration
}

// begin makes the first offer, or waits for one.
func (l *Link) begin() {
	l.repeatWait = repeatFirst
	l.repeat.Reset(l.repeatWait)
	if l.offerer {
		l.makeOffer()
	}
}

func (l *Link) makeOffer() {
	if !l.makeRTC() {
		return
	}
	sdp, err := l.rtc.offer(false)
	if err != nil {
		l.warn("no offer could be made", err)
		return
	}
	l.n++
	l.description = sdp
	l.signal(signal{Type: signalOffer, N: l.n, SDP: sdp})
}

func (l *Link) makeRTC() bool {
	var r *rtc
	post := func(f func()) {
		l.mail.post(func() {
			if l.rtc == r { // it wasn't given up meanwhile
				f()
			}
		})
	}
	r, err := newRTC(l.room.network, rtcEvents{
		candidate: func(c *candidate) { post(func() { l.gathered(c) }) },
		open:      func() { post(l.opened) },
		state:     func(s carrierState) { post(func() { l.carried(s) }) },
		foreign:   func() { post(func() { l.end(CauseRefused) }) },
	})
	if err != nil {
		l.warn("no PeerConnection could be made", err)
		l.end(CauseICE)
		return false
	}
	l.rtc = r
	return true
}

// gathered takes a candidate of ours; nil is the last.
func (l *Link) gathered(c *candidate) {
	if c == nil {
		l.localEnd = true
		return
	}
	if len(l.local) < maxCandidatesForOffer {
		l.local = append(l.local, *c)
	}
}

// sendCandidates sends those that weren't, once the description is on its way.
func (l *Link) sendCandidates() {
	if l.description == "" {
		return
	}
	for l.localSent < len(l.local) || l.localEnd && !l.endSent {
		batch := l.local[l.localSent:min(len(l.local), l.localSent+maxCandidatesInSignal)]
		l.localSent += len(batch)
		l.endSent = l.localEnd && l.localSent == len(l.local)
		l.signal(signal{Type: signalCandidates, N: l.n, Candidates: batch, End: l.endSent})
	}
}

// again repeats what the other side may not have got.
func (l *Link) again() {
	switch {
	case l.description != "":
		kind := signalAnswer
		if l.offerer {
			kind = signalOffer
		}
		l.signal(signal{Type: kind, N: l.n, SDP: l.description})
		l.localSent, l.endSent = 0, false
		l.sendCandidates()
	case !l.offerer:
		l.signal(signal{Type: signalNeedOffer, N: l.n})
	}
}

// repeatNow is called when the time to repeat has come.
func (l *Link) repeatNow() {
	if l.settled {
		return
	}
	l.again()
	l.repeatWait = min(2*l.repeatWait, repeatMax)
	l.repeat.Reset(l.repeatWait)
}

// hubBack is called when signals can travel again.
func (l *Link) hubBack() {
	if l.everOpen {
		return
	}
	l.again()
	l.repeatWait = repeatFirst
	l.repeat.Reset(l.repeatWait)
}

// take deals with a signal from the other member.
func (l *Link) take(s signal) {
	switch s.Type {
	case signalOffer:
		l.takeOffer(s)
	case signalAnswer:
		l.takeAnswer(s)
	case signalCandidates:
		l.takeCandidates(s)
	case signalNeedOffer:
		switch {
		case !l.offerer:
		case !l.settled:
			l.again()
		case s.N == 0: // it answered once, and knows nothing of it now
			l.replace(s)
		}
	}
}

// replace gives way to a new link: the other side has none any more, or another.
func (l *Link) replace(s signal) {
	l.end(CauseClosed)
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	if l.listed && l.room.links[l.id] == l {
		l.room.renew(l, s)
	}
}

func (l *Link) takeOffer(s signal) {
	switch {
	case l.offerer:
		return
	case l.n > 0 && s.N == 1 && s.SDP != l.first: // it counts from 1 again
		l.replace(s)
		return
	case s.N < l.n:
		return
	case s.N == l.n:
		l.again()
		return
	}
	if l.rtc == nil && !l.makeRTC() {
		return
	}
	sdp, err := l.rtc.answer(s.SDP)
	if err != nil {
		l.warn("an offer could not be taken", err)
		if l.n == 0 { // one that is half taken is of no more use
			l.rtc.close()
			l.rtc = nil
		}
		return
	}
	if l.n == 0 {
		l.first = s.SDP
	}
	l.n, l.description = s.N, sdp
	l.signal(signal{Type: signalAnswer, N: l.n, SDP: sdp})
	l.settle()
}

func (l *Link) takeAnswer(s signal) {
	if !l.offerer || s.N != l.n || l.settled {
		return
	}
	if err := l.rtc.accept(s.SDP); err != nil {
		l.warn("an answer could not be taken", err)
		return
	}
	l.settle()
}

// settle is called when both descriptions are there.
func (l *Link) settle() {
	l.settled = true
	l.repeat.Stop()
	early := l.early
	l.early, l.candidates = nil, 0
	if l.earlyN == l.n {
		l.addCandidates(early)
	}
}

func (l *Link) takeCandidates(s signal) {
	switch {
	case s.N < l.n:
		return
	case s.N == l.n && l.settled:
		l.addCandidates(s.Candidates)
		return
	case s.N != l.earlyN:
		l.early, l.earlyN = nil, s.N
	}
	room := maxCandidatesForOffer - len(l.early)
	l.early = append(l.early, s.Candidates[:min(len(s.Candidates), room)]...)
}

func (l *Link) addCandidates(all []candidate) {
	for _, c := range all {
		if l.candidates++; l.candidates > maxCandidatesForOffer {
			return
		}
		// Names that only the other's network resolves (RFC 8828 §3.1) aren't
		// needed: its checks arrive from the address that we can answer.
		if c.Candidate == "" || strings.Contains(c.Candidate, ".local ") {
			continue
		}
		if err := l.rtc.addCandidate(c); err != nil {
			l.options().Logger.Debug("a candidate could not be taken", "error", err)
		}
	}
}
