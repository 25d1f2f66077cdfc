package bench

import (
	"bytes"
	"testing"
)

func TestTableShowsMediansRatiosAndHowFarOffTheBudgetIs(t *testing.T) {
	r := report{Date: "2026-11-25T12:00:00Z", Machine: machine{"linux/amd64", "Some CPU", 2, "go1.26"}, Load: []float64{0.5}, Rounds: 3, Seconds: 10,
		Targets: []named{{serverSnug, "snug"}, {serverTuned, "tuned relay"}, {"peerjs", "PeerJS server"}}}
	add := func(scenario, what string, u unit, b *budget, values map[string][]float64) {
		for target, rounds := range values {
			for _, value := range rounds {
				r.add(scenario, target, figure{what, u, value, b})
			}
		}
	}
	add("idle", "memory", bytesUnit, &budget{value: 8192}, map[string][]float64{serverSnug: {4096, 1 << 30, 6144}, serverTuned: {4096, 4096, 4096}})
	add("relay", "CPU", timeUnit, &budget{1.25, serverTuned}, map[string][]float64{serverSnug: {15_000}, serverTuned: {10_000}, "peerjs": {30_000}})
	add("storm", "ratio", ratioUnit, nil, map[string][]float64{serverSnug: {1, 2}})
	r.note("A note.")
	r.end(ScenarioNames())
	r.Load[1] = 1.5
	var out bytes.Buffer
	if err := r.table(&out); err != nil {
		t.Fatal(err)
	}
	want := `2026-11-25, 2 CPUs (Some CPU), linux/amd64, go1.26, load average 0.5 before and 1.5 after
medians of 3 rounds, loads of 10 s; in brackets snug's figure as a multiple

             snug     tuned relay   PeerJS server   budget  snug / budget

idle
  memory  6.0 KiB  4.0 KiB (1.50)               –  8.0 KiB           0.75  met

relay
  CPU     15.0 µs  10.0 µs (1.50)  30.0 µs (0.50)  12.5 µs           1.20  missed by 20 %

storm
  ratio      1.50               –               –

A note.
`
	if got := out.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestUnitsAreShort(t *testing.T) {
	for want, got := range map[string]string{
		"9.5 µs":   timeUnit.text(9500),
		"500.0 µs": timeUnit.text(500_000),
		"1.50 ms":  timeUnit.text(1_500_000),
		"2.00 s":   timeUnit.text(2e9),
		"7.5 KiB":  bytesUnit.text(7680),
		"2.00 MiB": bytesUnit.text(2 << 20),
		"1.25":     ratioUnit.text(1.25),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestMedianIsInTheMiddle(t *testing.T) {
	for _, test := range []struct {
		of   []float64
		want float64
	}{{[]float64{5}, 5}, {[]float64{9, 1}, 5}, {[]float64{100, 1, 3}, 3}, {[]float64{4, 1, 100, 2}, 3}} {
		if got := median(test.of); got != test.want {
			t.Errorf("%v: %v, want %v", test.of, got, test.want)
		}
	}
}
