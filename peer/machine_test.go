package peer

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var update = flag.Bool("update", false, "write what the machine does into the traces; read the difference")

const tracesFile = "../signaling/testdata/link-traces.json"

// trace is what happens to a link, and what it does.
type trace struct {
	Name    string      `json:"name"`
	Offerer bool        `json:"offerer"`
	Steps   []traceStep `json:"steps"`
}

type traceStep struct {
	At    int64    `json:"at"` // ms since the link began
	Event event    `json:"event"`
	Do    []action `json:"do"`
	Due   int64    `json:"due"` // likewise; 0: never
}

type traces struct {
	About string  `json:"about"`
	Cases []trace `json:"cases"`
}

// readTraces reads a file of traces, strictly.
func readTraces(t *testing.T, file string, all any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, all, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
}

// The same traces drive the machine in TypeScript.
func TestMachineFollowsTheTraces(t *testing.T) {
	var all traces
	readTraces(t, tracesFile, &all)
	if len(all.Cases) < 50 {
		t.Fatalf("only %d traces", len(all.Cases))
	}
	for i := range all.Cases {
		t.Run(all.Cases[i].Name, func(t *testing.T) { follow(t, &all.Cases[i]) })
	}
	if *update {
		write(t, all)
	}
}

func follow(t *testing.T, c *trace) {
	m := newMachine(c.Offerer)
	var now time.Duration
	for i := range c.Steps {
		s := &c.Steps[i]
		now = time.Duration(s.At) * time.Millisecond
		if s.Event.Type == eventTick && (m.due() == 0 || now < m.due()) {
			t.Fatalf("step %d is a tick at %v, but %v is due", i, now, m.due())
		}
		did, due := m.step(now, s.Event), m.due().Milliseconds()
		if *update {
			s.Do, s.Due = did, due
			continue
		}
		got, want := text(t, did), text(t, s.Do)
		if got != want || due != s.Due {
			t.Fatalf("step %d, %s at %v:\n got %s, due %d\nwant %s, due %d", i, s.Event.Type, now, got, due, want, s.Due)
		}
	}
}

func text(t *testing.T, did []action) string {
	t.Helper()
	var b bytes.Buffer
	for _, a := range did {
		if err := json.MarshalWrite(&b, a); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func write(t *testing.T, all traces) {
	t.Helper()
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b)
	b.WriteString("{\n  \"about\": ")
	if err := json.MarshalEncode(e, all.About); err != nil {
		t.Fatal(err)
	}
	b.Truncate(b.Len() - 1)
	b.WriteString(",\n  \"cases\": [")
	for i, c := range all.Cases {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    {\"name\": " + jsonText(t, c.Name) + ", \"offerer\": " + jsonText(t, c.Offerer) + ", \"steps\": [")
		for j, s := range c.Steps {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n      " + jsonText(t, s))
		}
		b.WriteString("\n    ]}")
	}
	b.WriteString("\n  ]\n}\n")
	if err := os.WriteFile(tracesFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
