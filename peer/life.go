package peer

import (
	"strings"
	"time"
)

// life is what a machine knows of the link's state and why it changes.
type life struct {
	state    LinkState
	everOpen bool
	opened   bool // the carrier that there is, was
	gone     bool // the end was told
	closed   bool // nothing is left to do
	closing  bool // we said bye
	parting  bool // the other side did
	lost     bool // the carrier was closed by the other side
	hubAway  bool
	turn     bool // there are TURN servers
	path     Path

	shaken      time.Duration // when the link became shaky
	deadline    time.Duration // of the state
	restartAt   time.Duration
	rebuildAt   time.Duration
	improveAt   time.Duration // when a path over a relay is tried to be bettered
	improveWait time.Duration
}

func (m *machine) begin(turn bool) {
	m.turn = turn
	m.deadline = m.now + connectWait
	m.improveWait = improveFirst
	if m.offerer {
		m.want = true
		m.offer()
		return
	}
	m.needing = true
	m.repeatLater(repeatFirst)
}

// lives deals with what concerns the state of the link.
func (m *machine) lives(e event) {
	switch e.Type {
	case eventOpened:
		m.lost = false
		m.everOpen, m.opened = true, true
		m.live()
	case eventConnected:
		// A path alone is no carrier: its data channels may never open.
		if m.opened && (m.state == LinkShaky || m.state == LinkRestarting) {
			m.live()
		}
	case eventSilent:
		m.silent()
	case eventFailed:
		m.failed(e.DTLS)
	case eventClosed:
		m.lose()
	case eventPath:
		m.pathIs(e.Path)
	case eventHubLost:
		m.hubLost()
	case eventHubBack:
		m.hubBack()
	case eventNetwork:
		m.network()
	default:
		m.ends(e.Type)
	}
}

// ends deals with what ends a link.
func (m *machine) ends(t eventType) {
	switch t {
	case eventLeft:
		if !m.parting {
			m.end(CauseLeft)
		}
	case eventBye:
		if m.closing { // each said it to the other
			m.end(CauseSelf)
			return
		}
		m.parting = true
		m.rest()
		m.deadline = m.now + silentWait
	case eventDrained:
		// The other side closes now. Until it has, our answer may still be on its way.
		m.tellEnd(CauseClosed)
		m.rest()
		m.deadline = m.now + byeWait
	case eventByeAck:
		if m.closing {
			m.end(CauseSelf)
		}
	case eventClose:
		if m.closing || m.parting || !m.everOpen {
			m.end(CauseSelf)
			return
		}
		m.closing = true
		m.rest()
		m.deadline = m.now + byeWait
	case eventBroken:
		m.end(CauseRefused)
	}
}

func (m *machine) live() {
	if m.parting || m.closing {
		return
	}
	m.deadline, m.restartAt, m.rebuildAt = 0, 0, 0
	if m.settled && !m.needing {
		m.repeatAt = 0
	}
	if m.offerer && m.path.relayed() && m.improveAt == 0 {
		m.improveAt = m.now + m.improveWait
	}
	m.become(LinkLive)
	m.offer() // if one is wanted that couldn't be made
}

// silent is called when nothing has come for a few seconds.
func (m *machine) silent() {
	if m.state != LinkLive || m.parting || m.closing {
		return
	}
	m.shake()
	m.restartAt = m.now + restartAfter
}

// awaitWord bounds the wait for the word that the other side owes who has lost its carrier. Without a hub it can't come.
func (m *machine) awaitWord() {
	if m.lost && !m.hubAway {
		m.deadline = min(m.deadline, m.now+closedWait)
	}
}

func (m *machine) shake() {
	m.become(LinkShaky)
	if m.deadline == 0 {
		m.deadline = m.now + silentWait
	}
	m.shaken, m.improveAt = m.now, 0
	m.act(action{Do: doProbe})
}

