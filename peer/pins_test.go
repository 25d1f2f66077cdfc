package peer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// pinStep is something that is done with the pins, and what comes of it.
type pinStep struct {
	Op string `json:"op"` // see, accept, verify, withdraw
	At int64  `json:"at"` // seconds
	sighting
	Result *recognized `json:"result,omitzero"` // see
	Stored bool        `json:"stored"`          // whether the pins are other ones, or it could be kept
	Pins   int         `json:"pins"`            // how many there are then
}

type pinTraces struct {
	About string `json:"about"`
	Cases []struct {
		Name  string    `json:"name"`
		Steps []pinStep `json:"steps"`
		After []pin     `json:"after"`
	} `json:"cases"`
}

const pinsTraces = "../signaling/testdata/pins.json"

// The same traces drive the pins in TypeScript.
func TestPinsFollowTheTraces(t *testing.T) {
	data, err := os.ReadFile(pinsTraces)
	if err != nil {
		t.Fatal(err)
	}
	var all pinTraces
	if err := json.Unmarshal(data, &all, json.RejectUnknownMembers(true)); err != nil || len(all.Cases) < 10 {
		t.Fatalf("%d cases, %v", len(all.Cases), err)
	}
	for i := range all.Cases {
		c := &all.Cases[i]
		t.Run(c.Name, func(t *testing.T) {
			p := pins{}
			for j := range c.Steps {
				did := c.Steps[j].do(&p)
				if *update {
					c.Steps[j] = did
				} else if !reflect.DeepEqual(did, c.Steps[j]) {
					t.Fatalf("step %d:\n got %s\nwant %s", j, jsonText(t, did), jsonText(t, c.Steps[j]))
				}
			}
			if *update {
				c.After = p
			} else if !reflect.DeepEqual([]pin(p), c.After) {
				t.Errorf("after it: %s", jsonText(t, p))
			}
			if again, err := decodePins(p.encode()); err != nil || !reflect.DeepEqual(again, p) {
				t.Errorf("kept and read: %v, %v", again, err)
			}
		})
	}
	if *update {
		lines := linesOf(t, all.About, len(all.Cases), func(i int) (head string, steps []any, tail string) {
			c := all.Cases[i]
			for _, s := range c.Steps {
				steps = append(steps, s)
			}
			return `"name": ` + jsonText(t, c.Name), steps, `, "after": ` + jsonText(t, c.After)
		})
		if err := os.WriteFile(pinsTraces, lines, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (s pinStep) do(p *pins) pinStep {
	now := time.Unix(s.At, 0)
	s.Result = nil
	switch s.Op {
	case "see":
		r, changed := p.see(s.sighting, now)
		s.Result, s.Stored = &r, changed
	case "accept":
		s.Stored = p.accept(s.sighting, now)
	case "verify":
		s.Stored = p.verify(s.sighting, now)
	case "withdraw":
		s.Stored = p.withdraw(s.Key)
	}
	s.Pins = len(*p)
	return s
}

func keyNumber(n int) (k publicKey) {
	k[0], k[1], k[2] = 9, byte(n), byte(n>>8)
	return k
}

func full(at int64) (p pins) {
	for i := range maxPins {
		p = append(p, pin{Key: keyNumber(i), Name: strings.Repeat("\u0001", maxPinText), Identity: strings.Repeat("\u0001", maxPinText), First: at, Seen: at + int64(i)})
	}
	return p
}

// Who comes with one key after the other drives nobody out.
func TestPinsAreBounded(t *testing.T) {
	const start = 1_800_000_000
	p := full(start)
	newcomer := sighting{Key: keyNumber(maxPins)}
	r, changed := p.see(newcomer, time.Unix(start+pinAge-1, 0))
	if changed || r.Standing != standingUnverified || len(p) != maxPins || p.index(keyNumber(0)) < 0 {
		t.Errorf("the newcomer drove somebody out: %+v, %d", r, len(p))
	}
	if !p.accept(newcomer, time.Unix(start+pinAge-1, 0)) || len(p) != maxPins || p.index(newcomer.Key) < 0 || p.index(keyNumber(0)) >= 0 {
		t.Error("who was accepted didn't take the place of the one that was longest away")
	}
	later := sighting{Key: keyNumber(maxPins + 1)}
	if _, changed := p.see(later, time.Unix(start+pinAge+1, 0)); !changed || len(p) != maxPins || p.index(keyNumber(1)) >= 0 {
		t.Error("a pin of long ago didn't give way")
	}
	for i := range p {
		p[i].Verified = start
	}
	if p.accept(sighting{Key: keyNumber(maxPins + 2)}, time.Unix(start+10*pinAge, 0)) || len(p) != maxPins {
		t.Error("a verified pin gave way")
	}
}

func TestLongestPinsFitIntoTheFile(t *testing.T) {
	p := full(maxPinTime - maxPins)
	if again, err := decodePins(p.encode()); err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("%d bytes: %v", len(p.encode()), err)
	}
}

func TestPinsForgetTextsThatAreTooLong(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", maxPinText+1), "\xff"} {
		var p pins
		p.verify(sighting{Key: keyNumber(1), Name: text, Identity: text}, time.Unix(-5, 0))
		if again, err := decodePins(p.encode()); err != nil || again[0].Name != "" || again[0].Identity != "" {
			t.Errorf("%.10q: %+v, %v", text, again, err)
		}
	}
}

const soundPins = `{"version":1,"pins":[{"key":"CQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","name":"Ann","identity":"","first":5,"seen":6,"verified":7}]}`

func TestPinsAreDecodedStrictly(t *testing.T) {
	if p, err := decodePins([]byte(soundPins)); err != nil || len(p) != 1 || p[0].Key != keyNumber(1) {
		t.Fatalf("got %+v, %v", p, err)
	}
	long := `"` + strings.Repeat("x", maxPinText+1) + `"`
	entry := soundPins[strings.Index(soundPins, "[")+1 : len(soundPins)-2]
	for name, text := range map[string]string{
		"empty": "", "no object": "[]", "null": "null", "half": soundPins[:len(soundPins)/2], "something after it": soundPins + "{}",
		"another version":   strings.Replace(soundPins, `"version":1`, `"version":2`, 1),
		"no version":        strings.Replace(soundPins, `"version":1,`, ``, 1),
		"no list":           `{"version":1}`,
		"something unknown": strings.Replace(soundPins, `"seen"`, `"more":1,"seen"`, 1),
		"twice the same":    strings.Replace(soundPins, "[", "["+entry+",", 1),
		"a doubled name":    strings.Replace(soundPins, `"first":5`, `"first":5,"first":5`, 1),
		"no key":            `{"version":1,"pins":[{"name":"Ann","identity":"","first":5,"seen":6}]}`,
		"a short key":       strings.Replace(soundPins, "AAA\"", "\"", 1),
		"a weak key":        strings.Replace(soundPins, "CQE", "AQA", 1),
		"never seen":        strings.Replace(soundPins, `"first":5`, `"first":0`, 1),
		"seen before":       strings.Replace(soundPins, `"seen":6`, `"seen":4`, 1),
		"verified before":   strings.Replace(soundPins, `"verified":7`, `"verified":4`, 1),
		"no number":         strings.Replace(soundPins, `"seen":6`, `"seen":"6"`, 1),
		"too large":         strings.Replace(soundPins, `"seen":6`, `"seen":9007199254740992`, 1),
		"a long name":       strings.Replace(soundPins, `"Ann"`, long, 1),
		"a long identity":   strings.Replace(soundPins, `"identity":""`, `"identity":`+long, 1),
		"a file too long":   soundPins + strings.Repeat(" ", maxPinsFile),
	} {
		if strings.Contains(name, "a file") || text != soundPins {
			if p, err := decodePins([]byte(text)); !errors.Is(err, errPins) {
				t.Errorf("%s: got %+v, %v", name, p, err)
			}
		} else {
			t.Errorf("%s changes nothing", name)
		}
	}
	if _, err := decodePins(append(full(5), pin{Key: keyNumber(maxPins), First: 5, Seen: 5}).encode()); !errors.Is(err, errPins) {
		t.Error("one pin too many was taken")
	}
}

func FuzzDecodePins(f *testing.F) {
	f.Add([]byte(soundPins))
	f.Add([]byte(`{"version":1,"pins":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodePins(data)
		if err != nil {
			return
		}
		p.see(sighting{Key: keyNumber(7), Name: "Ann"}, time.Unix(100, 0))
		if again, err := decodePins(p.encode()); err != nil || len(again) != len(p) {
			t.Errorf("%s became %s: %v", data, p.encode(), err)
		}
	})
}

func TestPinsFileThatIsDamagedIsLeftAlone(t *testing.T) {
	f := pinsIn(t.TempDir(), "room")
	if err := os.WriteFile(f.path, []byte("{"), privateMode); err != nil {
		t.Fatal(err)
	}
	err := f.update(t.Context(), func(*pins) bool { t.Error("changed"); return true })
	if err == nil || !strings.Contains(err.Error(), "Move it away") {
		t.Errorf("got %v", err)
	}
	if data, _ := os.ReadFile(f.path); string(data) != "{" {
		t.Errorf("it holds %s now", data)
	}
	if runtime.GOOS != "windows" {
		if err := errors.Join(os.WriteFile(f.path, []byte(soundPins), privateMode), os.Chmod(f.path, 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.read(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("open to others: %v", err)
		}
	}
}

func TestPinsAreKeptWhereverTheyAre(t *testing.T) {
	for name, store := range map[string]pinsStore{"file": pinsIn(t.TempDir(), "room"), "memory": &pinsMemory{}} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					s := sighting{Key: keyNumber(i)}
					if err := store.update(t.Context(), func(p *pins) bool { return p.accept(s, time.Now()) }); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			err := store.update(t.Context(), func(p *pins) bool {
				if len(*p) != 20 {
					t.Errorf("%d pins", len(*p))
				}
				return false
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPinsThatDidNotChangeAreNotWritten(t *testing.T) {
	f := pinsIn(t.TempDir(), "room")
	if err := f.update(t.Context(), func(*pins) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

// Whoever holds the pins keeps others waiting no longer than they like.
func TestWaitingForPinsEnds(t *testing.T) {
	f := pinsIn(t.TempDir(), "room")
	unlock, err := lock(t.Context(), f.path+".lock")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.update(ctx, func(*pins) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	unlock()
	if err := f.update(t.Context(), func(p *pins) bool { return p.accept(sighting{Key: keyNumber(1)}, time.Now()) }); err != nil {
		t.Errorf("got %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(f.path), ".new-*")); len(files) > 0 {
		t.Errorf("%v are left", files)
	}
}
