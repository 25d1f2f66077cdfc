package peer

import (
	"bytes"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const verifyTraces = "../signaling/testdata/verify-traces.json"

type verifyStep struct {
	At    int64 `json:"at"` // ms
	Event struct {
		verifyEvent
		Own    *fingerprint `json:"own,omitzero"`
		Theirs *fingerprint `json:"theirs,omitzero"`
	} `json:"event"`
	Do  []verifyAction `json:"do"`
	Due int64          `json:"due"` // likewise; 0: never
}

type verifyTrace struct {
	Name  string       `json:"name"`
	Side  string       `json:"side"`
	Steps []verifyStep `json:"steps"`
}

type verifyCases struct {
	About string             `json:"about"`
	View  verifyVectors      `json:"view"`
	Draws map[string][]nonce `json:"draws"`
	Cases []verifyTrace      `json:"cases"`
}

type verifyVectors struct {
	Room string    `json:"room"`
	A    vectorEnd `json:"a"`
	B    vectorEnd `json:"b"`
}

func (v verifyVectors) of(side string) verifyView {
	if side == "a" {
		return verifyView{v.Room, v.A.end(), v.B.end()}
	}
	return verifyView{v.Room, v.B.end(), v.A.end()}
}

func readVerifyCases(t testing.TB) (all verifyCases) {
	t.Helper()
	data, err := os.ReadFile(verifyTraces)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &all, json.RejectUnknownMembers(true)); err != nil || len(all.Cases) < 50 {
		t.Fatalf("%d cases, %v", len(all.Cases), err)
	}
	return all
}

// drawing gives these numbers, one after the other.
func drawing(numbers []nonce) func() [nonceSize]byte {
	return func() (n [nonceSize]byte) {
		n, numbers = numbers[0], numbers[1:]
		return n
	}
}

