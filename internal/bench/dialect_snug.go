package bench

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/snug-chat/snug/signaling"
)

// snugDialect is the hub's protocol, signaling/PROTOCOL.md.
type snugDialect struct{}

func (snugDialect) endpoint(room string, _ signaling.Secret) (path, subprotocol string) {
	return "/v1/rooms/" + room, signaling.Subprotocol
}

func (snugDialect) hello(s signaling.Secret) []byte {
	secret, _ := s.MarshalText()
	return fmt.Appendf(nil, `{"type":"hello","secret":"%s","name":"Ann","kind":"browser","meta":{}}`, secret)
}

func (snugDialect) welcome(message []byte) (known int, err error) {
	var m struct {
		Type   string `json:"type"`
		Roster struct {
			N int `json:"n"`
		} `json:"roster"`
	}
	if err := json.Unmarshal(message, &m); err != nil {
		return 0, fmt.Errorf("a first message that is none of snug.v1: %w", err)
	}
	if m.Type != "welcome" {
		return 0, hubFailure(message)
	}
	return m.Roster.N, nil
}

func (snugDialect) signal(to string) []byte {
	return fmt.Appendf(nil, `{"type":"signal","to":"%s","body":%s}`, to, signalBody)
}

var (
	signalPrefix = []byte(`{"type":"signal",`)
	rosterPrefix = []byte(`{"type":"roster",`)
	versionName  = []byte(`,"n":`)
)

func (snugDialect) read(message []byte) event {
	switch {
	case bytes.HasPrefix(message, signalPrefix):
		return signalTime(message)
	case bytes.HasPrefix(message, rosterPrefix):
		return event{kind: eventRoster, n: version(message)}
	}
	var m struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		N      int    `json:"n"`
	}
	if err := json.Unmarshal(message, &m); err != nil {
		return event{kind: eventFailure, err: fmt.Errorf("the hub said what is no message: %w", err)}
	}
	switch m.Type {
	case "signal":
		return signalTime(message)
	case "roster":
		return event{kind: eventRoster, n: m.N}
	case "undeliverable":
		return event{kind: eventUndeliverable, err: fmt.Errorf("the hub didn't deliver a signal: %s", m.Reason)}
	case "error":
		return event{kind: eventFailure, err: hubFailure(message)}
	}
	return event{}
}

func (snugDialect) acknowledges() bool { return true }

// version is a roster's. It stands near the beginning, where this hub writes it: to decode all
// of a long roster would take the load's time.
func version(message []byte) int {
	if i := bytes.Index(message[:min(len(message), 128)], versionName); i >= 0 {
		digits := message[i+len(versionName):]
		if end := bytes.IndexAny(digits, ",}"); end > 0 {
			if n, err := strconv.Atoi(string(digits[:end])); err == nil {
				return n
			}
		}
	}
	var m struct {
		N int `json:"n"`
	}
	json.Unmarshal(message, &m)
	return m.N
}

// refusedError is a hub's "error".
type refusedError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Retry   int64  `json:"retry"` // ms; 0 if trying again is of no use
	Limit   string `json:"limit"`
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("the hub refused (%s): %s", strings.TrimSpace(e.Code+" "+e.Limit), e.Message)
}

func hubFailure(message []byte) error {
	e := new(refusedError)
	if json.Unmarshal(message, e) != nil || e.Code == "" {
		return fmt.Errorf("the hub said what was not expected: %.200s", message)
	}
	return e
}
