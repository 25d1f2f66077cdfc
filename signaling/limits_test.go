package signaling

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestAcknowledgementsAreNotLimited(t *testing.T) {
	l := newLab(t, &Options{Limits: HubLimits{Messages: Rate{PerSecond: 0.001, Burst: 2}, Signals: Rate{PerSecond: 1e6, Burst: 1e6}}})
	ann, bob := l.join("Ann"), l.join("Bob")
	receive[RosterChange](t, ann)
	for i := range 10 * ackMessages {
		send(t, ann, bob, fmt.Sprint(i))
		receive[Signal](t, bob)
	}
	settle(t, bob) // the first of two messages
	if s := l.hub.Stats(); s.Limited[LimitMessages] != 0 || s.Messages["ack"] < 10 {
		t.Errorf("limited %v of %v", s.Limited, s.Messages)
	}
	for range 2 {
		if err := bob.Send(t.Context(), Ack{1}); err != nil { // which says nothing new
			t.Fatal(err)
		}
	}
	if e := receive[*Error](t, bob); e.Limit != LimitMessages || e.Retry == 0 {
		t.Errorf("got %+v", e)
	}
	send(t, bob, ann, `"still here"`)
	if s := receive[Signal](t, ann); string(s.Body) != `"still here"` {
		t.Errorf("got %s", s.Body)
	}
}

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		r := Rate{PerSecond: 2, Burst: 3}
		for range 3 {
			if wait := b.take(r); wait != 0 {
				t.Errorf("waits %v", wait)
			}
		}
		wait := b.take(r)
		if wait != time.Second/2 || b.full(time.Now()) {
			t.Errorf("waits %v", wait)
		}
		time.Sleep(wait) // in virtual time
		if again := b.take(r); again != 0 {
			t.Errorf("waits %v after %v", again, wait)
		}
		time.Sleep(2 * time.Second)
		if !b.full(time.Now()) {
			t.Error("is never full again")
		}
	})
}

func TestClientAddresses(t *testing.T) {
	o := &Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.7", "192.0.2.1"}, // no proxy of ours: not believed
		{"10.1.1.1:5", "198.51.100.7", "198.51.100.7"},
		{"10.1.1.1:5", "203.0.113.9, 198.51.100.7, 10.2.2.2", "198.51.100.7"}, // what a client claims is left of what proxies add
		{"[::1]:5", "2001:db8::1", "2001:db8::1"},
		{"[::ffff:10.1.1.1]:5", "198.51.100.7:1234", "198.51.100.7"},
		{"10.1.1.1:5", "nonsense", "10.1.1.1"},
		{"10.1.1.1:5", "", "10.1.1.1"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := clientAddress(r, o).String(); got != c.want {
			t.Errorf("%s for %q is %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	for address, want := range map[string]string{"192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64"} {
		if got := network(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s is limited as %s, want %s", address, got, want)
		}
	}
	if network(netip.MustParseAddr("127.0.0.1")).IsValid() || network(netip.Addr{}).IsValid() {
		t.Error("this machine is limited")
	}
}
