package turn

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func nowPlus(d time.Duration) time.Time { return time.Now().Add(d) }

func TestQuotaOfASession(t *testing.T) {
	l := newLab(t, Options{Limits: Limits{Allocations: 2}})
	c := l.Admit("lobby", "ann")
	first := l.raw("udp", c)
	first.mustAllocate()
	l.raw("tcp", c).mustAllocate()
	if _, code := l.raw("udp", c).allocate(); code != 486 || l.refused(RefusedQuota) != 1 {
		t.Errorf("a third one: %d, %v", code, l.Stats().Refused)
	}
	l.raw("udp", l.Admit("lobby", "bob")).mustAllocate()
	if code := code(first.request(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})); code != 0 {
		t.Fatalf("giving one back: %d", code)
	}
	l.raw("udp", c).mustAllocate()
}

func TestQuotaOfAnAddress(t *testing.T) {
	l := newLab(t, Options{Limits: Limits{AddressAllocations: 2}})
	l.raw("udp", l.Admit("lobby", "ann")).mustAllocate()
	l.raw("tcp", l.Admit("lobby", "bob")).mustAllocate()
	cem := l.Admit("lobby", "cem")
	if _, code := l.raw("udp", cem).allocate(); code != 486 || l.refused(RefusedQuota) != 1 {
		t.Errorf("a third one: %d, %v", code, l.Stats().Refused)
	}
	elsewhere, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, l.udp.(*net.UDPAddr))
	if err != nil {
		t.Skip("this machine has no second loopback address:", err)
	}
	rawOn(t, elsewhere, cem).mustAllocate()
	l.End("lobby", "ann")
	within(t, "one is gone", func() bool { return l.Stats().Allocations == 2 })
	l.raw("udp", cem).mustAllocate()
}

func TestQuotaOfAll(t *testing.T) {
	l := newLab(t, Options{Limits: Limits{TotalAllocations: 3}})
	for i := range 3 {
		l.raw("udp", l.Admit("lobby", fmt.Sprint(i))).mustAllocate()
	}
	last := l.Admit("lobby", "last")
	if _, code := l.raw("udp", last).allocate(); code != 486 {
		t.Errorf("one more: %d", code)
	}
	l.Configure(Limits{TotalAllocations: 4})
	l.raw("udp", last).mustAllocate()
}

func TestPortsOfTheRange(t *testing.T) {
	l := newLab(t, Options{Relays: []Relay{{loopback4, loopback4}}, Limits: Limits{Ports: Ports{41230, 41233}}})
	seen := map[netip.AddrPort]bool{}
	for i := range 4 {
		at := l.raw("udp", l.Admit("lobby", fmt.Sprint(i))).mustAllocate()
		if seen[at] || at.Port() < 41230 || at.Port() > 41233 {
			t.Errorf("a relay at %s", at)
		}
		seen[at] = true
	}
	late := l.Admit("lobby", "late")
	if _, code := l.raw("udp", late).allocate(); code != 508 || l.refused(RefusedCapacity) != 1 {
		t.Errorf("without a port: %d, %v", code, l.Stats().Refused)
	}
	l.End("lobby", "0")
	within(t, "a port is free", func() bool { return l.Stats().Allocations == 3 })
	l.raw("udp", late).mustAllocate()
}

func TestPeersOfAnAllocationAreBounded(t *testing.T) {
	l := newLab(t, Options{})
	a := l.raw("udp", l.Admit("lobby", "ann"))
	a.mustAllocate()
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, byte(i >> 8), byte(i)}), 443)
	}
	for i := range maxPeers {
		if code := a.permit(at(i)); code != 0 {
			t.Fatalf("permission %d: %d", i, code)
		}
	}
	if code := a.permit(at(maxPeers)); code != 403 || l.refused(RefusedPeers) != 1 {
		t.Errorf("one more: %d, %v", code, l.Stats().Refused)
	}
	if code := a.permit(at(7)); code != 0 {
		t.Errorf("one that is there: %d", code)
	}
}

