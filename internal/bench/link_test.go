package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// brief are options of a run that takes seconds.
func brief(t *testing.T) LinkOptions {
	t.Helper()
	if !canMeasureProcesses {
		t.Skip("memory and CPU of a process can be read on Linux only")
	}
	return LinkOptions{
		Command:  []string{os.Args[0], workArgument},
		Opens:    2,
		Rounds:   1,
		Length:   300 * time.Millisecond,
		Progress: t.Output(),
		JSON:     true,
	}
}

func decoded(t *testing.T, run func(context.Context, *bytes.Buffer) error) report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return r
}

func runLink(t *testing.T, o LinkOptions) report {
	t.Helper()
	return decoded(t, func(ctx context.Context, out *bytes.Buffer) error {
		o.Out = out
		return RunLink(ctx, o)
	})
}

func (r *report) row(t *testing.T, scenario, what string) *row {
	t.Helper()
	i := slices.IndexFunc(r.Rows, func(w *row) bool { return w.Scenario == scenario && w.What == what })
	if i < 0 {
		t.Fatalf("%s: there is no %q", scenario, what)
	}
	return r.Rows[i]
}

// Which figures there are, of whom, whether they have a budget, and what they can be at all.
func TestEachScenarioMeasuresLinksAndPlainPions(t *testing.T) {
	r := runLink(t, brief(t))
	both := []string{makerPion, serverSnug}
	ms := float64(time.Millisecond)
	for _, want := range []struct {
		scenario, what string
		kinds          []string
		budget         bool
		least, most    float64
	}{
		{"open", "from welcome, or offer, p50", both, true, 0.1 * ms, 30_000 * ms},
		{"open", "  p95", both, false, 0.1 * ms, 30_000 * ms},
		{"open", "  at both, p50", both, false, 0.1 * ms, 30_000 * ms},
		{"open", "  from the start of joining, p50", []string{serverSnug}, false, 0.1 * ms, 30_000 * ms},
		{"far", "round trips of 50 ms from welcome, p50", both, true, 2, 600}, // one for the signals, and one for a handshake
		{"far", "  at both, p50", both, false, 2, 600},
		{"bytes", "reliable bytes", both, true, 10_000, 1e11},
		{"bytes", "  CPU of both for each MiB", both, true, 0.1 * ms, 10_000 * ms},
		{"messages", "messages of 100 bytes", both, true, 10, 1e8},
		{"messages", "  CPU of both for each", both, false, 100, 1000 * ms},
		{"goodput", "50 ms round trip, 0 % lost", both, false, 1000, 1e9},
		{"goodput", "150 ms round trip, 1 % lost", both, false, 1000, 1e9},
		{"idle", "heap", both, true, 10_000, 1e7},
		{"idle", "goroutines", both, true, 5, 100},
	} {
		w := r.row(t, want.scenario, want.what)
		if len(w.Values) != len(want.kinds) {
			t.Errorf("%s, %s: measured of %v", w.Scenario, w.What, w.Values)
		}
		for _, kind := range want.kinds {
			if v := w.Values[kind]; v < want.least || v > want.most {
				t.Errorf("%s, %s: %s: %v", w.Scenario, w.What, kind, v)
			}
		}
		if (w.Budget != nil) != want.budget || (w.Off != nil) != want.budget {
			t.Errorf("%s, %s: the budget is %v, off %v", w.Scenario, w.What, w.Budget, w.Off)
		}
	}
	for _, what := range []string{"descriptors", "CPU in a second", "stacks"} {
		if w := r.row(t, "idle", what); len(w.Values) != 2 {
			t.Errorf("%s: measured of %v", what, w.Values)
		}
	}
}

func TestMeshIsMeasured(t *testing.T) {
	o := MeshOptions{
		Command: []string{os.Args[0], workArgument}, Members: 4, Rounds: 2,
		Profile: filepath.Join(t.TempDir(), "profiles"), Progress: t.Output(), JSON: true,
	}
	r := decoded(t, func(ctx context.Context, out *bytes.Buffer) error {
		o.Out = out
		return RunMesh(ctx, o)
	})
	w := r.row(t, "mesh", "6 links of 4 members, until all are live")
	if w.Budget == nil || *w.Budget != meshBudget*w.Values[makerPion] {
		t.Errorf("the budget is %v", w.Budget)
	}
	for _, kind := range kinds {
		if took := w.Values[kind.Key]; took < 1e6 || took > 60e9 || len(w.Rounds[kind.Key]) != 2 {
			t.Errorf("%s took %v", kind.Name, w.Rounds[kind.Key])
		}
	}
	hasProfiles(t, o.Profile, "mesh")
}

