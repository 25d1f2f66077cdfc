package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const (
	serveArgument = "bench-serve"
	workArgument  = "bench-work"
)

// TestMain is one of the servers and workers, too: so the tests need no other program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == workArgument {
		if err := Work(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 4 && os.Args[1] == serveArgument {
		if err := Serve(os.Args[2], os.Args[3], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The race detector has a process wait for a second at its end; here are many.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines are the stacks of those that are ours and don't end.
func leftGoroutines() string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "snug-chat/snug/") && !strings.Contains(stack, "leftGoroutines") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

// small are options of a run that takes seconds.
func small(t *testing.T) Options {
	t.Helper()
	if !canMeasureProcesses {
		t.Skip("memory and CPU of a process can be read on Linux only")
	}
	return Options{
		Command:  []string{os.Args[0], serveArgument},
		Members:  20,
		Rounds:   1,
		Rate:     200,
		Length:   300 * time.Millisecond,
		Progress: t.Output(),
		JSON:     true,
	}
}

func run(t *testing.T, o Options) report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	o.Out = &out
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return r
}

func TestEachScenarioMeasuresEachServer(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Profile = filepath.Join(t.TempDir(), "profiles")
	r := run(t, o)
	all := []string{serverPlain, serverSnug, serverTuned}
	announcing := []string{serverPlain, serverSnug}
	for _, want := range []struct {
		scenario, what string
		targets        []string
		budget         bool
	}{
		{"idle", "memory per idle member of 20", all, true},
		{"relay", "CPU per signal", all, true},
		{"latency", "p50", all, false},
		{"latency", "p99", all, true},
		{"latency", "p99.9", all, false},
		{"storm", "CPU per join, rooms of 2", all, true},
		{"storm", "CPU per join, rooms of 20 over rooms of 2", all, true},
		{"slow", "p99 of the others", all, false},
		{"slow", "memory for each of 1 that never read", all, false},
		{"fanout", "all of 20 know who joined, p99", announcing, false},
		{"fanout", "all of 20 know who left, p99", announcing, false},
	} {
		i := slices.IndexFunc(r.Rows, func(w *row) bool { return w.Scenario == want.scenario && w.What == want.what })
		if i < 0 {
			t.Errorf("%s: there is no %q", want.scenario, want.what)
			continue
		}
		checkRow(t, r.Rows[i], want.targets, want.budget)
	}
	for _, name := range []string{"idle-20", "relay", "latency", "storm-2", "storm-20", "slow", "fanout"} {
		for _, kind := range []string{"cpu", "heap"} {
			file := filepath.Join(o.Profile, name+"."+kind+".pprof")
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				t.Errorf("%s: there is no profile, or an empty one: %v", file, err)
			}
		}
	}
}

func checkRow(t *testing.T, w *row, targets []string, budget bool) {
	t.Helper()
	for _, target := range targets {
		value, ok := w.Values[target]
		// A process so small may give memory back that it had before.
		if !ok || value <= 0 && w.Unit != bytesUnit {
			t.Errorf("%s, %s: %s: %v", w.Scenario, w.What, target, value)
		}
		if target != serverSnug && value > 0 && w.Ratios[target] != w.Values[serverSnug]/value {
			t.Errorf("%s, %s: %s: the ratio is %v", w.Scenario, w.What, target, w.Ratios[target])
		}
	}
	if len(w.Values) != len(targets) {
		t.Errorf("%s, %s: measured of %v", w.Scenario, w.What, w.Values)
	}
	if (w.Budget != nil) != budget || (w.Off != nil) != budget {
		t.Errorf("%s, %s: the budget is %v, off %v", w.Scenario, w.What, w.Budget, w.Off)
	}
	if budget && *w.Off != w.Values[serverSnug] / *w.Budget - 1 {
		t.Errorf("%s, %s: %v is said to be off by %v of %v", w.Scenario, w.What, w.Values, *w.Off, *w.Budget)
	}
}

func TestOverTLSThereAreNoBudgets(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.TLS = true
	o.Only = []string{"latency", "fanout"}
	r := run(t, o)
	if !r.TLS || len(r.Rows) == 0 {
		t.Fatalf("%+v", r)
	}
	for _, w := range r.Rows {
		if w.Budget != nil || w.Values[serverSnug] <= 0 {
			t.Errorf("%+v", w)
		}
	}
}

