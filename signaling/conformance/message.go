package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxLine is the longest message that a hub may send, in bytes: a welcome to a large room.
const maxLine = 16 << 20

// message is any of the hub's: it has the members of all.
type message struct {
	Type string `json:"type"`

	You         string    `json:"you"`
	Session     string    `json:"session"`
	Recovered   *bool     `json:"recovered"`
	Received    *uint64   `json:"received"`
	Roster      roster    `json:"roster"`
	ICE         *ice      `json:"ice"`
	Heartbeat   heartbeat `json:"heartbeat"`
	Limits      limit     `json:"limits"`
	Permissions []string  `json:"permissions"`
	Expires     int64     `json:"expires"`
	Features    []string  `json:"features"`

	Epoch  string      `json:"epoch"`
	N      uint64      `json:"n"`
	Left   []departure `json:"left"`
	Joined []member    `json:"joined"`
	Away   []presence  `json:"away"`
	Locked *bool       `json:"locked"`

	From   string         `json:"from"`
	To     string         `json:"to"`
	Body   jsontext.Value `json:"body"`
	Signal uint64         `json:"signal"`
	Reason string         `json:"reason"`

	Code    jsontext.Value `json:"code"` // a string, or a number in a close
	Message string         `json:"message"`
	Retry   int64          `json:"retry"`
	Limit   string         `json:"limit"`

	ID    string `json:"id"`
	Holds string `json:"holds"`
	Wait  int64  `json:"wait"`

	text string // as it came
}

type (
	roster struct {
		Epoch   string   `json:"epoch"`
		N       uint64   `json:"n"`
		Members []member `json:"members"`
		Locked  bool     `json:"locked"`
	}
	member struct {
		ID       string         `json:"id"`
		Name     *string        `json:"name"`
		Kind     string         `json:"kind"`
		Meta     jsontext.Value `json:"meta"`
		Joined   uint64         `json:"joined"`
		Identity string         `json:"identity"`
		Away     bool           `json:"away"`
	}
	departure struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
		N      uint64 `json:"n"`
	}
	presence struct {
		ID   string `json:"id"`
		Away bool   `json:"away"`
		N    uint64 `json:"n"`
	}
	ice struct {
		Servers []struct {
			URLs []string `json:"urls"`
		} `json:"servers"`
		Expires int64 `json:"expires"`
	}
	heartbeat struct {
		Ping    int64 `json:"ping"`
		Timeout int64 `json:"timeout"`
		Grace   int64 `json:"grace"`
	}
	limit struct {
		Frame     int `json:"frame"`
		Members   int `json:"members"`
		Hello     int `json:"hello"`
		Name      int `json:"name"`
		Meta      int `json:"meta"`
		Replay    int `json:"replay"`
		Fragments int `json:"fragments"`
		Signals   struct {
			Rate  float64 `json:"rate"`
			Burst int     `json:"burst"`
		} `json:"signals"`
	}
)

func parse(text []byte) (message, error) {
	m := message{text: string(text)}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("the hub said what is no message: %.200s: %w", text, err)
	}
	if m.Type == "" {
		return m, fmt.Errorf("the hub said a message without a type: %.200s", text)
	}
	return m, nil
}

// code is an error's.
func (m message) code() string {
	var s string
	json.Unmarshal(m.Code, &s)
	return s
}

// closeCode is a close line's.
func (m message) closeCode() int {
	var n int
	json.Unmarshal(m.Code, &n)
	return n
}

func (m message) recovered() bool { return m.Recovered != nil && *m.Recovered }

func (m message) received() uint64 {
	if m.Received == nil {
		return 0
	}
	return *m.Received
}

func (m message) String() string { return fmt.Sprintf("%.300s", m.text) }

// index is where a member stands in a roster; -1: nowhere.
func (r roster) index(id string) int {
	for i := range r.Members {
		if r.Members[i].ID == id {
			return i
		}
	}
	return -1
}

// apply brings a roster up to a change as section 4 says, and fails the test if the change
// breaks what is said there.
func (r *roster) apply(t *testing.T, c message) {
	t.Helper()
	if c.Epoch != r.Epoch {
		t.Fatalf("a change of the epoch %q, in a roster of %q", c.Epoch, r.Epoch)
	}
	for _, d := range c.Left {
		if i := r.index(d.ID); d.N > r.N && i >= 0 {
			r.Members = append(r.Members[:i:i], r.Members[i+1:]...)
		}
		if d.N > c.N {
			t.Errorf("a leave at %d in a change to %d", d.N, c.N)
		}
	}
	for _, m := range c.Joined {
		if m.Joined <= r.N {
			continue
		}
		if r.index(m.ID) >= 0 {
			t.Errorf("%s joined, who is in the room already", *m.Name)
			continue
		}
		r.Members = append(r.Members, m)
	}
	for _, a := range c.Away {
		if i := r.index(a.ID); a.N > r.N && i >= 0 {
			r.Members[i].Away = a.Away
		}
	}
	r.N = max(r.N, c.N)
}

// readLines reads an answer of lines; what is none of ours gives no lines.
func readLines(t *testing.T, body io.Reader) (lines []message) {
	t.Helper()
	in := bufio.NewScanner(body)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		line := bytes.TrimSpace(in.Bytes())
		if len(line) == 0 {
			continue
		}
		m, err := parse(line)
		if err != nil {
			return nil
		}
		lines = append(lines, m)
	}
	return lines
}
