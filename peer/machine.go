package peer

import "time"

// machine decides what a link does next: LINK.md, section 4. It has no clock, no carrier and
// no hub: it takes what happened and when, and returns what is to be done, so that the
// same traces drive it here and in TypeScript (signaling/testdata/link-traces.json). It belongs
// to the link's goroutine.
type machine struct {
	offerer bool
	now     time.Duration // since the link began, of the event that is dealt with
	do      []action      // for that event

	life
	negotiation
}

// Bounds: LINK.md, section 4.
const (
	connectWait = 30 * time.Second // until the first carrier is open
	silentWait  = 60 * time.Second // without a path, once it was open
	closedWait  = 10 * time.Second // without a word, once the carrier was closed from there
	byeWait     = 2 * time.Second  // for the answer to a bye

	restartAfter = time.Second     // of silence
	restartWait  = 8 * time.Second // from an answer to a path, before the carrier is given up
	serversWait  = 5 * time.Second // for the offerer to use new ICE servers
	freshEvery   = 4 * time.Second // carriers aren't made faster
	restartEvery = 2 * time.Second // nor offers for the same: Firefox loses a carrier that is restarted again before it has a path
	improveFirst = 30 * time.Second
	improveMax   = 10 * time.Minute
	doubtfulFor  = 10 * time.Second // after the network has changed, or ICE was restarted

	repeatFirst = time.Second // doubled each time
	repeatMax   = 8 * time.Second
)

// event is something that happened to a link.
type event struct {
	Type eventType `json:"type"`

	Signal    *signal    `json:"signal,omitzero"`    // signaled
	SDP       string     `json:"sdp,omitzero"`       // described
	Candidate *candidate `json:"candidate,omitzero"` // gathered; nil: no more will come
	DTLS      bool       `json:"dtls,omitzero"`      // failed: the handshake did, not the path
	Reason    string     `json:"reason,omitzero"`    // undelivered
	Retry     int64      `json:"retry,omitzero"`     // undelivered: in ms; 0: not said
	TURN      bool       `json:"turn,omitzero"`      // begin, servers: there are TURN servers
	Path      Path       `json:"path,omitzero"`      // path
}

type eventType string

const (
	eventBegin eventType = "begin" // the first

	// The results of actions, before anything else.
	eventDescribed   eventType = "described"   // of offer and answer
	eventAccepted    eventType = "accepted"    // of accept
	eventUndescribed eventType = "undescribed" // of each of them: it couldn't be done

	// From the carrier with the newest number.
	eventGathered  eventType = "gathered"
	eventOpened    eventType = "opened"    // all data channels are
	eventConnected eventType = "connected" // there is a path again
	eventSilent    eventType = "silent"    // for a few seconds
	eventFailed    eventType = "failed"
	eventClosed    eventType = "closed" // by the other side
	eventPath      eventType = "path"   // the worse of both legs

	// From the hub.
	eventSignaled    eventType = "signaled" // also over the link
	eventUndelivered eventType = "undelivered"
	eventHubLost     eventType = "hub-lost"
	eventHubBack     eventType = "hub-back"
	eventServers     eventType = "servers" // other ICE servers
	eventLeft        eventType = "left"    // the member said bye to the hub, or was kicked

	// From the link and its user.
	eventBye     eventType = "bye"     // the other side closes
	eventDrained eventType = "drained" // all it had sent is here, and it was told so
	eventByeAck  eventType = "bye-ack"
	eventClose   eventType = "close"  // we close
	eventBroken  eventType = "broken" // the other side broke the protocol

	eventNetwork eventType = "network" // this machine's addresses changed, or it is online again
	eventTick    eventType = "tick"    // it is due
)

// action is something that is to be done.
type action struct {
	Do actionType `json:"do"`

	Number     uint32      `json:"number,omitzero"`     // carrier
	Restart    bool        `json:"restart,omitzero"`    // offer: with new ICE credentials
	SDP        string      `json:"sdp,omitzero"`        // answer: the offer; accept: the answer
	Candidates []candidate `json:"candidates,omitzero"` // candidates
	Signal     *signal     `json:"signal,omitzero"`     // send, replace
	Via        via         `json:"via,omitzero"`        // send
	State      LinkState   `json:"state,omitzero"`      // state
	Cause      Cause       `json:"cause,omitzero"`      // end
}

type actionType string

const (
	doCarrier    actionType = "carrier"    // close the old one, if there is one, and make the one with this number
	doOffer      actionType = "offer"      // make an offer and take it as the local description
	doAnswer     actionType = "answer"     // take this offer and answer it
	doAccept     actionType = "accept"     // take this answer
	doCandidates actionType = "candidates" // take these of the other side
	doSend       actionType = "send"       // this signal
	doProbe      actionType = "probe"      // the hub: the network may have failed for both
	doState      actionType = "state"      // the link is in this state now
	doEnd        actionType = "end"        // the link is gone; comes once
	doReplace    actionType = "replace"    // by a new link that begins with this signal
	doClose      actionType = "close"      // the carrier, and be done: the last
)

// via is the way that a signal takes.
type via string

const (
	viaHub  via = "hub"
	viaLink via = "link" // over the control channel
	viaBoth via = "both"
)

func newMachine(offerer bool) *machine {
	return &machine{offerer: offerer, life: life{state: LinkConnecting}}
}

// step takes an event that happened at now.
func (m *machine) step(now time.Duration, e event) []action {
	m.now, m.do = now, nil
	switch {
	case m.closed:
	case m.gone:
		if e.Type == eventClosed || e.Type == eventTick && now >= m.deadline {
			m.close()
		}
	default:
		m.happened(e)
	}
	return m.do
}

func (m *machine) happened(e event) {
	switch e.Type {
	case eventBegin:
		m.begin(e.TURN)
	case eventDescribed:
		m.described(e.SDP)
	case eventAccepted:
		m.settle()
	case eventUndescribed:
		m.undescribed()
	case eventGathered:
		m.gathered(e.Candidate)
	case eventSignaled:
		m.signaled(*e.Signal)
	case eventUndelivered:
		m.undelivered(e.Reason, time.Duration(e.Retry)*time.Millisecond)
	case eventServers:
		m.servers(e.TURN)
	case eventTick:
		m.tick()
	default:
		m.lives(e)
	}
}

// due is when a tick is wanted; 0: never.
func (m *machine) due() (first time.Duration) {
	if m.closed {
		return 0
	}
	for _, at := range m.times() {
		if *at > 0 && (first == 0 || *at < first) {
			first = *at
		}
	}
	return first
}

// times are those at which something is due; 0: never.
func (m *machine) times() []*time.Duration {
	return []*time.Duration{&m.deadline, &m.restartAt, &m.rebuildAt, &m.improveAt, &m.repeatAt}
}

// passed tells whether a time has come, and takes note that it has.
func (m *machine) passed(at *time.Duration) bool {
	if *at == 0 || m.now < *at {
		return false
	}
	*at = 0
	return true
}

// tick does one thing that is due. If there are more, it stays due.
func (m *machine) tick() {
	switch {
	case m.passed(&m.deadline):
		m.expire()
	case m.passed(&m.restartAt):
		m.renew(false)
	case m.passed(&m.rebuildAt):
		m.renew(true)
	case m.passed(&m.improveAt):
		m.improve()
	case m.passed(&m.repeatAt):
		m.repeat()
	}
}

func (m *machine) act(a action) { m.do = append(m.do, a) }
