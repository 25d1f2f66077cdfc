package peer

import (
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// goldens reads the cases of a file that TypeScript's tests read too.
func goldens[T any](t testing.TB, file string) []T {
	t.Helper()
	data, err := os.ReadFile("../signaling/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Cases []T `json:"cases"`
	}
	if err := json.Unmarshal(data, &f); err != nil || len(f.Cases) == 0 {
		t.Fatalf("%s: %d cases, %v", file, len(f.Cases), err)
	}
	return f.Cases
}

type signalCase struct {
	Name  string         `json:"name"`
	Text  string         `json:"text"`
	Value jsontext.Value `json:"value"`
	Error string         `json:"error"`
}

func TestGoldenSignals(t *testing.T) {
	for _, c := range goldens[signalCase](t, "link-signals.json") {
		t.Run(c.Name, func(t *testing.T) {
			s, err := decodeSignal(jsontext.Value(c.Text))
			if c.Error != "" {
				if err == nil || errors.Is(err, errIgnored) != (c.Error == "unknown-type") {
					t.Errorf("got %+v, %v; want %s", s, err, c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Value == nil {
				c.Value = jsontext.Value(c.Text)
			}
			again, err := decodeSignal(s.encode())
			if want, _ := decodeSignal(c.Value); err != nil || !reflect.DeepEqual(s, want) || !reflect.DeepEqual(again, want) {
				t.Errorf("got %+v, again %+v, %v; want %+v", s, again, err, want)
			}
		})
	}
}

type frameCase struct {
	Name     string `json:"name"`
	Hex      string `json:"hex"`
	Type     string `json:"type"`
	Flags    byte   `json:"flags"`
	Channel  uint16 `json:"channel"`
	Sequence uint32 `json:"sequence"`
	Payload  string `json:"payload"`
	Ignored  bool   `json:"ignored"`
	Error    string `json:"error"`
}

func TestGoldenFrames(t *testing.T) {
	kinds := map[string]byte{"control": frameControl, "message": frameMessage, "open": frameOpen, "close": frameClose, "stop": frameStop}
	for _, c := range goldens[frameCase](t, "frames.json") {
		t.Run(c.Name, func(t *testing.T) {
			data, _ := hex.DecodeString(c.Hex)
			f, err := decodeFrame(data)
			switch {
			case c.Ignored:
				if !errors.Is(err, errIgnored) {
					t.Errorf("got %+v, %v; want it ignored", f, err)
				}
			case c.Error != "":
				if !errors.Is(err, errFrame) {
					t.Errorf("got %+v, %v; want %s", f, err, c.Error)
				}
			default:
				payload, _ := hex.DecodeString(c.Payload)
				want := frame{kinds[c.Type], c.Flags, c.Channel, c.Sequence, payload}
				if err != nil || !reflect.DeepEqual(f, want) {
					t.Errorf("got %+v, %v; want %+v", f, err, want)
				}
				if hex.EncodeToString(f.encode(f.payload)) != c.Hex {
					t.Errorf("encodes to %x", f.encode(f.payload))
				}
			}
		})
	}
	if _, err := decodeFrame(make([]byte, maxFrame+1)); !errors.Is(err, errFrame) {
		t.Error("a frame of 16,385 bytes was taken")
	}
}

func TestGoldenRoles(t *testing.T) {
	type roleCase struct {
		Name   string           `json:"name"`
		Self   signaling.Member `json:"self"`
		Other  signaling.Member `json:"other"`
		Offers bool             `json:"offers"`
	}
	for _, c := range goldens[roleCase](t, "roles.json") {
		if offers(c.Self, c.Other) != c.Offers || offers(c.Other, c.Self) == c.Offers {
			t.Errorf("%s: not one of the two offers", c.Name)
		}
	}
}

func FuzzDecodeSignal(f *testing.F) {
	for _, c := range goldens[signalCase](f, "link-signals.json") {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeSignal(data)
		if err != nil {
			return
		}
		if again, err := decodeSignal(s.encode()); err != nil || string(again.encode()) != string(s.encode()) {
			t.Errorf("%s became %+v, %v", s.encode(), again, err)
		}
	})
}

func FuzzDecodeFrame(f *testing.F) {
	for _, c := range goldens[frameCase](f, "frames.json") {
		data, _ := hex.DecodeString(c.Hex)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, err := decodeFrame(data)
		if err == nil && string(fr.encode(fr.payload)) != string(data) {
			t.Errorf("%x became %x", data, fr.encode(fr.payload))
		}
		if err == nil && fr.kind == frameControl {
			decodeControl(fr.payload)
		}
	})
}

func FuzzDecodeControl(f *testing.F) {
	f.Add([]byte(`{"type":"hello","message":8388608,"channels":64}`))
	f.Add([]byte(`{"type":"ack","frames":12,"windows":{"0":262144,"7":524288},"opens":65}`))
	f.Add([]byte(`{"type":"ack","windows":{}}`))
	f.Add([]byte(`{"type":"bye","frames":12}`))
	f.Add([]byte(`{"type":"bye-ack"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeControl(data)
		if err != nil {
			return
		}
		if again, err := decodeControl(c.encode()); err != nil || string(again.encode()) != string(c.encode()) {
			t.Errorf("%s became %+v, %v", data, again, err)
		}
	})
}
