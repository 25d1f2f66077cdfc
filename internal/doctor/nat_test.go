package doctor

import (
	"net/netip"
	"testing"
)

func TestWhatNATsDo(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort
	one, two := at("192.0.2.1:3478"), at("192.0.2.2:3478")
	for _, c := range []struct {
		seen   map[netip.AddrPort]netip.AddrPort
		relays bool
		want   string
	}{
		{nil, true, "skipped"},
		{map[netip.AddrPort]netip.AddrPort{one: at("10.0.0.1:5000")}, true, "open"},
		{map[netip.AddrPort]netip.AddrPort{one: at("10.0.0.1:5000"), two: at("10.0.0.1:5000")}, true, "open"},
		{map[netip.AddrPort]netip.AddrPort{one: at("203.0.113.1:5000")}, true, "unknown"},
		{map[netip.AddrPort]netip.AddrPort{one: at("203.0.113.1:5000"), two: at("203.0.113.1:5000")}, true, "cone"},
		{map[netip.AddrPort]netip.AddrPort{one: at("203.0.113.1:5000"), two: at("203.0.113.1:5001")}, true, "symmetric"},
		{map[netip.AddrPort]netip.AddrPort{one: at("203.0.113.1:5000"), two: at("203.0.113.1:5001")}, false, "alone"},
	} {
		e := &examination{results: make(map[string]Result)}
		e.judgeNAT(sightings{seen: c.seen, local: at("10.0.0.1:5000")}, c.relays)
		if got := e.results["nat"].Kind; got != c.want {
			t.Errorf("%v: %s, not %s", c.seen, got, c.want)
		}
	}
}
