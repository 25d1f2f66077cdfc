package peer

import (
	"slices"
	"strings"
	"time"
)

// negotiation is what a machine knows of offers and answers: LINK.md, section 3.
type negotiation struct {
	number      uint32 // of the carrier, from 1; 0: there is none
	n           uint32 // the newest offer's number
	first       string // the answerer's: the offer with number 1
	description string // ours for n: the offer, or the answer to it
	taking      signal // the answerer's: the offer that is being answered
	settled     bool   // both descriptions of n are there
	answered    bool   // some offer was

	want      bool          // the offerer's: another offer, when one can be made
	wantFresh bool          // for another carrier
	freshAt   time.Duration // when the carrier was made
	offeredAt time.Duration // when an offer was made
	freshN    bool          // the offer n is the first of its carrier
	doubtful  time.Duration // until when the link may lead nowhere: the network has changed, or ICE is restarted
	needing   bool          // the answerer's: another offer
	needFresh bool          // for another carrier

	local      []candidate // ours for n
	localSent  int         // of them
	localEnd   bool        // no more will come
	endSent    bool
	early      []candidate // theirs, before the description that they belong to
	earlyN     uint32
	candidates int // theirs for n, to bound them
	ours       found
	theirs     found

	repeatAt   time.Duration
	repeatWait time.Duration
	refused    bool // the hub couldn't pass on what we said
	nobody     bool // it says that the member isn't there
}

// found is what kinds of candidates there were.
type found struct{ any, relay bool }

func (f *found) note(c candidate) {
	f.any = f.any || c.Candidate != ""
	f.relay = f.relay || strings.Contains(c.Candidate, " typ relay")
}

// renew has the path negotiated anew, over the carrier that is there or a fresh one.
func (m *machine) renew(fresh bool) {
	m.restartAt = 0
	if m.offerer {
		m.want, m.wantFresh = true, m.wantFresh || fresh
		m.offer()
		return
	}
	m.needing, m.needFresh = true, m.needFresh || fresh
	m.again()
	m.repeatLater(repeatFirst)
}

// offer makes an offer if one is wanted and can be made: one at a time (Pion has no rollback), and when
// it can reach the other side, lest its candidates be stale.
func (m *machine) offer() {
	unanswered := m.n > 0 && !m.settled
	switch {
	case !m.want:
		return
	case m.hubAway && m.n > 0:
		return // hubBack comes here again
	case m.wantFresh && m.number > 0 && m.now < m.freshAt+freshEvery:
		m.rebuildAt = m.freshAt + freshEvery
		return
	case unanswered && !m.wantFresh:
		return // settle comes here again
	case m.n > 0 && !m.wantFresh && m.now < m.offeredAt+restartEvery:
		m.restartAt = m.offeredAt + restartEvery
		return
	}
	m.offeredAt = m.now
	m.freshN = m.number == 0 || m.wantFresh
	m.want, m.wantFresh = false, false
	m.prepare(m.freshN, m.number+1)
	m.act(action{Do: doOffer, Restart: !m.freshN})
}

// prepare has the carrier for the next description there.
func (m *machine) prepare(fresh bool, number uint32) {
	if m.everOpen && (fresh || m.state != LinkLive) {
		m.become(map[bool]LinkState{true: LinkRebuilding, false: LinkRestarting}[fresh])
	}
	if !fresh {
		m.doubtful = m.now + doubtfulFor // Pion leaves the old path as soon as it restarts
		return
	}
	if m.everOpen && (m.lost || m.deadline == 0) {
		m.deadline = m.now + silentWait
	}
	m.lost, m.opened = false, false
	m.number, m.freshAt, m.rebuildAt = number, m.now, 0
	m.act(action{Do: doCarrier, Number: number})
}

// described is called when our description is made.
func (m *machine) described(sdp string) {
	m.description = sdp
	m.local, m.localSent, m.localEnd, m.endSent = nil, 0, false, false
	if m.offerer {
		m.n++
		m.settled = false
		m.rebuildAt = 0
		m.say(false)
		m.repeatLater(repeatFirst)
		return
	}
	if m.n == 0 {
		m.first = m.taking.SDP
	}
	m.n = m.taking.N
	m.taking = signal{}
	m.needing, m.needFresh, m.restartAt = false, false, 0
	m.say(false)
	m.settle()
}

// undescribed is called when a description couldn't be made or taken.
func (m *machine) undescribed() {
	switch {
	case m.offerer && m.n == 0:
		m.end(CauseICE) // it can do nothing at all
	case m.offerer:
		// An offer is repeated, or wanted again when its time has passed.
		m.rebuildAt = m.now + restartWait
	case m.n == 0:
		m.number = 0 // what is half taken is of no more use; the offer is repeated
	default:
		m.taking = signal{}
		m.renew(true)
	}
}

// settle is called when both descriptions are there.
func (m *machine) settle() {
	m.settled, m.answered = true, true
	m.repeatAt = 0
	early := m.early
	m.early, m.candidates = nil, 0
	if m.earlyN == m.n {
		m.addCandidates(early)
	}
	if m.state == LinkRestarting || m.state == LinkRebuilding {
		m.rebuildAt = m.now + restartWait
		if !m.offerer {
			m.rebuildAt += restartWait / 4 // for an offerer to which nothing is wrong
		}
	}
	m.offer()
}

