package signaling_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

const (
	stormRoom   = 10              // members
	stormDown   = 5 * time.Second // that the listener is down
	stormRounds = 12              // of a signal from everybody to the next in the room, one round a second
	stormBefore = 2               // of which are before the listener goes down
	bucket      = 100 * time.Millisecond
)

// attemptsCap is how many of n clients may try to connect in any bucket of time, if all of them lost
// their connections at one moment and wait with full jitter.
//
// A client's attempt number k, from 0, is made after a wait that is even over [0, B), B = min(30 s, 0.5 s · 2^k), from the
// one before. So, whenever that was, attempt k falls into a given bucket with a probability of at most bucket / B. These
// add up to less than bucket / 0.5 s · (1 + 1/2 + 1/4 + …) = 2 · bucket / 0.5 s: 0.4 for 100 ms. (From k = 6 on B stays the
// same, but the first six waits alone take 15.75 s on average, so that few come to it while the test lasts: 1 % is added for
// them.) Clients draw independently; counts of at most 0.4 expected have a variance of no more than 0.4 + 0.4², so
// that five standard deviations above the sum's mean happen in less than one of a million buckets.
func attemptsCap(n int) int {
	mean := 2 * bucket.Seconds() / 0.5 * 1.01
	return int(mean*float64(n) + 5*math.Sqrt(float64(n)*(mean+mean*mean)))
}

// attempts are connections that were tried, by the bucket of time since the listener went down.
type attempts struct {
	mu    sync.Mutex
	since time.Time
	count []int
	last  time.Duration
}

func (a *attempts) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since = time.Now()
}

func (a *attempts) note() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return
	}
	a.last = time.Since(a.since)
	for i := int(a.last / bucket); len(a.count) <= i; {
		a.count = append(a.count, 0)
	}
	a.count[a.last/bucket]++
}

// stormer is one session and what came of it.
type stormer struct {
	*signaling.Client
	id    string
	next  int    // number of the signal that is due from the member before
	wrong string // what went wrong first
	back  int    // times it was recovered
}

// takes takes a message; it returns what is wrong with it.
func (s *stormer) takes(m signaling.Message) string {
	switch m := m.(type) {
	case signaling.Welcome:
		if !m.Recovered || m.You != s.id {
			return fmt.Sprintf("is welcomed with recovered %v as %s", m.Recovered, m.You)
		}
		s.back++
	case signaling.Signal:
		if got := string(m.Body); got != fmt.Sprint(s.next) {
			return fmt.Sprintf("got signal %s when %d was due", got, s.next)
		}
		s.next++
	case signaling.Undeliverable, *signaling.Error:
		return fmt.Sprintf("is told %+v", m)
	case signaling.RosterChange:
		if len(m.Left) > 0 {
			return fmt.Sprintf("is told that %+v left", m.Left)
		}
	}
	return ""
}

func (s *stormer) receives(ctx context.Context) {
	for {
		m, err := s.Receive(ctx)
		if err != nil {
			return
		}
		if wrong := s.takes(m); wrong != "" && s.wrong == "" {
			s.wrong = wrong
		}
	}
}

// Everybody loses the hub at one moment, for five seconds. All come back as they were, with every signal that was sent
// meanwhile, and not faster than full jitter lets them.
func TestSessionsComeBackWhenTheListenerWasDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := signalingtest.NewBubbleHub(t, nil)
		var tried attempts
		dial := &signaling.DialOptions{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			tried.note()
			return hub.Dial(ctx, network, addr)
		}}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		all := make([]*stormer, sessions)
		for i := range all {
			all[i] = enterStorm(t, hub.Invite(fmt.Sprint("room-", i/stormRoom)), dial)
			work.Go(func() { all[i].receives(ctx) })
		}
		for round := range stormRounds {
			if round == stormBefore {
				synctest.Wait()
				tried.begin()
				work.Go(func() { hub.Restart(stormDown) })
				synctest.Wait()
			}
			sayRound(t, all, round)
			<-time.After(time.Second)
		}
		<-time.After(30 * time.Second) // as long as the longest wait
		synctest.Wait()
		cancel()
		work.Wait()
		report(t, all, hub.Signaling().Stats(), &tried)
		for _, s := range all {
			work.Go(func() { s.Close() })
		}
		work.Wait()
	})
}

func enterStorm(t *testing.T, to signaling.Invite, dial *signaling.DialOptions) *stormer {
	t.Helper()
	c, err := signaling.Connect(t.Context(), to, signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, dial)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &stormer{Client: c, id: m.(signaling.Welcome).You}
}

// sayRound has everybody send a number to the next in its room.
func sayRound(t *testing.T, all []*stormer, round int) {
	t.Helper()
	for i, s := range all {
		to := all[i/stormRoom*stormRoom+(i+1)%stormRoom]
		if _, err := s.Signal(t.Context(), to.id, jsontext.Value(fmt.Sprint(round))); err != nil {
			t.Fatalf("signal %d: %v", round, err)
		}
	}
}

func report(t *testing.T, all []*stormer, s signaling.Stats, tried *attempts) {
	t.Helper()
	for i, c := range all {
		switch {
		case c.wrong != "":
			t.Errorf("session %d %s", i, c.wrong)
		case c.back != 1:
			t.Errorf("session %d came back %d times", i, c.back)
		case c.next != stormRounds:
			t.Errorf("session %d got %d signals of %d", i, c.next, stormRounds)
		}
		if t.Failed() {
			break
		}
	}
	if s.Members != len(all) || s.Away != 0 || s.Resumed != uint64(len(all)) || s.NotRecovered != 0 || len(s.Leaves) != 0 || s.Joins != uint64(len(all)) {
		t.Errorf("the hub has %d members, %d away; %d resumed, %d not recovered, left: %v", s.Members, s.Away, s.Resumed, s.NotRecovered, s.Leaves)
	}
	most, limit := slices.Max(tried.count), attemptsCap(len(all))
	t.Logf("%d sessions resumed, with %d signals; at most %d attempts in %v, of %d that full jitter allows; the last after %v; the first, per %v: %v",
		s.Resumed, s.Messages["signal"], most, bucket, limit, tried.last, bucket, tried.count[:min(len(tried.count), 60)])
	if most > limit {
		t.Errorf("%d attempts to connect were made in %v; at most %d are expected", most, bucket, limit)
	}
}