// A session that sends all it can gets no more through than its rate and what was saved up, each way.
func TestBandwidthIsBounded(t *testing.T) {
	const bytes = 64 << 10 // a second
	for what, limits := range map[string]Limits{"of a session": {Bandwidth: bytes}, "of all": {TotalBandwidth: bytes}} {
		t.Run(what, func(t *testing.T) {
			l := newLab(t, Options{Limits: limits})
			a, b := l.twoRelayed("udp")
			text := strings.Repeat("x", 1000)
			start := time.Now()
			received := 0
			for time.Since(start) < 1500*time.Millisecond {
				a.sendOn(0x4001, text)
				for more := true; more; {
					select {
					case d := <-b.data:
						received += len(d)
					default:
						more = false
					}
				}
			}
			took := time.Since(start).Seconds()
			most := bytes*took + minBurst + 2000
			if got := float64(received); got > most || got < most/4 {
				t.Errorf("%.0f bytes in %.1f s; %.0f at most", got, took, most)
			}
			if l.refused(RefusedBandwidth) == 0 {
				t.Error("nothing was refused")
			}
			if sent := float64(l.Stats().BytesSent); sent > most {
				t.Errorf("%.0f bytes sent", sent)
			}
		})
	}
}

// After many clients have allocated, refreshed, gone, been put out and cut off in any order, everything is back.
func TestEverythingIsBackAfterMany(t *testing.T) {
	const clients, rounds = 24, 12
	before := descriptors(t)
	l := newLab(t, Options{Limits: Limits{Allocations: 3, Lifetime: time.Second, Requests: 1e6, RequestBurst: 1e6}})
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 4))
			member := fmt.Sprint(i / 2) // two of each
			for range rounds {
				l.oneOfMany(random, member)
			}
		})
	}
	all.Wait()
	for i := range clients {
		l.End("lobby", fmt.Sprint(i/2))
	}
	within(t, "all allocations are gone", func() bool { return l.Stats().Allocations == 0 })
	l.mu.RLock()
	if len(l.networks) != 0 {
		t.Errorf("allocations of %v are counted", l.networks)
	}
	if len(l.sessions) != 0 || len(l.clients) != 0 || len(l.live) != 0 {
		t.Errorf("%d sessions, %d clients and %d relays are left", len(l.sessions), len(l.clients), len(l.live))
	}
	l.mu.RUnlock()
	within(t, "connections end", func() bool { l.mu.RLock(); defer l.mu.RUnlock(); return len(l.streams) == 0 })
	within(t, "descriptors are closed", func() bool { return descriptors(t) <= before+2 }) // the server's own two
	if n := l.Stats().AllocationsTotal; n < clients*rounds/3 || l.refused(RefusedCapacity) > 0 {
		t.Errorf("there were only %d allocations; refused: %v", n, l.Stats().Refused)
	}
	for i := range 3 { // the quota is back
		l.raw("udp", l.Admit("lobby", "0")).mustAllocate()
		_ = i
	}
}

// oneOfMany is a client's life.
func (l *lab) oneOfMany(random *rand.Rand, member string) {
	network := []string{"udp", "tcp"}[random.IntN(2)]
	c := l.raw(network, l.Admit("lobby", member))
	defer c.conn.Close()
	switch _, code := c.allocate(); code {
	case 0, 486: // it has, or the session has enough
	case 401, 508: // put out meanwhile
	case 437: // this port was a client's who left without a word
	default:
		l.t.Errorf("an allocation: %d", code)
	}
	if random.IntN(2) == 0 {
		c.ask(stun.MethodCreatePermission, quiet, peer(netip.MustParseAddrPort("9.9.9.9:443"))) // no answer if it has ended
	}
	switch random.IntN(4) {
	case 0:
		c.ask(stun.MethodRefresh, quiet, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
	case 1:
		c.ask(stun.MethodRefresh, quiet, stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, 0, 1}})
	case 2:
		l.End("lobby", member)
	case 3: // gone without a word
	}
}
