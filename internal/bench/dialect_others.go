package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/snug-chat/snug/signaling"
)

// relayDialect is that of the two relays of this package. The plain one tells the members of a room
// who comes and goes, each change with its number.
type relayDialect struct{}

func (relayDialect) endpoint(room string, _ signaling.Secret) (path, subprotocol string) {
	return "/v1/rooms/" + room, ""
}

func (relayDialect) hello(s signaling.Secret) []byte {
	return fmt.Appendf(nil, `{"id":"%s"}`, s.MemberID())
}

func (relayDialect) welcome(message []byte) (known int, err error) {
	var m plainMessage
	err = json.Unmarshal(message, &m)
	return m.N, err
}

func (relayDialect) signal(to string) []byte {
	return fmt.Appendf(nil, `{"to":"%s","body":%s}`, to, signalBody)
}

func (relayDialect) read(message []byte) event {
	if len(message) >= signalSize {
		return signalTime(message)
	}
	var m plainMessage
	if err := json.Unmarshal(message, &m); err != nil || m.N == 0 {
		return event{kind: eventFailure, err: fmt.Errorf("a relay said what was not expected: %.200s", message)}
	}
	return event{kind: eventRoster, n: m.N}
}

func (relayDialect) acknowledges() bool { return false }

// peerjsDialect is that of the PeerJS server, which has no rooms.
type peerjsDialect struct{}

func (peerjsDialect) endpoint(_ string, s signaling.Secret) (path, subprotocol string) {
	query := url.Values{"key": {"peerjs"}, "id": {s.MemberID()}, "token": {"bench"}, "version": {"1.5.5"}}
	return "/peerjs?" + query.Encode(), ""
}

func (peerjsDialect) hello(signaling.Secret) []byte { return nil }

func (peerjsDialect) welcome(message []byte) (known int, err error) {
	if !bytes.Contains(message, []byte(`"OPEN"`)) {
		return 0, fmt.Errorf("the PeerJS server said what was not expected: %.200s", message)
	}
	return 0, nil
}

func (peerjsDialect) signal(to string) []byte {
	return fmt.Appendf(nil, `{"type":"OFFER","dst":"%s","payload":%s}`, to, signalBody)
}

func (peerjsDialect) read(message []byte) event {
	if len(message) >= signalSize {
		return signalTime(message)
	}
	return event{kind: eventFailure, err: errors.New("the PeerJS server said: " + string(message))}
}

func (peerjsDialect) acknowledges() bool { return false }
