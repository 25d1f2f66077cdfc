package signaling

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An acknowledgement is sent when so much isn't acknowledged, or by the next sweep.
const (
	ackMessages = 32
	ackBytes    = 32 << 10
)

// session is a member and its standing with the hub. It outlives its connections.
// Its room's mutex guards it, but for what is set at construction and the limiters.
type session struct {
	// Set at construction.
	id     string
	kind   string
	joined uint64
	since  time.Time
	entry  jsontext.Value // a Member that isn't away, encoded once

	signals, messages, reports bucket

	connection *connection // nil while away
	ending     bool        // the connection takes nothing any more
	awaySince  time.Time
	lostFor    string // why the last connection was lost: a code, or empty
	address    netip.Addr
	grant      Grant
	shown      []shownToken // before that of grant
	ice        int64        // when the ICE servers expire that it was told, in ms; 0: never

	told uint64 // the roster's n that it was told

	// Counted messages: PROTOCOL.md, section 5.
	name    string // of the session; another one when it isn't recovered
	out     ledger
	taken   uint64 // signals from it
	ackedIn uint64 // of those, what it was told
	unacked int    // bytes of the others
}

// begin has the counts start at zero, under a new name.
func (s *session) begin() {
	s.name = rand.Text()[:12]
	s.out = ledger{}
	s.taken, s.ackedIn, s.unacked = 0, 0, 0
}

func (s *session) away() bool { return s.connection == nil }

// identityText is s as others see it now.
func (s *session) text() jsontext.Value {
	if !s.away() {
		return s.entry
	}
	return append(slices.Clone(s.entry[:len(s.entry)-1]), `,"away":true}`...)
}

// took counts a signal from s, and acknowledges what is due.
func (s *session) took(bytes int) {
	s.taken++
	s.unacked += bytes
	if s.taken-s.ackedIn >= ackMessages || s.unacked >= ackBytes {
		s.acknowledge()
	}
}

func (s *session) acknowledge() {
	if s.taken == s.ackedIn || s.away() {
		return
	}
	s.ackedIn, s.unacked = s.taken, 0
	s.connection.send(messageFrame(Ack{s.taken}))
}

// ledger keeps counted messages until they are acknowledged.
type ledger struct {
	sent  uint64  // counted so far
	kept  []frame // the newest of them
	bytes int     // of kept
}

// has tells whether everything after the first n is kept.
func (l *ledger) has(n uint64) bool {
	return n <= l.sent && l.sent-n <= uint64(len(l.kept))
}

// add counts f. If it isn't kept, nothing before it is of use.
func (l *ledger) add(f frame, keep bool) (freed int) {
	l.sent++
	if !keep {
		return l.drop(len(l.kept))
	}
	l.kept = append(l.kept, f)
	l.bytes += len(f)
	return 0
}

// acknowledged drops the first n of all.
func (l *ledger) acknowledged(n uint64) (freed int) {
	first := l.sent - uint64(len(l.kept))
	if n <= first || n > l.sent {
		return 0
	}
	return l.drop(int(n - first))
}

// trim drops the oldest until at most limit bytes are kept.
func (l *ledger) trim(limit int) (freed int) {
	count, left := 0, l.bytes
	for left > limit {
		left -= len(l.kept[count])
		count++
	}
	return l.drop(count)
}

// drop forgets the oldest and returns how many bytes they had.
func (l *ledger) drop(count int) (freed int) {
	for i := range count {
		freed += len(l.kept[i])
		l.kept[i] = nil
	}
	l.kept = l.kept[count:]
	if len(l.kept) == 0 {
		l.kept = nil
	}
	l.bytes -= freed
	return freed
}
