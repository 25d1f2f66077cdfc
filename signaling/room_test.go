package signaling_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// TestRoomFollowsItsModel does random things to a room and to its model, and compares them after each.
func TestRoomFollowsItsModel(t *testing.T) {
	seeds := 30
	if *soak > 0 {
		seeds = int(soak.Minutes()+1) * 100
	}
	done := make(map[string]int)
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			newTrial(t, uint64(seed), done).run(150)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Log(done)
	for _, what := range []string{"recovered", "not recovered", "superseded", "full", "locked", "kicked", "timeout", "gone", "new epoch", "kept"} {
		if done[what] == 0 {
			t.Errorf("in no trial: %s", what)
		}
	}
}

// trial is a room, its model and some people.
type trial struct {
	t      *testing.T
	hub    *signalingtest.Hub
	model  *model
	dice   *rand.Rand
	people []*person
	epochs map[int]string // by the model's
	done   map[string]int
	log    []string
}

// person comes into the room and leaves it.
type person struct {
	id     string
	secret signaling.Secret
	line   *signalingtest.Line

	conn     *signaling.Conn // nil if there is none
	reading  sync.WaitGroup
	session  string // of the last welcome
	number   int    // what the model calls it
	received uint64 // in it

	mu      sync.Mutex
	roster  signaling.Roster
	inbox   []string // of the session
	left    []string // since the welcome
	refused []string // reasons, likewise
	end     error    // of the last connection
}

func newTrial(t *testing.T, seed uint64, done map[string]int) *trial {
	tr := &trial{
		t: t, done: done, epochs: make(map[int]string),
		hub: signalingtest.NewBubbleHub(t, &signaling.Options{
			Grace: modelGrace, Limits: signaling.HubLimits{Members: modelSeats},
		}),
		model: &model{kicked: make(map[string]bool)},
		dice:  rand.New(rand.NewPCG(seed, 0)),
	}
	for range modelSeats + 2 {
		tr.people = append(tr.people, tr.newPerson())
	}
	return tr
}

func (tr *trial) newPerson() *person {
	s := signaling.NewSecret()
	return &person{id: s.MemberID(), secret: s, line: tr.hub.NewLine(), number: -1}
}

func (tr *trial) run(steps int) {
	tr.t.Helper()
	for range steps {
		if tr.step(); tr.t.Failed() {
			for _, line := range tr.log[max(0, len(tr.log)-20):] {
				tr.t.Log(line)
			}
			break
		}
	}
	for _, p := range tr.people {
		if p.conn != nil {
			p.conn.Close()
		}
		p.reading.Wait()
	}
}

// step does one thing and compares.
func (tr *trial) step() {
	tr.t.Helper()
	i := tr.dice.IntN(len(tr.people))
	p := tr.people[i]
	switch n := tr.dice.IntN(200); {
	case n < 60:
		tr.enter(i, n < 45)
	case n < 85 && p.conn != nil:
		tr.lose(p)
	case n < 93 && p.conn != nil:
		tr.bye(p)
	case n < 95:
		tr.kick(p)
	case n < 100:
		tr.lock(n < 97)
	case n < 185 && p.conn != nil:
		tr.signal(p, tr.people[tr.dice.IntN(len(tr.people))])
	case n >= 185:
		tr.pass(time.Duration(tr.dice.IntN(12)) * time.Second)
	}
	tr.pass(200 * time.Millisecond) // so that all changes are told
	tr.compare()
}

func (tr *trial) note(format string, args ...any) {
	tr.log = append(tr.log, fmt.Sprintf(format, args...))
}

func (tr *trial) enter(i int, resume bool) {
	tr.t.Helper()
	p := tr.people[i]
	hello := signaling.Hello{Secret: p.secret, Name: "person", Kind: "go"}
	number := -1
	if p.conn != nil {
		p.received = p.conn.Received()
	}
	if resume && p.session != "" {
		hello.Session, hello.Received, number = p.session, p.received, p.number
	}
	want := tr.model.enter(p.id, number)
	tr.note("%s enters, to resume: %v; want %+v", p.id, number >= 0, want)
	c, err := signaling.Dial(tr.t.Context(), p.line.Invite("lobby"), hello, p.line.DialOptions())
	if got := codeOf(err); got != want.code {
		tr.t.Errorf("%s enters: %v; it should be %q", p.id, err, want.code)
	}
	if err != nil {
		tr.done[want.code]++
		if want.code == signaling.CodeKicked {
			tr.people[i] = tr.newPerson()
		}
		return
	}
	tr.welcome(p, c, want)
}

