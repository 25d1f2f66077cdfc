package signaling_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

var soak = flag.Duration("soak", 0, "run the long tests, on real sockets, for so long")

// TestRandomFaults is the promise of PROTOCOL.md, section 5: whatever happens to networks
// and hubs, each signal is delivered once and in order, or its sender is told, or its receiver is told
// that something may be missing. In the end everybody sees who is there, and nobody else.
func TestRandomFaults(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, signalingtest.NewBubbleHub(t, faultOptions()), seed)
				w.run(200, 20, 40*time.Second)
			})
		})
	}
}

// TestSoakRandomFaults is the same on real sockets, for as long as -soak says.
func TestSoakRandomFaults(t *testing.T) {
	if *soak == 0 {
		t.Skip("-soak 10m runs it")
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	w := newWorld(t, signalingtest.NewHub(t, faultOptions()), seed)
	w.run(200, 20, *soak)
}

// faultOptions are of a hub that notices soon who is lost, and keeps little for it.
func faultOptions() *signaling.Options {
	return &signaling.Options{
		PingInterval: 4 * time.Second, PongTimeout: 8 * time.Second, Grace: 15 * time.Second,
		Limits: signaling.HubLimits{Replay: 1000},
	}
}

// world is rooms of members, and what happens to them.
type world struct {
	t     *testing.T
	hub   *signalingtest.Hub
	moves atomic.Uint64 // orders what all see

	ctx   context.Context // ends the sending
	stop  context.CancelFunc
	work  sync.WaitGroup
	seed  uint64
	hubs  int // that there were
	faced map[string]int

	mu      sync.Mutex
	members []*member // all that ever were
}

func newWorld(t *testing.T, hub *signalingtest.Hub, seed uint64) *world {
	w := &world{t: t, hub: hub, seed: seed, faced: make(map[string]int)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	return w
}

// now orders events: what happened before has a smaller number.
func (w *world) now() uint64 { return w.moves.Add(1) }

// dice are some for one goroutine.
func (w *world) dice(stream int) *rand.Rand { return rand.New(rand.NewPCG(w.seed, uint64(stream))) }

// wait passes time, or returns false at the end.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// run has many members in some rooms talk while faults happen, and checks what came of it.
func (w *world) run(members, rooms int, lasts time.Duration) {
	w.t.Helper()
	slots := make([]*slot, members)
	for i := range slots {
		slots[i] = &slot{w: w, room: fmt.Sprint("room-", i%rooms), line: w.hub.NewLine(), dice: w.dice(i)}
	}
	for _, s := range slots {
		w.work.Go(s.talk)
	}
	w.trouble(slots, lasts)
	w.stop()
	w.work.Wait()
	for _, s := range slots {
		s.line.Heal()
		if err := s.line.Up(); err != nil {
			w.t.Fatal(err)
		}
	}
	defer w.checkLeaves()
	for _, s := range slots {
		if s.member == nil {
			s.arrive(w.t.Context())
		}
		defer s.member.leave()
	}
	w.settle(slots)
	w.check(slots)
}

// trouble makes faults happen until the time is over.
func (w *world) trouble(slots []*slot, lasts time.Duration) {
	dice := w.dice(-1)
	ctx, cancel := context.WithTimeout(w.ctx, lasts)
	defer cancel()
	for wait(ctx, time.Duration(dice.IntN(200))*time.Millisecond) {
		if dice.IntN(80) == 0 {
			w.troubleHub(dice)
			continue
		}
		s := slots[dice.IntN(len(slots))]
		f := lineFaults[dice.IntN(len(lineFaults))]
		w.faced[f.name]++
		f.do(s.line, dice)
		if f.lasts {
			until := time.Duration(dice.IntN(25_000)) * time.Millisecond
			w.work.Go(func() {
				wait(ctx, until)
				s.line.Heal()
				w.up(s.line)
			})
		}
	}
}

func (w *world) up(l *signalingtest.Line) {
	if err := l.Up(); err != nil {
		w.t.Error(err)
	}
}

// troubleHub does something to the hub itself.
func (w *world) troubleHub(dice *rand.Rand) {
	down := time.Duration(dice.IntN(6000)) * time.Millisecond
	switch dice.IntN(4) {
	case 0:
		w.faced["forget"]++
		w.hubs++
		w.hub.Forget(down)
	case 1:
		w.faced["deploy"]++
		w.hubs++
		w.hub.Deploy()
	default:
		w.faced["restart"]++
		w.hub.Restart(down)
	}
}

var lineFaults = []struct {
	name  string
	lasts bool
	do    func(*signalingtest.Line, *rand.Rand)
}{
	{"cut", false, func(l *signalingtest.Line, _ *rand.Rand) { l.Cut() }},
	{"half open", false, func(l *signalingtest.Line, dice *rand.Rand) { l.HalfOpen(signalingtest.Way(1 + dice.IntN(3))) }},
	{"pause", true, func(l *signalingtest.Line, _ *rand.Rand) { l.Pause() }},
	{"delay", true, func(l *signalingtest.Line, dice *rand.Rand) {
		l.Delay(time.Duration(dice.IntN(3000)) * time.Millisecond)
	}},
	{"slow", true, func(l *signalingtest.Line, dice *rand.Rand) { l.Slow(200 + dice.IntN(5000)) }},
	{"one byte", true, func(l *signalingtest.Line, _ *rand.Rand) { l.OneByteWrites(true) }},
	{"no pong", true, func(l *signalingtest.Line, _ *rand.Rand) { l.NoPong(true) }},
	{"no ping", true, func(l *signalingtest.Line, _ *rand.Rand) { l.NoPing(true) }},
	{"duplicate", true, func(l *signalingtest.Line, _ *rand.Rand) { l.Duplicate(true) }},
	{"repeat", false, func(l *signalingtest.Line, dice *rand.Rand) { l.RepeatRequests(1 + dice.IntN(3)) }},
	{"refuse", true, func(l *signalingtest.Line, dice *rand.Rand) {
		l.Refuse(http.StatusServiceUnavailable, time.Duration(dice.IntN(3000))*time.Millisecond, 1+dice.IntN(4))
		l.Cut()
	}},
	{"down", true, func(l *signalingtest.Line, _ *rand.Rand) { l.Down() }},
}

// slot is a place that members come to and leave.
type slot struct {
	w      *world
	room   string
	line   *signalingtest.Line
	dice   *rand.Rand
	member *member
}

// arrive brings a new member, when the network lets it come. It returns false at the end.
func (s *slot) arrive(ctx context.Context) bool {
	for s.member = nil; ; {
		options := s.line.DialOptions()
		options.Transport = []string{signaling.TransportAny, signaling.TransportWebSocket, signaling.TransportHTTP}[s.dice.IntN(3)]
		hello := signaling.Hello{Secret: signaling.NewSecret(), Name: "member", Kind: "go"}
		c, err := signaling.Connect(ctx, s.line.Invite(s.room), hello, options)
		if err == nil {
			s.member = newMember(s.w, c, hello, options)
			return true
		}
		if !wait(ctx, time.Second) {
			return false
		}
	}
}

// talk sends signals until the end, and now and then leaves.
func (s *slot) talk() {
	ctx := s.w.ctx
	for s.member != nil || s.arrive(ctx) {
		if !wait(ctx, time.Duration(s.dice.IntN(1500))*time.Millisecond) {
			return
		}
		if s.dice.IntN(300) == 0 {
			s.member.leave()
			s.member = nil
			continue
		}
		s.member.signal(ctx, s.dice)
	}
}

// member is somebody with a secret, through all of its sessions.
type member struct {
	w       *world
	id      string
	options *signaling.DialOptions
	client  *signaling.Client
	work    sync.WaitGroup

	mu      sync.Mutex
	session int    // how many there were before this one
	came    uint64 // when it was welcomed first
	roster  signaling.Roster
	online  bool
	lost    uint64 // when the connection was lost, the last time
	why     error  // why it wasn't, the last time
	gaps    []gap
	ended   uint64 // when it left; 0: it hasn't
	lastID  string // somebody who was there once
	sent    map[string][]*sent
	numbers map[uint64]*sent
	early   map[uint64]signaling.Undeliverable // that came before Signal returned
	heard   map[string][]heard
}

type (
	// gap is a session that wasn't recovered: the one with this number is new.
	gap struct {
		session  int
		lost, at uint64 // when the old one was lost, and the new one welcomed
	}
	sent struct {
		seq      int
		session  int    // of the sender, before it was sent
		at, done uint64 // before and after it was sent
		told     string // why it is undeliverable
	}
	heard struct {
		seq     int
		session int
		at      uint64
	}
)

func newMember(w *world, c *signaling.Client, hello signaling.Hello, o *signaling.DialOptions) *member {
	m := &member{
		w: w, id: hello.Secret.MemberID(), client: c, options: o,
		sent: make(map[string][]*sent), numbers: make(map[uint64]*sent),
		early: make(map[uint64]signaling.Undeliverable), heard: make(map[string][]heard),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members = append(w.members, m)
	m.work.Go(m.listen)
	return m
}

// leave says bye.
func (m *member) leave() {
	m.mu.Lock()
	m.ended = m.w.now()
	m.mu.Unlock()
	m.client.Close()
	m.work.Wait()
}

// signal sends to somebody who is there, or was.
func (m *member) signal(ctx context.Context, dice *rand.Rand) {
	s, to := m.choose(dice)
	if s == nil {
		return
	}
	number, err := m.client.Signal(ctx, to, strconv.AppendInt(nil, int64(s.seq), 10))
	if err != nil {
		return // it wasn't taken
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.done = m.w.now()
	m.sent[to] = append(m.sent[to], s)
	m.numbers[number] = s
	if u, ok := m.early[number]; ok {
		s.told = u.Reason
	}
}

// choose prepares a signal.
func (m *member) choose(dice *rand.Rand) (s *sent, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	to = m.lastID
	if n := len(m.roster.Members); n > 1 && dice.IntN(20) > 0 {
		to = m.roster.Members[dice.IntN(n)].ID
	}
	if to == "" || to == m.id {
		return nil, ""
	}
	m.lastID = to
	return &sent{seq: len(m.sent[to]), session: m.session, at: m.w.now()}, to
}

// listen takes what comes until the end.
func (m *member) listen() {
	for {
		message, err := m.client.Receive(context.Background())
		if err != nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.online = false; m.ended == 0 {
				m.w.t.Errorf("a member's client ended: %v", err)
			}
			return
		}
		m.take(message)
	}
}

func (m *member) take(message signaling.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch message := message.(type) {
	case signaling.Welcome:
		switch first := m.roster.Epoch == ""; {
		case first:
			m.came = m.w.now()
		case !message.Recovered:
			m.session++
			m.gaps = append(m.gaps, gap{m.session, m.lost, m.w.now()})
		}
		m.roster, m.online = message.Roster, true
	case signaling.Lost:
		m.lost = m.w.now()
		m.online, m.why = false, message.Err
	case signaling.RosterChange:
		m.roster.Apply(message)
	case signaling.Signal:
		seq, err := strconv.Atoi(string(message.Body))
		if err != nil {
			m.w.t.Errorf("a signal came that nobody sent: %s", message.Body)
		}
		m.heard[message.From] = append(m.heard[message.From], heard{seq, m.session, m.w.now()})
	case signaling.Undeliverable:
		if s := m.numbers[message.Signal]; s != nil {
			s.told = message.Reason
		} else {
			m.early[message.Signal] = message
		}
	}
}