// signaled deals with a signal from the other side.
func (m *machine) signaled(s signal) {
	m.nobody = false
	switch s.Type {
	case signalOffer:
		if !m.offerer {
			m.takeOffer(s)
		}
	case signalAnswer:
		if m.offerer && s.N == m.n && !m.settled {
			m.act(action{Do: doAccept, SDP: s.SDP})
		}
	case signalCandidates:
		m.takeCandidates(s)
	case signalNeedOffer:
		if m.offerer {
			m.takeNeed(s)
		}
	}
}

func (m *machine) takeOffer(s signal) {
	switch {
	case m.n > 0 && s.N == 1 && s.SDP != m.first: // it counts from 1 again
		m.replace(s)
		return
	case s.N == m.n:
		m.say(true)
		return
	case s.N < m.n || s.Carrier < m.number || m.parting || m.closing:
		return
	}
	m.prepare(s.Carrier != m.number, s.Carrier)
	m.taking = s
	m.act(action{Do: doAnswer, SDP: s.SDP})
}

// takeNeed deals with a wish for an offer.
func (m *machine) takeNeed(s signal) {
	switch {
	case s.N == 0 && m.answered: // it knows nothing of what it answered
		m.replace(s)
	case s.Fresh && (s.N == m.n || s.N+1 == m.n && !m.freshN):
		m.renew(true)
	case !m.settled:
		m.say(true)
	case s.N == m.n:
		m.renew(false)
	}
}

// replace gives way to a new link: the other side has none any more, or another.
func (m *machine) replace(s signal) {
	cause := CauseClosed
	if m.answered && !m.everOpen {
		cause = m.whyNot() // the other side has only given up sooner
	}
	m.end(cause)
	m.act(action{Do: doReplace, Signal: &s})
}

func (m *machine) takeCandidates(s signal) {
	switch {
	case s.N < m.n:
		return
	case s.N == m.n && m.settled:
		m.addCandidates(s.Candidates)
		return
	case s.N != m.earlyN:
		m.early, m.earlyN = nil, s.N
	}
	room := maxCandidatesForOffer - len(m.early)
	m.early = append(m.early, s.Candidates[:min(len(s.Candidates), room)]...)
}

func (m *machine) addCandidates(all []candidate) {
	all = all[:min(len(all), maxCandidatesForOffer-m.candidates)]
	m.candidates += len(all)
	for _, c := range all {
		m.theirs.note(c)
	}
	if len(all) > 0 {
		m.act(action{Do: doCandidates, Candidates: all})
	}
}

// gathered takes a candidate of ours; nil is the last.
func (m *machine) gathered(c *candidate) {
	switch {
	case c == nil:
		m.localEnd = true
	case len(m.local) < maxCandidatesForOffer:
		m.local = append(m.local, *c)
		m.ours.note(*c)
	}
	if m.description != "" {
		m.sayCandidates(false)
	}
}

// say sends our description of n and its candidates.
func (m *machine) say(repeated bool) {
	if m.description == "" {
		return
	}
	kind := signalAnswer
	if m.offerer {
		kind = signalOffer
	}
	m.send(signal{Type: kind, N: m.n, Carrier: m.number, SDP: m.description}, repeated)
	m.localSent, m.endSent = 0, false
	m.sayCandidates(repeated)
}

// sayCandidates sends those that weren't.
func (m *machine) sayCandidates(repeated bool) {
	for m.localSent < len(m.local) || m.localEnd && !m.endSent {
		batch := m.local[m.localSent:min(len(m.local), m.localSent+maxCandidatesInSignal)]
		m.localSent += len(batch)
		m.endSent = m.localEnd && m.localSent == len(m.local)
		m.send(signal{Type: signalCandidates, N: m.n, Candidates: slices.Clone(batch), End: m.endSent}, repeated)
	}
}

// send has a signal sent on the way that most probably works: where that isn't known, on both. What comes twice is
// dropped there.
func (m *machine) send(s signal, repeated bool) {
	way := viaHub
	switch {
	case m.state == LinkLive && (repeated || m.now < m.doubtful):
		way = viaBoth
	case m.state == LinkLive, m.everOpen && m.hubAway && !m.lost:
		way = viaLink
	}
	m.act(action{Do: doSend, Signal: &s, Via: way})
}

// again says what the other side may not have got.
func (m *machine) again() {
	if m.needing {
		m.send(signal{Type: signalNeedOffer, N: m.n, Fresh: m.needFresh}, true)
		return
	}
	m.say(true)
}

// repeat is called when the time for it has come. While the hub is away nothing is said to it: the session keeps what
// was, or tells that it is lost.
func (m *machine) repeat() {
	if m.settled && !m.needing && !m.refused {
		return
	}
	m.refused = false
	if m.state == LinkLive || !m.hubAway {
		m.again()
	}
	m.repeatLater(min(2*m.repeatWait, repeatMax))
}

func (m *machine) repeatLater(wait time.Duration) {
	m.repeatWait = wait
	m.repeatAt = m.now + wait
}

// undelivered is called when the hub couldn't pass on a signal.
func (m *machine) undelivered(reason string, retry time.Duration) {
	switch reason {
	case "slow", "limit":
		if m.state != LinkLive {
			m.refused = true
			m.repeatLater(max(m.repeatWait, retry, repeatFirst))
		}
	case "forbidden":
		if !m.everOpen {
			m.end(CauseRefused)
		}
	default:
		m.nobody = true // unless it comes back; who has left is the roster's matter
	}
}
