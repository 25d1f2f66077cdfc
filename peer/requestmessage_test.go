package peer

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type requestCase struct {
	signalCase
	Long int `json:"long"`
}

func (c requestCase) text() string {
	if c.Long == 0 {
		return c.Text
	}
	return strings.Replace(c.Text, "…", strings.Repeat("x", c.Long-len(c.Text)+len("…")), 1)
}

func TestGoldenRequests(t *testing.T) {
	for _, c := range goldens[requestCase](t, "requests.json") {
		t.Run(c.Name, func(t *testing.T) {
			m, err := decodeRequest([]byte(c.text()))
			if c.Error != "" {
				if err == nil || errors.Is(err, errIgnored) != (c.Error == "unknown-type") {
					t.Errorf("got %+v, %v; want %s", m, err, c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Value == nil {
				c.Value = jsontext.Value(c.text())
			}
			want, err := decodeRequest(c.Value)
			if err != nil || !reflect.DeepEqual(m, want) {
				t.Errorf("got %+v; want %+v, %v", m, want, err)
			}
		})
	}
}

func TestErrorsOfHandlersAreMadeFitToTravel(t *testing.T) {
	for _, e := range []RequestError{{}, {"NO", "a\nb\u0085\xffc"}, {strings.Repeat("x", maxErrorCode+1), strings.Repeat("é", maxErrorMessage)}, {"ok", "Fine."}} {
		told := e.told()
		if !told.valid() || !utf8.ValidString(told.Message) {
			t.Errorf("%+v is told as %+v", e, told)
		}
	}
	if told := (&RequestError{"ok", "Fine."}).told(); *told != (RequestError{"ok", "Fine."}) {
		t.Error(told)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, c := range goldens[requestCase](f, "requests.json") {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeRequest(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(m, jsontext.AllowInvalidUTF8(true))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxRequestMessage {
			return // escapes may be written otherwise
		}
		again, err := decodeRequest(text)
		if err != nil || again.Type != m.Type || again.ID != m.ID || again.Name != m.Name || again.Timeout != m.Timeout || (again.Error == nil) != (m.Error == nil) {
			t.Errorf("%q is %+v, and then %+v, %v", data, m, again, err)
		}
	})
}
