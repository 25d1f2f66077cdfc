package admin

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/snug-chat/snug/signaling"
)

func TestMetricsAreTheHubsStats(t *testing.T) {
	hub := newFakeHub()
	hub.stats = signaling.Stats{
		Rooms: 1, Members: 2, Away: 3, Connections: 4, Bytes: 5, Draining: true,
		Joins: 6, Resumed: 7, NotRecovered: 8, Superseded: 9, SignalBytes: 10,
		Leaves:        map[string]uint64{"bye": 11},
		Refusals:      map[string]uint64{"full": 12},
		Limited:       map[string]uint64{"joins": 13},
		Messages:      map[string]uint64{"signal": 14},
		Undeliverable: map[string]uint64{"gone": 15},
		Links: []signaling.LinkCount{
			{Outcome: "opened", Path: "relay-tls", Family: "chromium", Count: 16}, {Outcome: "no-turn", Family: "go", Count: 17},
		},
		Opens: []signaling.OpenTimes{{Path: "relay-tls", Count: 16, Sum: 8000, Buckets: []signaling.OpenBucket{{Within: 250, Count: 4}, {Within: 1000, Count: 15}}}},
	}
	w := labOf(t, hub).request("GET", "/metrics", "", without("Authorization"))
	for _, want := range []string{
		"snug_rooms 1", "snug_members 2", "snug_members_away 3", "snug_connections 4", "snug_queue_bytes 5", "snug_draining 1",
		"snug_joins_total 6", "snug_sessions_resumed_total 7", "snug_sessions_not_recovered_total 8", "snug_connections_superseded_total 9", "snug_signal_bytes_total 10",
		`snug_leaves_total{reason="bye"} 11`, `snug_leaves_total{reason="kicked"} 0`, `snug_refusals_total{code="full"} 12`, `snug_limited_total{limit="joins"} 13`,
		`snug_messages_total{type="signal"} 14`, `snug_undeliverable_total{reason="gone"} 15`, `version="1.2.3"} 1`,
		`snug_links_total{family="chromium",outcome="opened",path="relay-tls"} 16`, `snug_links_total{family="go",outcome="no-turn",path=""} 17`,
		`snug_links_total{family="webkit",outcome="opened",path="lan"} 0`,
		`snug_link_open_seconds_bucket{path="relay-tls",le="0.25"} 4`, `snug_link_open_seconds_bucket{path="relay-tls",le="+Inf"} 16`,
		`snug_link_open_seconds_sum{path="relay-tls"} 8`, `snug_link_open_seconds_count{path="lan"} 0`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for _, name := range []string{"go_goroutines ", "process_open_fds ", "process_resident_memory_bytes "} {
		if !strings.Contains(w.Body.String(), "\n"+name) {
			t.Errorf("%s is missing", name)
		}
	}
	if w.Code != http.StatusOK || hub.asked != 1 {
		t.Errorf("%d; one scrape asked the hub %d times", w.Code, hub.asked)
	}
}

func labOf(t *testing.T, hub *fakeHub) *lab {
	l := newLab(t)
	l.hub, l.handler = hub, New(hub, Options{Version: "1.2.3"})
	return l
}

func TestNobodyOutsideMakesASeries(t *testing.T) {
	hub := newFakeHub()
	before := gather(t, hub)
	hub.stats.Messages = map[string]uint64{"signal": 1, "lobby": 2, "Ann": 3}
	hub.stats.Refusals = map[string]uint64{"\xff": 4}
	hub.stats.Links = []signaling.LinkCount{{Outcome: "lobby", Path: "Ann", Family: "192.0.2.1", Count: 1}}
	hub.stats.Opens = []signaling.OpenTimes{{Path: "lobby", Count: 1}}
	after := gather(t, hub)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if len(before[name].Metric) != len(after[name].Metric) {
			t.Errorf("%s: %v", name, after[name])
		}
	}
	for name, want := range map[string]float64{"snug_messages_total": 5, "snug_refusals_total": 4} {
		for _, m := range after[name].Metric {
			if m.Label[0].GetValue() == other && m.Counter.GetValue() != want {
				t.Errorf("%s: %v others, not %v", name, m.Counter.GetValue(), want)
			}
		}
	}
}