func codeOf(err error) string {
	var refused *signaling.Error
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

func (tr *trial) welcome(p *person, c *signaling.Conn, want entered) {
	tr.t.Helper()
	p.reading.Wait()
	if want.superseds {
		tr.done[signaling.CodeSuperseded]++
		if codeOf(p.end) != signaling.CodeSuperseded {
			tr.t.Errorf("%s's older connection ended with %v", p.id, p.end)
		}
	}
	w := c.Welcome()
	if w.Recovered != want.recovered || w.Recovered != (w.Session == p.session) {
		tr.t.Errorf("%s, who had the session %q, is welcomed to %q with recovered %v", p.id, p.session, w.Session, w.Recovered)
	}
	tr.done[map[bool]string{true: "recovered", false: "not recovered"}[w.Recovered]]++
	p.conn, p.session, p.number = c, w.Session, tr.model.member(p.id).session
	p.roster, p.left, p.refused, p.end = w.Roster, nil, nil, nil
	if !w.Recovered {
		p.inbox = nil
	} else if len(p.inbox) < len(tr.model.member(p.id).inbox) {
		tr.done["kept"]++
	}
	p.reading.Go(func() { p.read(c) })
}

// read takes what comes.
func (p *person) read(c *signaling.Conn) {
	for {
		m, err := c.Receive(context.Background())
		p.mu.Lock()
		switch m := m.(type) {
		case nil:
			p.end = err
		case signaling.RosterChange:
			p.roster.Apply(m)
			for _, d := range m.Left {
				p.left = append(p.left, d.ID+" "+d.Reason)
			}
		case signaling.Signal:
			p.inbox = append(p.inbox, m.From+" "+string(m.Body))
		case signaling.Undeliverable:
			p.refused = append(p.refused, m.Reason)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// gone takes note of the end of a connection.
func (p *person) gone() {
	p.reading.Wait()
	p.received = p.conn.Received()
	p.conn = nil
}

func (tr *trial) lose(p *person) {
	tr.note("%s loses its connection", p.id)
	p.line.Cut()
	p.gone()
	tr.model.lose(p.id)
}

func (tr *trial) bye(p *person) {
	tr.note("%s says bye", p.id)
	p.conn.Close()
	p.gone()
	tr.model.leave(p.id, signaling.ReasonBye)
}

func (tr *trial) kick(p *person) {
	tr.t.Helper()
	want := tr.model.kick(p.id)
	tr.note("%s is kicked: %s", p.id, want)
	if got := tr.hub.Signaling().Kick("lobby", p.id); got != want {
		tr.t.Errorf("a kick of %s holds %s; it should be %s", p.id, got, want)
	}
	if p.conn == nil {
		return
	}
	p.gone()
	if codeOf(p.end) != signaling.CodeKicked {
		tr.t.Errorf("the connection of %s, who was kicked, ended with %v", p.id, p.end)
	}
}

func (tr *trial) lock(locked bool) {
	tr.t.Helper()
	want := tr.model.lock(locked)
	tr.note("locked: %v, room: %v", locked, want)
	if got := tr.hub.Signaling().Lock("lobby", locked); got != want {
		tr.t.Errorf("there is a room to lock: %v; it should be %v", got, want)
	}
}

func (tr *trial) signal(from, to *person) {
	tr.t.Helper()
	body := fmt.Sprint(len(tr.log))
	want := tr.model.signal(from.id, to.id, body)
	tr.note("%s signals %s to %s: %s", from.id, body, to.id, want)
	before := len(from.refused)
	if _, err := from.conn.Signal(tr.t.Context(), to.id, []byte(body)); err != nil {
		tr.t.Errorf("%s can't signal: %v", from.id, err)
	}
	synctest.Wait()
	from.mu.Lock()
	defer from.mu.Unlock()
	got := ""
	if len(from.refused) > before {
		got = from.refused[before]
	}
	if tr.done[want]++; got != want {
		tr.t.Errorf("a signal from %s to %s is undeliverable for %q; it should be %q", from.id, to.id, got, want)
	}
}

// pass passes so much time, or a bit more, that there is no doubt about what a hub sees after that.
func (tr *trial) pass(d time.Duration) {
	for tr.model.isDoubtful(d) {
		d += time.Second
	}
	before := len(tr.model.members)
	tr.model.pass(d)
	if gone := before - len(tr.model.members); gone > 0 {
		tr.done[signaling.ReasonTimeout] += gone
		tr.note("after %v %d have timed out", d, gone)
	}
	<-time.After(d)
	synctest.Wait()
}

// compare holds what everybody sees to the model.
func (tr *trial) compare() {
	tr.t.Helper()
	for _, p := range tr.people {
		if p.conn == nil {
			continue
		}
		p.mu.Lock()
		member := tr.model.member(p.id)
		if p.end != nil {
			tr.t.Errorf("%s's connection ended with %v", p.id, p.end)
		}
		same(tr.t, p.id+"'s roster", textOf(p.roster), tr.model.roster())
		same(tr.t, p.id+"'s inbox", p.inbox, member.inbox)
		same(tr.t, "the leaves that "+p.id+" was told of", slices.Sorted(slices.Values(p.left)), slices.Sorted(slices.Values(member.left)))
		tr.sameEpoch(p.roster.Epoch)
		p.mu.Unlock()
	}
	members, ok := tr.hub.Signaling().Members("lobby")
	room, _ := tr.hub.Signaling().Room("lobby")
	r := signaling.Roster{Locked: room.Locked}
	for _, m := range members {
		r.Members = append(r.Members, m.Member)
	}
	if same(tr.t, "the hub's own roster", textOf(r), tr.model.roster()); ok != (len(tr.model.members) > 0) {
		tr.t.Errorf("the hub says that there is a room: %v", ok)
	}
}

// sameEpoch fails unless an epoch lasts as long as the room, and no longer.
func (tr *trial) sameEpoch(got string) {
	tr.t.Helper()
	want := tr.epochs[tr.model.epoch]
	if want == "" {
		for _, older := range tr.epochs {
			if got == older {
				tr.t.Errorf("the epoch %s came back", got)
			}
			tr.done["new epoch"]++
		}
		tr.epochs[tr.model.epoch], want = got, got
	}
	if got != want {
		tr.t.Errorf("the epoch is %s; it was %s", got, want)
	}
}

func textOf(r signaling.Roster) (all []string) {
	for _, m := range r.Members {
		all = append(all, fmt.Sprint(m.ID, " away ", m.Away))
	}
	return append(all, fmt.Sprint("locked ", r.Locked))
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s is\n%v; it should be\n%v", what, got, want)
	}
}