func TestMediansAreOfAllRounds(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Only = []string{"latency"}
	o.Rounds = 2
	r := run(t, o)
	for _, w := range r.Rows {
		for _, target := range []string{serverSnug, serverTuned, serverPlain} {
			if len(w.Rounds[target]) != 2 || w.Values[target] != median(w.Rounds[target]) {
				t.Errorf("%s: %v of %v", w.What, w.Values[target], w.Rounds[target])
			}
		}
	}
}

func TestForeignHubIsMeasuredFromOutside(t *testing.T) {
	t.Parallel()
	hub := signaling.NewHub(nil)
	server := httptest.NewServer(hub)
	defer server.Close()
	defer hub.Shutdown(context.Background())
	for _, url := range []string{server.URL, server.URL + "/r/some-room"} {
		o := small(t)
		o.URL, o.Command = url, nil
		r := run(t, o)
		if len(r.Targets) != 1 {
			t.Fatalf("measured: %v", r.Targets)
		}
		var found []string
		for _, w := range r.Rows {
			if !slices.Contains(found, w.Scenario) {
				found = append(found, w.Scenario)
			}
			if w.Unit == bytesUnit || strings.Contains(w.What, "CPU") {
				t.Errorf("%q of a foreign hub", w.What)
			}
		}
		if want := []string{"latency", "storm", "slow", "fanout"}; !slices.Equal(found, want) {
			t.Errorf("measured %v, want %v", found, want)
		}
	}
}

func TestWhatCannotBeMeasuredIsSaidAtOnce(t *testing.T) {
	for _, test := range []struct {
		options Options
		says    string
	}{
		{Options{Only: []string{"latency", "memory"}}, `there is nothing named "memory" to measure: choose of idle, relay, latency`},
		{Options{Members: 7}, "7 members can't be in rooms of two"},
		{Options{Members: 2}, "2 members can't be"},
		{Options{Rounds: -1}, "can't be negative"},
		{Options{URL: "http://localhost:1", TLS: true}, "leave --tls, --peerjs and --profile out"},
		{Options{URL: "http://localhost:1", Only: []string{"latency", "idle"}}, "idle can't be measured from outside"},
		{Options{URL: "localhost"}, `"localhost" is no address of a hub`},
		{Options{URL: "ftp://localhost"}, "it begins with http:// or https://"},
	} {
		test.options.Out, test.options.Progress = t.Output(), t.Output()
		if err := Run(t.Context(), test.options); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want %q", test.options, err, test.says)
		}
	}
}

func TestScriptThatIsMissingIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	bin := t.TempDir()
	for _, program := range []string{"node", "npm"} {
		if err := os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	o := small(t)
	o.PeerJS, o.Out = true, t.Output()
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "run this at the top of snug's repository") {
		t.Error(err)
	}
}

func TestPeerJSServerIsLeftOutWithoutNode(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	o := small(t)
	o.PeerJS = true
	o.Only = []string{"latency"}
	r := run(t, o)
	if len(r.Targets) != 3 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "node isn't installed") {
		t.Errorf("%v, %v", r.Targets, r.Notes)
	}
}

func TestServerThatDoesNotStartIsAnError(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Out = t.Output()
	o.Command = []string{"/bin/false"}
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "a server didn't start") {
		t.Error(err)
	}
}

func TestOtherServerThatBreaksDownIsNoted(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	script := filepath.Join(bin, "peerjs.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = install ] || exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("without Node the script isn't started")
		}
	}
	o := small(t)
	o.Only, o.PeerJS, o.Script = []string{"latency"}, true, script
	r := run(t, o)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "Round 1 lacks figures of latency, PeerJS server: a server didn't start") {
		t.Errorf("notes: %q", r.Notes)
	}
	if len(r.Rows) == 0 || r.Rows[0].Values[serverSnug] <= 0 {
		t.Errorf("%+v", r.Rows)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Only, o.Length, o.Out = []string{"latency"}, time.Hour, t.Output()
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = writerFunc(func(text []byte) (int, error) {
		time.AfterFunc(300*time.Millisecond, cancel) // while it joins, warms up or measures
		return len(text), nil
	})
	if err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