// The same traces drive the machine in TypeScript.
func TestVerificationFollowsTheTraces(t *testing.T) {
	all := readVerifyCases(t)
	for i := range all.Cases {
		c := &all.Cases[i]
		t.Run(c.Name, func(t *testing.T) {
			v := newVerification(all.View.of(c.Side), drawing(all.Draws[c.Side]))
			for j := range c.Steps {
				s := &c.Steps[j]
				e := s.Event.verifyEvent
				e.Own, e.Theirs = s.Event.Own, s.Event.Theirs
				do := v.step(time.Duration(s.At)*time.Millisecond, e)
				due := v.due().Milliseconds()
				if *update {
					s.Do, s.Due = append([]verifyAction{}, do...), due
				} else if got, want := jsonText(t, append([]verifyAction{}, do...)), jsonText(t, s.Do); got != want || due != s.Due {
					t.Fatalf("step %d, %s:\n got %s, due %d\nwant %s, due %d", j, e.Type, got, due, want, s.Due)
				}
			}
		})
	}
	if *update {
		lines := linesOf(t, all.About, len(all.Cases), func(i int) (head string, steps []any, tail string) {
			c := all.Cases[i]
			for _, s := range c.Steps {
				steps = append(steps, s)
			}
			return `"name": ` + jsonText(t, c.Name) + `, "side": ` + jsonText(t, c.Side), steps, ""
		})
		shared := ",\n  \"view\": " + jsonText(t, all.View) + ",\n  \"draws\": " + jsonText(t, map[string]any{"a": all.Draws["a"], "b": all.Draws["b"]}) + ",\n  \"cases\""
		lines = bytes.Replace(lines, []byte(",\n  \"cases\""), []byte(shared), 1)
		if err := os.WriteFile(verifyTraces, lines, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What the traces' messages were made of, was computed with Python; the codes in them are the vectors'.
func TestTracesAgreeWithTheVectors(t *testing.T) {
	want := vectors(t).Codes[0]
	for _, c := range readVerifyCases(t).Cases {
		for _, s := range c.Steps {
			for _, a := range s.Do {
				if a.Code != nil && strings.HasPrefix(c.Name, "the initiator begins") && *a.Code != want.Code {
					t.Errorf("%s: %v", c.Name, *a.Code)
				}
			}
		}
	}
}

func TestEmojiAreDistinctAndNamed(t *testing.T) {
	table, err := emojiTable()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for i, e := range table {
		for _, word := range []string{e.Symbol, e.English, e.Chinese} {
			if word == "" || seen[word] {
				t.Errorf("emoji %d: %q is missing or there twice", i, word)
			}
			seen[word] = true
		}
		if n := len([]rune(e.Symbol)); n != 1 {
			t.Errorf("%s is %d characters, which fonts may show apart", e.Symbol, n)
		}
	}
}

// exchange is two members and what is between them.
type exchange struct {
	a, b  *verification
	shown [2]*code
}

// run passes on what is said until all is quiet.
func (p *exchange) run(said ...verifyAction) {
	type heard struct {
		by      int // 0: a
		message []byte
	}
	var queue []heard
	take := func(by int, all []verifyAction) {
		for _, action := range all {
			switch action.Do {
			case verifySend:
				queue = append(queue, heard{1 - by, action.Message.encode()})
			case verifyShow:
				if p.shown[by] = action.Code; action.State == verifyAsked {
					queue = append(queue, heard{by, nil}) // the user agrees
				}
			}
		}
	}
	take(0, said)
	for len(queue) > 0 {
		h := queue[0]
		queue = queue[1:]
		e := verifyEvent{Type: verifyHeard, Message: h.message}
		if h.message == nil {
			e = verifyEvent{Type: verifyBegin}
		}
		take(h.by, []*verification{p.a, p.b}[h.by].step(time.Second, e))
	}
}

func TestBothSidesSeeTheSameEmoji(t *testing.T) {
	all := readVerifyCases(t)
	for range 100 {
		p := exchange{a: newVerification(all.View.of("a"), drawFrom(rand.New(rand.NewPCG(rand.Uint64(), 1)))), b: newVerification(all.View.of("b"), drawFrom(rand.New(rand.NewPCG(rand.Uint64(), 2))))}
		p.run(p.a.step(0, verifyEvent{Type: verifyBegin})...)
		if p.shown[0] == nil || p.shown[1] == nil || !reflect.DeepEqual(p.shown[0], p.shown[1]) {
			t.Fatalf("one sees %v, the other %v", p.shown[0], p.shown[1])
		}
	}
}

func drawFrom(r *rand.Rand) func() [nonceSize]byte {
	return func() (n [nonceSize]byte) {
		for i := range n {
			n[i] = byte(r.Uint32())
		}
		return n
	}
}

func FuzzVerification(f *testing.F) {
	all := readVerifyCases(f)
	for _, c := range all.Cases {
		var text []byte
		for _, s := range c.Steps {
			text = append(append(append(text, s.Event.Type[0]), s.Event.Message...), '\n')
		}
		f.Add(c.Side == "a", text)
	}
	events := map[byte]verifyEventType{'b': verifyBegin, 'm': verifyMatch, 'd': verifyDiffer, 'c': verifyCancel, 't': verifyTick}
	f.Fuzz(func(t *testing.T, first bool, text []byte) {
		v := newVerification(all.View.of(map[bool]string{true: "a", false: "b"}[first]), drawFrom(rand.New(rand.NewPCG(1, 2))))
		pinned, compared := 0, 0
		for i, line := range bytes.Split(text, []byte("\n")) {
			if len(line) == 0 {
				continue
			}
			e := verifyEvent{Type: verifyHeard, Message: jsontext.Value(line[1:])}
			if own, found := events[line[0]]; found {
				e = verifyEvent{Type: own}
			}
			for _, a := range v.step(time.Duration(i)*time.Minute, e) {
				if a.Do == verifyPin {
					pinned++
				}
				if a.Code != nil {
					compared++
				}
				if a.Do == verifySend {
					if m, err := decodeVerify(a.Message.encode()); err != nil || !reflect.DeepEqual(m, *a.Message) {
						t.Errorf("says %s, which isn't understood: %v", a.Message.encode(), err)
					}
				}
			}
			if pinned > compared || (v.due() == 0) != (v.state == verifyIdle) {
				t.Fatalf("pinned %d times, compared %d times, %s, due %v", pinned, compared, v.state, v.due())
			}
		}
	})
}
