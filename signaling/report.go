package signaling

import (
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// FeatureReport is the feature of hubs that take [Report].
const FeatureReport = "report"

// Report tells the hub how an attempt to open a link came out, once for each attempt: PROTOCOL.md, section 3. It
// says nothing of who the other member is, nor of any address.
type Report struct {
	Outcome string        // OutcomeOpened, or why the link didn't open
	Path    string        // of a link that opened: PathLAN, …
	Time    time.Duration // from the beginning of the attempt until the link was open, in whole ms
	Family  string        // of whom it comes: FamilyGo, …
}

// Outcomes of an attempt. All but the first are causes of its end.
const (
	OutcomeOpened       = "opened"
	OutcomeClosed       = "closed"        // the other side closed the link before it was open
	OutcomeLeft         = "left"          // the other member left before
	OutcomeSelf         = "self"          // this side closed it before
	OutcomeNoCandidates = "no-candidates" // one of the two has no address to be reached at
	OutcomeNoTURN       = "no-turn"       // no pair of candidates worked, and no TURN server was named
	OutcomeTURN         = "turn"          // a TURN server was named, and gave no relay
	OutcomeICE          = "ice"           // no pair of candidates worked
	OutcomeDTLS         = "dtls"          // the DTLS handshake failed
	OutcomeSignaling    = "signaling"     // no answer in time, and the hub couldn't be reached
	OutcomeTimeout      = "timeout"       // no answer in time
	OutcomeRefused      = "refused"       // the other side broke the protocol of links
	OutcomeUnknown      = "unknown"       // there is no such member

	// OutcomeAbandoned is how the hub counts OutcomeClosed, OutcomeLeft and OutcomeSelf: nobody failed.
	OutcomeAbandoned = "abandoned"
)

// Paths of a link.
const (
	PathLAN      = "lan"
	PathDirect   = "direct"
	PathRelayUDP = "relay-udp"
	PathRelayTCP = "relay-tcp"
	PathRelayTLS = "relay-tls"
)

// Families of clients: what makes links work or fail alike.
const (
	FamilyChromium = "chromium"
	FamilyFirefox  = "firefox"
	FamilyWebKit   = "webkit"
	FamilyGo       = "go"
)

// reportedOther is how what isn't listed above is counted.
const reportedOther = "other"

const maxReportTime = 10 * time.Minute // what takes longer is counted as that

var (
	abandoned = []string{OutcomeClosed, OutcomeLeft, OutcomeSelf}
	outcomes  = []string{OutcomeOpened, OutcomeAbandoned, OutcomeNoCandidates, OutcomeNoTURN, OutcomeTURN, OutcomeICE, OutcomeDTLS, OutcomeSignaling,
		OutcomeTimeout, OutcomeRefused, OutcomeUnknown}
	paths    = []string{PathLAN, PathDirect, PathRelayUDP, PathRelayTCP, PathRelayTLS}
	families = []string{FamilyChromium, FamilyFirefox, FamilyWebKit, FamilyGo}
)

// counted is r in the words that the hub counts by. Only links that opened have a path and a time.
func (r Report) counted() Report {
	if slices.Contains(abandoned, r.Outcome) {
		r.Outcome = OutcomeAbandoned
	}
	r.Outcome = knownOr(r.Outcome, outcomes)
	r.Family = knownOr(r.Family, families)
	if r.Outcome != OutcomeOpened {
		r.Path, r.Time = "", 0
		return r
	}
	r.Path = knownOr(r.Path, paths)
	r.Time = min(max(r.Time, 0), maxReportTime)
	return r
}

// knownOr is word, or "other".
func knownOr(word string, known []string) string {
	if slices.Contains(known, word) {
		return word
	}
	return reportedOther
}

func (Report) messageType() string { return "report" }

// reportText is a Report as it is encoded.
type reportText struct {
	typed
	Outcome string `json:"outcome"`
	Path    string `json:"path,omitzero"`
	Time    int64  `json:"time,omitzero"` // ms
	Family  string `json:"family,omitzero"`
}

func (r Report) text() reportText {
	return reportText{typed{r.messageType()}, r.Outcome, r.Path, max(r.Time, 0).Milliseconds(), r.Family}
}

func decodeReport(data []byte) (Report, error) {
	var m struct {
		Outcome notNull[string] `json:"outcome"`
		Path    notNull[string] `json:"path"`
		Time    notNull[uint64] `json:"time"`
		Family  notNull[string] `json:"family"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return Report{}, err
	}
	if m.Outcome.value == "" {
		return Report{}, errors.New("outcome is missing")
	}
	ms := min(m.Time.value, uint64(maxReportTime.Milliseconds()))
	return Report{m.Outcome.value, m.Path.value, time.Duration(ms) * time.Millisecond, m.Family.value}, nil
}

// report counts what a member reports. It is never answered: what is beyond the limit isn't counted.
func (c *connection) report(r Report) {
	c.room.mu.Lock()
	current := c.session.connection == c
	taken := current && c.session.reports.take(c.hub.options.Load().Limits.Messages) == 0
	c.room.mu.Unlock()
	switch {
	case taken:
		c.hub.counters.reported(r)
	case current:
		c.hub.counters.addTo(&c.hub.counters.limited, LimitMessages)
	}
}