func hasProfiles(t *testing.T, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		for _, kind := range []string{"cpu", "heap"} {
			file := filepath.Join(folder, name+"."+kind+".pprof")
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				t.Errorf("%s: there is no profile, or an empty one: %v", file, err)
			}
		}
	}
}

func TestProfilesAreOfEachProcess(t *testing.T) {
	o := brief(t)
	o.Only, o.Profile = []string{"messages", "open"}, filepath.Join(t.TempDir(), "profiles")
	runLink(t, o)
	hasProfiles(t, o.Profile, "messages-sender", "messages-receiver", "open")
}

func TestMoreIsBetterWhereItIsASpeed(t *testing.T) {
	var r report
	r.Load = []float64{0}
	r.add("bytes", serverSnug, figure{"bytes", speedUnit, 104, &budget{1.3, makerPion}})
	r.add("bytes", makerPion, figure{"bytes", speedUnit, 100, &budget{1.3, makerPion}})
	r.add("messages", serverSnug, figure{"messages", rateUnit, 150, &budget{1.2, makerPion}})
	r.add("messages", makerPion, figure{"messages", rateUnit, 100, &budget{1.2, makerPion}})
	r.end(LinkScenarioNames())
	if off := *r.row(t, "bytes", "bytes").Off; off < 0.199 || off > 0.201 {
		t.Errorf("104 of 130 is off by %v", off)
	}
	if off := *r.row(t, "messages", "messages").Off; off >= 0 {
		t.Errorf("150 of 120 is off by %v", off)
	}
	if line := r.cells(r.row(t, "bytes", "bytes")); !slices.Contains(line, "0.80") || !slices.Contains(line, "missed by 20 %") {
		t.Errorf("the table says %q", line)
	}
}

func TestWhatCannotBeMeasuredOfLinksIsSaidAtOnce(t *testing.T) {
	for _, test := range []struct {
		err  error
		says string
	}{
		{(&LinkOptions{Only: []string{"open", "speed"}}).Check(), `there is nothing named "speed" to measure: choose of open, far, bytes`},
		{(&LinkOptions{Opens: -1}).Check(), "can't be negative"},
		{(&LinkOptions{Length: -1}).Check(), "can't be negative"},
		{(&MeshOptions{Members: 1}).Check(), "choose 2 to 100"},
		{(&MeshOptions{Members: 101}).Check(), "choose 2 to 100"},
		{(&MeshOptions{Rounds: -1}).Check(), "can't be negative"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("%v, want %q", test.err, test.says)
		}
	}
}

func TestWorkerThatDoesNotStartIsAnError(t *testing.T) {
	o := brief(t)
	o.Only, o.Out, o.Command = []string{"open"}, t.Output(), []string{"/bin/false"}
	if err := RunLink(t.Context(), o); err == nil || !strings.Contains(err.Error(), "didn't start") {
		t.Error(err)
	}
}

func TestRunOfLinksEndsWithItsContext(t *testing.T) {
	o := brief(t)
	o.Only, o.Length, o.Out = []string{"bytes"}, time.Hour, t.Output()
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = writerFunc(func(text []byte) (int, error) {
		time.AfterFunc(300*time.Millisecond, cancel) // while it starts, or flows
		return len(text), nil
	})
	if err := RunLink(ctx, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A worker says what it can't do, and goes on.
func TestWorkerAnswersWhatItCannotDo(t *testing.T) {
	var out bytes.Buffer
	orders := strings.NewReader(`{"do":"dance"} {"do":"flow"} {"do":"count"} {"do":"holds"}`)
	if err := Work(makerPion, orders, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{workerReady, `unknown order \"dance\"`, errNoLink.Error(), errNoLink.Error(), `"heap"`}
	if len(lines) != len(want) {
		t.Fatalf("it said %q", lines)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("it said %q, want %q", lines[i], w)
		}
	}
	if err := Work("others", orders, &out); err == nil {
		t.Error("it makes links of an unknown kind")
	}
}

func TestPacketsOfALaneAreLateAndLost(t *testing.T) {
	r, err := lane{RTT: 20 * time.Millisecond, Loss: 0.5}.open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	from, err := r.nets[0].ListenPacket("udp4", "203.0.113.1:1000")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := r.nets[1].ListenPacket("udp4", "203.0.113.2:1000")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	const sent = 200
	start := time.Now()
	for range sent {
		if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	came := 0
	for buf := make([]byte, 8); ; came++ {
		to.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := to.ReadFrom(buf); err != nil {
			break
		}
		if came == 0 && time.Since(start) < 10*time.Millisecond {
			t.Errorf("the first came after %v", time.Since(start))
		}
	}
	if came < sent/4 || came > sent*3/4 {
		t.Errorf("%d of %d came", came, sent)
	}
}
