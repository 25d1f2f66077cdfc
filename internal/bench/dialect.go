package bench

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/snug-chat/snug/signaling"
)

const signalSize = 1 << 10 // bytes of a signal's body

// A signal carries the time at which it should have been sent, in as many digits each
// time: ns since the program began, plus firstTime.
const (
	firstTime  = 1_000_000_000_000_000
	timeDigits = 16
	timeName   = `"at":`
)

// signalBody is as long as asked for and made of what session descriptions are
// made of, escaped line ends among it.
var signalBody = func() string {
	head, tail := fmt.Sprintf(`{"type":"offer",%s%d,"sdp":"`, timeName, firstTime), `"}`
	sdp := strings.Repeat(`a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n`, signalSize/32)
	sdp = strings.TrimSuffix(sdp[:signalSize-len(head)-len(tail)], `\`)
	return head + sdp + strings.Repeat("0", signalSize-len(head)-len(sdp)-len(tail)) + tail
}()

// dialect is how a server is spoken to.
type dialect interface {
	// endpoint is the path and query of a room, and the subprotocol to ask for.
	endpoint(room string, s signaling.Secret) (path, subprotocol string)
	// hello is the first message; nil if there is none.
	hello(s signaling.Secret) []byte
	// welcome reads the first answer. known is the roster's version.
	welcome(message []byte) (known int, err error)
	// signal is one for a member, with signalBody.
	signal(to string) []byte
	// read tells what a later message is.
	read(message []byte) event
	// acknowledges tells whether signals and their like must be acknowledged.
	acknowledges() bool
}

// event is what a message means to a load.
type event struct {
	kind eventKind
	at   int64 // of a signal: when it should have been sent, in ns since the program began
	n    int   // of a roster: its version
	err  error // of a failure
}

type eventKind int

const (
	eventOther         eventKind = iota
	eventSignal                  // counted
	eventUndeliverable           // counted; err says more
	eventRoster
	eventFailure
)

// signalTime finds the time in a message that holds signalBody.
func signalTime(message []byte) event {
	i := bytes.Index(message, []byte(timeName))
	if i < 0 || len(message) < i+len(timeName)+timeDigits {
		return event{kind: eventFailure, err: fmt.Errorf("a message that was not expected: %.200s", message)}
	}
	digits := message[i+len(timeName):][:timeDigits]
	at := int64(0)
	for _, d := range digits {
		at = at*10 + int64(d-'0')
	}
	return event{kind: eventSignal, at: at - firstTime}
}
