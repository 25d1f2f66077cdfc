package terminal

import (
	"bufio"
	"errors"
	"strings"
	"testing"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

func named(n string) peer.Member { return peer.Member{Member: signaling.Member{Name: n}} }

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"Ann":                  "Ann",
		" Ann\nBob\tCat ":      "Ann Bob Cat",
		"\x1b[31mAnn\u009b0m":  "[31mAnn0m",
		"\u202eAnn":            "Ann",
		"":                     "somebody",
		" \n\x1b\u2066\u3000 ": "somebody",
	} {
		if got := name(named(in)); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

// Nobody can make a line that looks like another's.
func TestFurtherLinesAreIndented(t *testing.T) {
	for in, want := range map[string]string{
		"one":               "one",
		"one\ntwo":          "one\n  two",
		"one\n\nAnn: three": "one\n  \n  Ann: three",
		"one\r\ntwo\rthree": "one\n  twothree",
		"\nAnn: hi":         "\n  Ann: hi",
	} {
		if got := indent(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func TestWhatHappenedInWords(t *testing.T) {
	with := func(state peer.LinkState, away bool) peer.Member {
		m := named("Ann\x1b")
		m.State, m.Away = state, away
		return m
	}
	failed := func(state peer.LinkState) peer.Member {
		m := with(state, false)
		m.Cause = peer.CauseNoTURN
		return m
	}
	stranger := peer.Member{State: peer.LinkGone, Cause: peer.CauseSealed}
	for _, c := range []struct {
		event peer.Event
		want  string
	}{
		{peer.Event{Type: peer.MemberJoined, Member: stranger}, "somebody is here, but can't prove that it has the room's key, so nothing is said to it"},
		{peer.Event{Type: peer.MemberJoined, Member: with(peer.LinkConnecting, false)}, "Ann is here"},
		{peer.Event{Type: peer.MemberLeft, Member: with(peer.LinkGone, false)}, "Ann left"},
		{peer.Event{Type: peer.MemberChanged, Member: with(peer.LinkConnecting, false)}, "Ann: connecting…"},
		{peer.Event{Type: peer.MemberChanged, Member: with(peer.LinkLive, false)}, "Ann: connected"},
		{peer.Event{Type: peer.MemberChanged, Member: with(peer.LinkLive, true)}, "Ann: away from the hub"},
		{peer.Event{Type: peer.MemberChanged, Member: with(peer.LinkShaky, false)}, "Ann: shaky: nothing has come for some seconds"},
		{peer.Event{Type: peer.MemberChanged, Member: with(peer.LinkGone, true)}, "Ann: not connected"},
		{peer.Event{Type: peer.MemberChanged, Member: failed(peer.LinkGone)}, "Ann: not connected: no way through and no TURN offered; a TURN server would help"},
		{peer.Event{Type: peer.MemberChanged, Member: failed(peer.LinkConnecting)}, "Ann: not connected: no way through and no TURN offered; a TURN server would help; trying again…"},
		{peer.Event{Type: peer.HubLost}, "the hub is away; conversations go on"},
		{peer.Event{Type: peer.HubBack}, "the hub is back"},
		{peer.Event{Type: "of a later version"}, ""},
	} {
		if got := happened(c.event); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWhatRemainedUnsaid(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		unsent int
		err    error
		want   string
	}{
		{0, nil, ""},
		{1, nil, "one line wasn't sent"},
		{2, nil, "2 lines weren't sent"},
		{0, bufio.ErrTooLong, "a message holds at most 8192"},
		{1, broken, "the input can't be read: broken"},
	} {
		got := incomplete(c.unsent, c.err)
		if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.Contains(got.Error(), c.want)) {
			t.Errorf("%d, %v: %v", c.unsent, c.err, got)
		}
	}
}
