package signaling

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

func TestReportsAreCountedInWordsThatAreKnown(t *testing.T) {
	for said, want := range map[Report]Report{
		{"opened", "relay-udp", 184 * time.Millisecond, "chromium"}: {"opened", "relay-udp", 184 * time.Millisecond, "chromium"},
		{"opened", "", 0, ""}:                     {"opened", "other", 0, "other"},
		{"opened", "pigeon", time.Hour, "lynx"}:   {"opened", "other", maxReportTime, "other"},
		{"opened", "lan", -time.Second, "go"}:     {"opened", "lan", 0, "go"},
		{"ice", "lan", time.Second, "firefox"}:    {"ice", "", 0, "firefox"},
		{"closed", "", 0, "webkit"}:               {"abandoned", "", 0, "webkit"},
		{"left", "", 0, "go"}:                     {"abandoned", "", 0, "go"},
		{"self", "", 0, "go"}:                     {"abandoned", "", 0, "go"},
		{"abandoned", "", 0, "go"}:                {"abandoned", "", 0, "go"},
		{"unknown", "", 0, "go"}:                  {"unknown", "", 0, "go"},
		{"bored", "direct", time.Second, "Go"}:    {"other", "", 0, "other"},
		{"opened\xff", "direct", time.Second, ""}: {"other", "", 0, "other"},
	} {
		if got := said.counted(); got != want {
			t.Errorf("%+v is counted as %+v, want %+v", said, got, want)
		}
	}
}

// What is reported stands in the hub's numbers, over both transports.
func TestReportsAreInTheStats(t *testing.T) {
	for _, transport := range []string{TransportWebSocket, TransportHTTP} {
		synctest.Test(t, func(t *testing.T) {
			l := newBubbleLab(t, nil)
			l.dial.Transport = transport
			ann := l.in(NewSecret(), "")
			for _, r := range []Report{
				{OutcomeOpened, PathLAN, 12 * time.Millisecond, FamilyGo},
				{OutcomeOpened, PathLAN, 25 * time.Millisecond, FamilyGo},
				{OutcomeOpened, PathLAN, time.Minute, FamilyChromium},
				{OutcomeOpened, PathRelayTLS, 300 * time.Millisecond, FamilyFirefox},
				{OutcomeNoTURN, "", 15 * time.Second, FamilyGo},
				{OutcomeSelf, "", 0, FamilyGo},
			} {
				if err := ann.Send(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			if got := ann.took(); got != "" {
				t.Errorf("reports are answered with %s", got)
			}
			s := l.hub.Stats()
			if want := []LinkCount{
				{"abandoned", "", "go", 1}, {"no-turn", "", "go", 1},
				{"opened", "lan", "chromium", 1}, {"opened", "lan", "go", 2}, {"opened", "relay-tls", "firefox", 1},
			}; !reflect.DeepEqual(s.Links, want) {
				t.Errorf("links %v, want %v", s.Links, want)
			}
			for path, want := range map[string]string{
				"lan": "3 60037 2 2 2 2 2 2 2 2 2 2", "relay-tls": "1 300 0 0 0 0 1 1 1 1 1 1",
				"direct": "0 0 0 0 0 0 0 0 0 0 0 0", "other": "0 0 0 0 0 0 0 0 0 0 0 0",
			} {
				if got := timesOf(s, path); got != want {
					t.Errorf("times of %s: %s, want %s", path, got, want)
				}
			}
			if s.Messages["report"] != 6 {
				t.Errorf("messages %v", s.Messages)
			}
		})
	}
}

// timesOf are count, sum and buckets of a path.
func timesOf(s Stats, path string) string {
	for _, o := range s.Opens {
		if o.Path != path {
			continue
		}
		text := fmt.Sprint(o.Count, " ", o.Sum)
		for _, b := range o.Buckets {
			text += fmt.Sprint(" ", b.Count)
		}
		return text
	}
	return "none"
}

// Nobody's reports cost a ping its answer, nor are they counted without an end.
func TestReportsHaveALimitOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, &Options{Limits: HubLimits{Messages: Rate{PerSecond: 1, Burst: 5}}})
		ann := l.in(NewSecret(), "")
		for range 20 {
			ann.Send(t.Context(), Report{Outcome: OutcomeICE})
		}
		ann.Ping(t.Context())
		if got := ann.took(); got != "pong" {
			t.Errorf("got %q", got)
		}
		s := l.hub.Stats()
		if len(s.Links) != 1 || s.Links[0].Count != 5 || s.Limited[LimitMessages] != 15 {
			t.Errorf("links %v, limited %v", s.Links, s.Limited)
		}
		time.Sleep(2 * time.Second) // in virtual time
		ann.Send(t.Context(), Report{Outcome: OutcomeICE})
		ann.took()
		if s := l.hub.Stats(); s.Links[0].Count != 6 {
			t.Errorf("later: links %v", s.Links)
		}
	})
}

func TestStatsKeepWhatTheyWereAskedFor(t *testing.T) {
	var c counters
	r := Report{OutcomeOpened, PathLAN, time.Second, FamilyGo}
	c.reported(r)
	var before Stats
	c.read(&before)
	c.reported(r)
	if before.Links[0].Count != 1 || before.Opens[0].Buckets[5].Count != 1 {
		t.Errorf("stats that were read changed: %+v", before)
	}
}
