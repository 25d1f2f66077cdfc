package main

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
)

func TestBenchListsWhatItMeasures(t *testing.T) {
	p := start(t, "bench")
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	if said := p.out.text(); !strings.Contains(said, "hub") || !strings.Contains(said, "link") || !strings.Contains(said, "mesh") || strings.Contains(said, "NAME") {
		t.Errorf("said: %s", said)
	}
}

func TestBenchMeasuresOurHubAndOthers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory and CPU of a process can be read on Linux only")
	}
	p := start(t, "bench", "hub", "--members", "4", "--rounds", "1", "--length", "100ms", "--only", "latency,fanout", "--json")
	if status := p.status(); status != 0 {
		t.Fatalf("status %d: %s", status, p.notes.text())
	}
	var report struct {
		Rows []struct{ Values map[string]float64 }
	}
	if err := json.Unmarshal([]byte(p.out.text()), &report); err != nil || len(report.Rows) == 0 {
		t.Fatalf("%v: %s", err, p.out.text())
	}
	for _, row := range report.Rows {
		if row.Values["snug"] <= 0 {
			t.Errorf("%v", row)
		}
	}
	p.tells("round 1 of 1, latency: tuned relay")
}

func TestBenchMeasuresOurLinksAndPions(t *testing.T) {
	for _, args := range []string{"link --only open --opens 1 --rounds 1 --json", "mesh --members 3 --rounds 1 --json"} {
		p := start(t, append([]string{"bench"}, strings.Fields(args)...)...)
		if status := p.status(); status != 0 {
			t.Fatalf("%s: status %d: %s", args, status, p.notes.text())
		}
		var report struct {
			Rows []struct{ Values map[string]float64 }
		}
		if err := json.Unmarshal([]byte(p.out.text()), &report); err != nil || len(report.Rows) == 0 {
			t.Fatalf("%s: %v: %s", args, err, p.out.text())
		}
		if values := report.Rows[0].Values; values["snug"] <= 0 || values["pion"] <= 0 {
			t.Errorf("%s: %v", args, values)
		}
		p.tells("plain Pion")
	}
}

func TestBenchRefusesWhatItCannotMeasure(t *testing.T) {
	for _, test := range []struct {
		args, says string
		status     int
	}{
		{"hub --only latency,memory", `there is nothing named "memory" to measure`, exitUsage},
		{"hub --members 3", "3 members can't be in rooms of two", exitUsage},
		{"hub --url http://localhost:1 --tls", "leave --tls", exitUsage},
		{"hub --url http://127.0.0.1:1 --only latency", "nnect", exitError},
		{"link --only open,close", `there is nothing named "close" to measure: choose of open, far`, exitUsage},
		{"link --rounds -1", "can't be negative", exitUsage},
		{"mesh --members 1", "1 members are no mesh to measure: choose 2 to 100", exitUsage},
	} {
		p := start(t, append([]string{"bench"}, strings.Fields(test.args)...)...)
		if status := p.status(); status != test.status {
			t.Errorf("%s: status %d, want %d", test.args, status, test.status)
		}
		p.tells(test.says)
	}
}