// failed is called when the carrier has given up.
func (m *machine) failed(dtls bool) {
	switch {
	case m.parting || m.closing:
	case m.everOpen:
		if m.state == LinkLive {
			m.shake()
		}
		m.renew(true)
	case dtls:
		m.end(CauseDTLS)
	default:
		m.end(m.whyNot())
	}
}

// lose is called when the other side has closed the carrier. Without a bye it has given it up for another, of which
// it is about to speak, or has given up the link.
func (m *machine) lose() {
	switch {
	case m.parting:
		m.end(CauseClosed)
	case m.closing:
		m.end(CauseSelf)
	case !m.everOpen:
		m.end(CauseClosed)
	default:
		m.lost = true
		m.shake()
		m.awaitWord()
		if !m.offerer {
			m.needFresh, m.needing = true, true
			m.repeatLater(repeatFirst)
		}
	}
}

// network is called when this machine's network has changed: what was negotiated may lead nowhere.
func (m *machine) network() {
	if m.parting || m.closing {
		return
	}
	m.doubtful = m.now + doubtfulFor
	m.improveWait = improveFirst
	m.renew(false)
}

func (m *machine) hubLost() {
	m.hubAway = true
	if m.lost {
		m.deadline = m.shaken + silentWait
	}
}

func (m *machine) hubBack() {
	m.hubAway = false
	if m.parting || m.closing {
		return
	}
	m.awaitWord()
	if m.state != LinkLive || m.needing && m.n > 0 {
		m.again()
	}
	m.offer()
}

// servers is called when there are other ICE servers. A path over a relay needs them before the old ones end.
func (m *machine) servers(turn bool) {
	m.turn = turn
	switch {
	case m.state != LinkLive || !m.path.relayed():
	case m.offerer:
		m.renew(false)
	default:
		m.restartAt = m.now + serversWait // the offerer was told the same
	}
}

func (m *machine) pathIs(p Path) {
	was := m.path
	m.path = p
	switch {
	case !p.relayed():
		m.improveAt, m.improveWait = 0, improveFirst
	case !was.relayed() && m.offerer:
		m.improveAt = m.now + m.improveWait
	}
}

// improve tries whether a path over a relay can be done without by now.
func (m *machine) improve() {
	if m.state != LinkLive || !m.path.relayed() {
		return
	}
	m.improveWait = min(2*m.improveWait, improveMax)
	m.improveAt = m.now + m.improveWait
	m.renew(false)
}

// expire is called when the state has lasted too long.
func (m *machine) expire() {
	switch {
	case m.closing:
		m.end(CauseSelf)
	case m.parting || m.lost:
		m.end(CauseClosed)
	case m.everOpen:
		m.end(CauseSilent)
	default:
		m.end(m.whyNot())
	}
}

// whyNot is why the first carrier hasn't opened.
func (m *machine) whyNot() Cause {
	switch {
	case !m.answered && m.hubAway:
		return CauseSignaling
	case !m.answered && m.nobody:
		return CauseUnknown
	case !m.answered:
		return CauseTimeout
	case !m.ours.any || !m.theirs.any:
		return CauseNoCandidates
	case m.ours.relay || m.theirs.relay:
		return CauseICE
	case m.turn:
		return CauseTURN
	}
	return CauseNoTURN
}

func (m *machine) become(s LinkState) {
	if m.state != s {
		m.state = s
		m.act(action{Do: doState, State: s})
	}
}

// rest has nothing more negotiated: the link is about to end.
func (m *machine) rest() {
	m.want, m.wantFresh, m.needing = false, false, false
	for _, at := range m.times() {
		*at = 0
	}
}

func (m *machine) tellEnd(c Cause) {
	m.gone = true
	m.state = LinkGone
	m.act(action{Do: doEnd, Cause: c})
}

func (m *machine) end(c Cause) {
	m.tellEnd(c)
	m.close()
}

func (m *machine) close() {
	m.rest()
	m.closed = true
	m.act(action{Do: doClose})
}

func (p Path) relayed() bool { return strings.HasPrefix(string(p), "relay-") }
