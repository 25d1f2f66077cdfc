package signaling

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// mergeWait is how long a roster change waits for others, if one went out less
// than this ago.
const mergeWait = 50 * time.Millisecond

// roster is how a room tells its members who is there. The room's mutex guards it.
type roster struct {
	n       uint64
	pending []change    // that not everybody was told yet
	told    frame       // pending as a message; nil: to be made
	toldAt  time.Time   // when anybody was last told along with all
	timer   *time.Timer // of the next time
}

// change is one step of a roster.
type change struct {
	what    whatChanged
	session *session // nil for lockChanged
	n       uint64
	reason  string // of left
}

type whatChanged int

const (
	joined whatChanged = iota
	left
	presence
	lockChanged
)

// note adds a change to those to tell.
func (r *roster) note(c change) {
	r.pending = append(r.pending, c)
	r.told = nil
}

// tell tells everybody what changed: now, or, if that was done a moment ago,
// soon and together with what changes until then. Needs mu.
func (r *room) tell() {
	if len(r.pending) == 0 || r.timer != nil || r.hub.stopped() {
		return
	}
	if wait := mergeWait - time.Since(r.toldAt); wait > 0 {
		r.hub.work.Add(1)
		r.timer = time.AfterFunc(wait, r.tellLater)
		return
	}
	r.tellAll()
}

func (r *room) tellLater() {
	defer r.hub.work.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	if !r.closed {
		r.tellAll()
	}
}

// stopTimer needs mu.
func (r *room) stopTimer() {
	if r.timer != nil && r.timer.Stop() {
		r.timer = nil
		r.hub.work.Done()
	}
}

// stopTelling is for a hub that is shut down: nobody is told any more.
func (r *room) stopTelling() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopTimer()
}

// tellAll needs mu.
func (r *room) tellAll() {
	for _, s := range r.order {
		if s.told < r.n && !s.away() {
			r.tellOne(s)
			r.toldAt = time.Now()
		}
	}
	r.pending, r.told = nil, nil
}

// tellOne needs mu.
func (r *room) tellOne(s *session) {
	if r.told == nil {
		r.told = r.changeFrame()
	}
	s.connection.send(r.told)
	s.told = r.n
}

// changeText is the same message as RosterChange, of entries encoded already.
type changeText struct {
	Type   string           `json:"type"`
	Epoch  string           `json:"epoch"`
	N      uint64           `json:"n"`
	Left   []Departure      `json:"left,omitempty"`
	Joined []jsontext.Value `json:"joined,omitempty"`
	Away   []Presence       `json:"away,omitempty"`
	Locked *bool            `json:"locked,omitzero"`
}

// changeFrame is what is pending. Of members that are in the room it tells the last state.
func (r *room) changeFrame() frame {
	c := changeText{Type: "roster", Epoch: r.epoch, N: r.n}
	last := r.lastPresence()
	for _, p := range r.pending {
		there := p.session != nil && r.sessions[p.session.id] == p.session
		switch {
		case p.what == left:
			c.Left = append(c.Left, Departure{ID: p.session.id, Reason: p.reason, N: p.n})
		case p.what == joined && there:
			c.Joined = append(c.Joined, p.session.text())
		case p.what == presence && there && last[p.session] == p.n:
			c.Away = append(c.Away, Presence{ID: p.session.id, Away: p.session.away(), N: p.n})
		case p.what == lockChanged:
			c.Locked = &r.locked
		}
	}
	return textFrame(c)
}

// lastPresence is the newest change of each member that went away or came back.
func (r *room) lastPresence() map[*session]uint64 {
	var last map[*session]uint64
	for _, p := range r.pending {
		if p.what != presence {
			continue
		}
		if last == nil {
			last = make(map[*session]uint64)
		}
		last[p.session] = p.n
	}
	return last
}

// welcome is the answer to the hello of s. It is put together by hand: the entries of a
// large room, encoded already, are most of what a join costs. Needs mu.
func (r *room) welcome(s *session, recovered bool) frame {
	o := r.hub.options.Load()
	size := 0
	for _, other := range r.order {
		size += len(other.entry) + 16
	}
	b := make([]byte, maxFrameHeader, maxFrameHeader+1024+size)
	b = append(b, `{"type":"welcome","you":"`...)
	b = append(b, s.id...)
	b = append(b, `","session":"`...)
	b = append(b, s.name...)
	b = append(b, `","recovered":`...)
	b = strconv.AppendBool(b, recovered)
	b = append(b, `,"received":`...)
	b = strconv.AppendUint(b, s.taken, 10)
	b = append(b, `,"roster":{"epoch":"`...)
	b = append(b, r.epoch...)
	b = append(b, `","n":`...)
	b = strconv.AppendUint(b, r.n, 10)
	b = append(b, `,"members":[`...)
	for i, other := range r.order {
		if i > 0 {
			b = append(b, ',')
		}
		if other == s { // whose connection is about to be this one
			b = append(b, other.entry...)
		} else {
			b = append(b, other.text()...)
		}
	}
	b = append(b, ']')
	if r.locked {
		b = append(b, `,"locked":true`...)
	}
	b = append(b, "},"...)
	rest, err := json.Marshal(welcomeRest{
		ICE:         r.iceFor(s, time.Now(), o),
		Heartbeat:   Heartbeat{o.PingInterval.Milliseconds(), o.PongTimeout.Milliseconds(), o.Grace.Milliseconds()},
		Limits:      limitsInForce(o),
		Permissions: s.grant.Permissions.Names(),
		Expires:     milliseconds(s.grant.Expires),
		Features:    []string{FeatureHTTP, FeatureReport},
	})
	if err != nil {
		panic("signaling: " + err.Error()) // of what the operator's hooks said, and that is a string
	}
	return frameOf(append(b, rest[1:]...))
}

// welcomeRest is what stands in a welcome after the roster.
type welcomeRest struct {
	ICE         ICE       `json:"ice"`
	Heartbeat   Heartbeat `json:"heartbeat"`
	Limits      Limits    `json:"limits"`
	Permissions []string  `json:"permissions"`
	Expires     int64     `json:"expires,omitzero"`
	Features    []string  `json:"features"`
}

func limitsInForce(o *Options) Limits {
	l := o.Limits
	return Limits{
		Frame: l.Frame, Members: l.Members, Hello: maxHello, Name: maxName, Meta: maxMeta, Replay: l.Replay, Fragments: l.Fragments,
		Signals: SignalLimits{Rate: l.Signals.PerSecond, Burst: l.Signals.Burst},
	}
}

// encodeEntry makes what others are told of m.
func encodeEntry(m Member) jsontext.Value {
	entry, err := json.Marshal(m)
	if err != nil {
		panic("signaling: " + err.Error()) // every part was decoded before
	}
	return entry
}