// gather is the hub's own metrics by name.
func gather(t *testing.T, hub Hub) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := newRegistry(hub, Options{Version: "1.2.3"}).Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "snug_") {
			found[f.GetName()] = f
		}
	}
	return found
}

func TestMetricsFollowTheConventions(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(newFakeHub(), "1.2.3"), newRelays(nil))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	for name, f := range gather(t, newFakeHub()) {
		counts := f.GetType() == dto.MetricType_COUNTER
		if counts != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s", name, f.GetType())
		}
	}
}

// The docs hold each metric with its type, and no other.
func TestDocumentationListsEveryMetric(t *testing.T) {
	text := readFile(t, "../../docs/admin.md")
	listed := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(snug_\\w+)` \\| (\\w+) \\| \\S").FindAllStringSubmatch(text, -1) {
		listed[row[1]] = row[2]
	}
	there := make(map[string]string)
	for name, f := range gather(t, newFakeHub()) {
		there[name] = strings.ToLower(f.GetType().String())
	}
	if !maps.Equal(listed, there) {
		t.Errorf("listed %v\nthere  %v", listed, there)
	}
	for _, name := range regexp.MustCompile(`\bsnug_\w+`).FindAllString(text, -1) {
		if there[strings.TrimSuffix(name, "_bucket")] == "" {
			t.Errorf("the text speaks of %s, which there isn't", name)
		}
	}
}

// The keys are those of the protocol's own tables.
func TestCodesAreThoseOfTheProtocol(t *testing.T) {
	text := readFile(t, "../../signaling/PROTOCOL.md")
	codes := map[string]bool{"connection": true} // section 7 names it in a sentence
	for _, row := range regexp.MustCompile("(?m)^\\| (?:\\d{3} \\| `([a-z-]+)`|`([a-z-]+)` \\| (?:\\d{4}|stays open)) \\|").FindAllStringSubmatch(text, -1) {
		codes[row[1]+row[2]] = true
	}
	got := keysOf(t, "snug_refusals_total")
	want := slices.Sorted(maps.Keys(codes))
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, name := range []string{"snug_limited_total", "snug_messages_total", "snug_undeliverable_total", "snug_leaves_total"} {
		for _, key := range keysOf(t, name) {
			if key != "unknown" && !strings.Contains(text, "`"+key+"`") {
				t.Errorf("%s: the protocol has no %s", name, key)
			}
		}
	}
}

// The words of reports, too, and the hub counts each as itself.
func TestOutcomesAreThoseOfTheProtocol(t *testing.T) {
	section := regexp.MustCompile("(?s)### `report`.*?\n### ").FindString(readFile(t, "../../signaling/PROTOCOL.md"))
	for member, words := range map[string][]string{"outcome": append(linkFailures, opened, "closed", "left", "self"), "path": linkPaths, "family": linkFamilies} {
		row := regexp.MustCompile("(?m)^\\| `" + member + "` \\| [^|]* \\| (.*)$").FindStringSubmatch(section)
		if row == nil {
			t.Fatalf("%s isn't in the table", member)
		}
		told := map[string]bool{other: true}
		for _, word := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(row[1], -1) {
			told[word[1]] = true
		}
		if got, want := slices.Sorted(slices.Values(words)), slices.Sorted(maps.Keys(told)); !slices.Equal(got, want) {
			t.Errorf("%s: got  %v\nwant %v", member, got, want)
		}
	}
}

// keysOf are the values of a metric's label but "other".
func keysOf(t *testing.T, metric string) (keys []string) {
	for _, m := range gather(t, newFakeHub())[metric].Metric {
		if key := m.Label[0].GetValue(); key != other {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
