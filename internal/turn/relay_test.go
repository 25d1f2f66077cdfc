package turn

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// twoRelayed are two clients with relays that may talk to each other, over channels.
func (l *lab) twoRelayed(network string, with ...stun.Setter) (a, b *raw) {
	l.t.Helper()
	a, b = l.raw(network, l.Admit("lobby", "ann")), l.raw(network, l.Admit("lobby", "bob"))
	at, bt := a.mustAllocate(with...), b.mustAllocate(with...)
	if code := a.bind(0x4001, bt); code != 0 {
		l.t.Fatalf("a channel: %d", code)
	}
	if code := b.bind(0x4002, at); code != 0 {
		l.t.Fatalf("a channel: %d", code)
	}
	return a, b
}

func TestRelaysTalkToEachOther(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			l := newLab(t, Options{})
			a, b := l.twoRelayed(network)
			for i := range 100 {
				text := fmt.Sprintf("%d: are you there?", i)
				a.sendOn(0x4001, text)
				b.receives(text)
				b.sendOn(0x4002, text)
				a.receives(text)
			}
			within(t, "what was sent last is counted", func() bool { s := l.Stats(); return s.BytesSent == s.BytesReceived })
			s := l.Stats()
			if s.Allocations != 2 || s.AllocationsTotal != 2 || s.BytesSent < 2*100*16 || len(s.Refused) > 0 {
				t.Errorf("the numbers are %+v", s)
			}
		})
	}
}

func TestRelaysOfIPv6TalkToEachOther(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this machine has no IPv6")
	}
	l := newLab(t, Options{})
	a, b := l.twoRelayed("udp", ofIPv6)
	a.sendOn(0x4001, "over IPv6")
	b.receives("over IPv6")
}

// Behind a NAT, relays are known by an address that this machine doesn't have.
func TestRelaysBehindANATTalkToEachOther(t *testing.T) {
	l := newLab(t, Options{Relays: []Relay{{Address: addr("198.51.100.7")}}})
	a, b := l.twoRelayed("udp")
	a.sendOn(0x4001, "by the short way")
	b.receives("by the short way")
	b.sendOn(0x4002, "and back")
	a.receives("and back")
}

func TestWithoutIPv6ThereIsNone(t *testing.T) {
	l := newLab(t, Options{Relays: []Relay{{loopback4, loopback4}}})
	if _, code := l.raw("udp", l.Admit("lobby", "ann")).allocate(ofIPv6); code != 508 || l.refused(RefusedFamily) != 1 {
		t.Errorf("an IPv6 relay: %d, %v", code, l.Stats().Refused)
	}
}

func TestEndStopsRelaying(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			l := newLab(t, Options{})
			a, b := l.twoRelayed(network)
			a.sendOn(0x4001, "before")
			b.receives("before")
			start := time.Now()
			l.End("lobby", "ann")
			a.sendOn(0x4001, "after")
			b.sendOn(0x4002, "after")
			within(t, "the allocation is gone", func() bool { return l.Stats().Allocations == 1 })
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %v", took)
			}
			a.receivesNothing()
			b.receivesNothing()
			if code := code(a.ask(stun.MethodRefresh, patience)); code != 401 {
				t.Errorf("a refresh after the end: %d", code)
			}
			if _, code := l.raw(network, a.Credential).allocate(); code != 401 {
				t.Errorf("another allocation after the end: %d", code)
			}
			if code := code(b.ask(stun.MethodRefresh, patience)); code != 0 {
				t.Errorf("the other one's refresh: %d", code)
			}
			// Whoever comes back is let in again.
			if _, code := l.raw(network, l.Admit("lobby", "ann")).allocate(); code != 0 {
				t.Errorf("an allocation after coming back: %d", code)
			}
			l.End("lobby", "nobody")
		})
	}
}

func TestAllocationsEndAtTheirGreatestAge(t *testing.T) {
	l := newLab(t, Options{Limits: Limits{Lifetime: 200 * time.Millisecond}})
	a := l.raw("udp", l.Admit("lobby", "ann"))
	a.mustAllocate()
	for l.Stats().Allocations > 0 {
		a.ask(stun.MethodRefresh, quiet) // which doesn't help
	}
	if l.refused(RefusedLifetime) != 1 {
		t.Errorf("refused: %v", l.Stats().Refused)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	l := newLab(t, Options{})
	for i, network := range []string{"udp", "tcp", "udp", "tcp"} {
		l.raw(network, l.Admit("lobby", fmt.Sprint(i))).mustAllocate()
	}
	silent := l.raw("tcp", Credential{})
	start := time.Now()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := l.Stats().Allocations; n != 0 {
		t.Errorf("%d allocations are left", n)
	}
	silent.conn.SetReadDeadline(time.Now().Add(patience))
	within(t, "the connection ends", func() bool { _, err := silent.conn.Write([]byte{0}); return err != nil })
}
