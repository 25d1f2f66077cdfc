package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	soak  = flag.Int("soak", 0, "how many seeds to try links with; 0: 5")
	seedX = flag.Uint64("seed", 0, "the one seed to try links with; 0: all")
)

// trial is what a seed makes of a link: its network, what is sent on it, and what happens to it.
type trial struct {
	t     *testing.T
	seed  uint64
	dice  *rand.Rand
	loss  float64
	delay time.Duration
	lab   *virtualLab
	rooms [2]*Room
	flows []*flow
}

// flow is one direction of a channel.
type flow struct {
	number   int
	from, to receiverSender
	sizes    []int
}

type receiverSender interface {
	Broadcast(context.Context, Message) error
	Receive(context.Context) (Message, error)
}

// Whatever happens to a link short of its end: each message arrives once, in order, as it was sent.
func TestLinksKeepTheirPromise(t *testing.T) {
	seeds := max(*soak, 5)
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		if *seedX != 0 && seed != 1 {
			break
		}
		if *seedX != 0 {
			seed = *seedX
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newTrial(t, seed).run() })
			if t.Failed() {
				t.Logf("once more: go test ./peer -run TestLinksKeepTheirPromise -seed %d", seed)
			}
		})
	}
}

func newTrial(t *testing.T, seed uint64) *trial {
	dice := rand.New(rand.NewPCG(seed, 7))
	tr := &trial{t: t, seed: seed, dice: dice, loss: dice.Float64() * 0.2, delay: time.Duration(dice.IntN(300)) * time.Millisecond}
	if seed%2 == 1 {
		tr.loss /= 4 // long messages are sent then
	}
	return tr
}

func (tr *trial) run() {
	tr.lab = newSlowVirtualLab(tr.t, tr.loss, tr.delay, tr.seed)
	if tr.seed%3 == 2 { // a sealed room, whose carriers are proved one by one
		tr.lab.invite = NewInvite(&url.URL{Scheme: "http", Host: "hub.test"}).String()
	}
	tr.lab.logger = nil // a carrier that is closed under a link can't be described
	tr.rooms = [2]*Room{tr.lab.join("Ann"), tr.lab.join("Bob")}
	for _, r := range tr.rooms {
		untilWithin(tr.t, r, time.Minute, live(1))
	}
	tr.plan()
	began := time.Now()
	link := tr.rooms[0].Link(tr.rooms[1].Self().ID)
	ctx, cancel := context.WithTimeout(tr.t.Context(), 3*time.Hour)
	defer cancel()
	var flowing sync.WaitGroup
	var open atomic.Int32
	for _, f := range tr.flows {
		open.Add(1)
		flowing.Go(func() { tr.send(ctx, f) })
		flowing.Go(func() {
			defer open.Add(-1)
			tr.receive(ctx, f)
		})
	}
	happened := tr.disturb(&open)
	flowing.Wait()
	tr.t.Logf("loss %.1f %%, delay %v, %v: %s", 100*tr.loss, tr.delay, time.Since(began).Round(time.Second), happened)
	if link != tr.rooms[0].Link(tr.rooms[1].Self().ID) {
		tr.t.Errorf("it is another link: the first is gone, %s", link.Member().Cause)
	}
}

// plan chooses what is sent.
func (tr *trial) plan() {
	for number := range 6 {
		from, to := tr.rooms[number%2], tr.rooms[1-number%2]
		f := &flow{number: number, from: from, to: to}
		if name := []string{"", "one", "two"}[number/2]; name != "" {
			if number%2 == 0 {
				f.from, f.to = channelOf(tr.t, from, name, nil), channelOf(tr.t, to, name, nil)
			} else {
				f.from, f.to = tr.flows[number-1].to, tr.flows[number-1].from
			}
		}
		for range 3 + tr.dice.IntN(20) {
			f.sizes = append(f.sizes, tr.size())
		}
		tr.flows = append(tr.flows, f)
	}
}

func (tr *trial) size() int {
	switch n := tr.dice.IntN(30); {
	case n == 0 && tr.loss <= 0.05:
		return tr.dice.IntN(5 << 20)
	case n < 3 && tr.loss <= 0.05:
		return tr.dice.IntN(500_000)
	case n < 6:
		return tr.dice.IntN(64 << 10)
	case n < 8:
		return 0
	}
	return tr.dice.IntN(2000)
}

// message is the nth of a flow.
func (tr *trial) message(f *flow, n int) []byte {
	dice := rand.New(rand.NewPCG(tr.seed, uint64(f.number<<32|n)))
	data := make([]byte, f.sizes[n]+8)
	for i := 0; i < f.sizes[n]; i += 8 {
		binary.LittleEndian.PutUint64(data[i:], dice.Uint64())
	}
	return data[:f.sizes[n]]
}

func (tr *trial) send(ctx context.Context, f *flow) {
	for n := range f.sizes {
		if err := f.from.Broadcast(ctx, Bytes(tr.message(f, n))); err != nil {
			tr.t.Errorf("message %d of flow %d: %v", n, f.number, err)
			return
		}
	}
}

func (tr *trial) receive(ctx context.Context, f *flow) {
	for n := range f.sizes {
		m, err := f.to.Receive(ctx)
		if err != nil || !bytes.Equal(m.Data, tr.message(f, n)) {
			tr.t.Errorf("message %d of flow %d, %d bytes, came as %d, %v; the link is %s", n, f.number, f.sizes[n], len(m.Data), err, tr.rooms[0].Members()[0].State)
			return
		}
	}
}

// disturb has things happen to the link while something flows. It sleeps in virtual time.
func (tr *trial) disturb(open *atomic.Int32) (happened string) {
	began := time.Now()
	for range 8 {
		time.Sleep(time.Duration(tr.dice.IntN(8000)) * time.Millisecond)
		if open.Load() == 0 {
			return happened
		}
		r, what := tr.rooms[tr.dice.IntN(2)], tr.dice.IntN(5)
		if what == 0 || what == 2 { // one thing at a time that takes the link's path: silence is bounded
			for _, r := range tr.rooms {
				untilWithin(tr.t, r, 2*time.Minute, func(m []Member) bool { return len(m) == 1 && m[0].State == LinkLive })
			}
			time.Sleep(5 * time.Second)
		}
		happened += fmt.Sprint(time.Since(began).Round(100*time.Millisecond), " ", tr.rooms[0].Members()[0].State, ": ")
		switch what {
		case 0:
			longest := 3 // s; about one link in a hundred doesn't outlive longer ones, when only one side has noticed
			if *soak > 0 {
				longest = 10
			}
			d := time.Duration(tr.dice.IntN(longest)+1) * time.Second
			happened += fmt.Sprint("cut ", d, ", ")
			cut(tr.lab, d)
		case 1:
			happened += "network, "
			r.networkChanged()
		case 2:
			happened += "carrier, "
			loseCarrier(r, other(tr.rooms[0], tr.rooms[1], r))
		case 3:
			happened += "hub, "
			tr.lab.stopHub()
			time.Sleep(time.Duration(tr.dice.IntN(5000)) * time.Millisecond)
			tr.lab.startHub()
		}
	}
	return happened
}
