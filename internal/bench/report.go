package bench

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"runtime"
	"slices"
	"time"
)

// report is what a run found. Its JSON is for programs; values are in ns, bytes, or plain.
type report struct {
	Date    string    `json:"date"` // RFC 3339
	Machine machine   `json:"machine"`
	Load    []float64 `json:"load"` // average of the last minute, before and after
	TLS     bool      `json:"tls,omitzero"`
	Rounds  int       `json:"rounds"`
	Seconds float64   `json:"seconds,omitzero"` // that a load lasts
	Rate    float64   `json:"rate,omitzero"`    // signals a second where latency is measured
	Targets []named   `json:"targets"`
	Rows    []*row    `json:"rows"`
	Notes   []string  `json:"notes,omitempty"`
}

type machine struct {
	System    string `json:"system"`
	Processor string `json:"processor,omitempty"`
	CPUs      int    `json:"cpus"`
	Go        string `json:"go"`
}

type named struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// row is one figure, of all targets that have it.
type row struct {
	Scenario string               `json:"scenario"`
	What     string               `json:"what"`
	Unit     unit                 `json:"unit"`
	Values   map[string]float64   `json:"values"` // medians, by target
	Rounds   map[string][]float64 `json:"rounds"`
	Ratios   map[string]float64   `json:"ratios,omitempty"` // of snug's to each other's
	Budget   *float64             `json:"budget,omitempty"`
	Off      *float64             `json:"off,omitempty"` // the part of the budget by which it is missed; below 0, it is met

	allowed *budget
}

func (r *report) begin(rounds int, length time.Duration) {
	r.Date = time.Now().Format(time.RFC3339)
	r.Machine = machine{runtime.GOOS + "/" + runtime.GOARCH, processor(), runtime.NumCPU(), runtime.Version()}
	r.Load = []float64{loadAverage()}
	r.Rounds, r.Seconds = rounds, length.Seconds()
}

func (r *report) note(text string) { r.Notes = append(r.Notes, text) }

func (r *report) add(scenario, target string, f figure) {
	i := slices.IndexFunc(r.Rows, func(w *row) bool { return w.Scenario == scenario && w.What == f.what })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, &row{Scenario: scenario, What: f.what, Unit: f.unit, Rounds: make(map[string][]float64), allowed: f.budget})
	}
	r.Rows[i].Rounds[target] = append(r.Rows[i].Rounds[target], f.value)
}

// end reckons what follows from the rounds. The scenarios come in this order.
func (r *report) end(scenarios []string) {
	r.Load = append(r.Load, loadAverage())
	if r.TLS {
		r.note("Budgets are for connections without TLS.")
	}
	order := func(w *row) int { return slices.Index(scenarios, w.Scenario) }
	slices.SortStableFunc(r.Rows, func(a, b *row) int { return cmp.Compare(order(a), order(b)) })
	for _, w := range r.Rows {
		w.end(r.TLS)
	}
}

func (w *row) end(secured bool) {
	w.Values = make(map[string]float64)
	for target, rounds := range w.Rounds {
		w.Values[target] = median(rounds)
	}
	ours, measured := w.Values[serverSnug]
	if !measured {
		return
	}
	w.Ratios = make(map[string]float64)
	for target, value := range w.Values {
		if target != serverSnug && value > 0 {
			w.Ratios[target] = ours / value
		}
	}
	if w.allowed == nil || secured {
		return
	}
	limit := w.allowed.value
	if w.allowed.of != "" {
		limit *= w.Values[w.allowed.of]
	}
	if limit > 0 {
		off := ours/limit - 1
		if w.Unit.more() {
			off = -off
		}
		w.Budget, w.Off = &limit, &off
	}
}

// median is that of one value or more.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func (r *report) json(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// quantile is the value of all that this share isn't above, in ns.
func quantile(all []opened, share float64, of func(opened) time.Duration) float64 {
	values := make([]float64, len(all))
	for i, o := range all {
		values[i] = float64(of(o))
	}
	if share == 0.5 {
		return median(values)
	}
	slices.Sort(values)
	return values[max(int(math.Ceil(share*float64(len(values))))-1, 0)]
}
