package bench

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/snug-chat/snug/signaling"
)

// served is a frame as a server sends it.
func served(first byte, payload string) string {
	frame, start := clientFrame(first&0xF, []byte(payload), [4]byte{})
	header := bytes.Clone(frame[:start-4]) // without the key
	header[0] = first
	header[1] &^= maskedFlag
	return string(header) + payload
}

func reader(text string) *frameReader {
	return &frameReader{Reader: bufio.NewReaderSize(strings.NewReader(text), readBuffer)}
}

func TestFramesAreReadWhole(t *testing.T) {
	long, longer := strings.Repeat("long ", 1000), strings.Repeat("longer ", 10_000)
	r := reader(served(finalFragment|opText, "short") + served(finalFragment|opText, long) + served(finalFragment|opPing, "ping") +
		served(opText, "in ") + served(opContinuation, "three ") + served(finalFragment|opPong, "pong") + served(finalFragment|opContinuation, "fragments") +
		served(finalFragment|opText, longer) + served(finalFragment|opText, ""))
	for _, want := range []struct {
		op   byte
		text string
	}{
		{opText, "short"}, {opText, long}, {opPing, "ping"}, {opPong, "pong"}, {opText, "in three fragments"}, {opText, longer}, {opText, ""},
	} {
		op, payload, err := r.next()
		if err != nil || op != want.op || string(payload) != want.text {
			t.Fatalf("%x, %.40q, %v; want %x, %.40q", op, payload, err, want.op, want.text)
		}
	}
}

func TestFramesThatNoServerSendsAreErrors(t *testing.T) {
	masked, _ := clientFrame(opText, []byte("masked"), [4]byte{1, 2, 3, 4})
	for text, want := range map[string]error{
		string(masked): errMasked,
		string([]byte{finalFragment | opText, 127, 0, 0, 1, 0, 0, 0, 0, 0}):      errTooLong,
		string([]byte{finalFragment | opText, 127, 255, 0, 0, 0, 0, 0, 0, 0}):    errTooLong,
		served(opText, "a") + served(opContinuation, strings.Repeat("a", 1<<20)): errTooLong,
	} {
		if _, _, err := reader(text).next(); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
}

func TestEachDialectReadsTheTimeOfItsSignal(t *testing.T) {
	const at = 123_456_789
	body := strings.Replace(signalBody, "1000000000000000", "1000000123456789", 1)
	if len(body) != signalSize {
		t.Fatalf("a signal's body has %d bytes", len(body))
	}
	id := signaling.NewSecret().MemberID()
	for name, test := range map[string]struct {
		dialect dialect
		message string
	}{
		"snug":              {snugDialect{}, `{"type":"signal","from":"` + id + `","body":` + body + `}`},
		"snug, other order": {snugDialect{}, `{"body":` + body + `,"from":"` + id + `","type":"signal"}`},
		"relay":             {relayDialect{}, `{"from":"` + id + `","body":` + body + `}`},
		"PeerJS":            {peerjsDialect{}, `{"type":"OFFER","src":"` + id + `","dst":"` + id + `","payload":` + body + `}`},
	} {
		if e := test.dialect.read([]byte(test.message)); e.kind != eventSignal || e.at != at {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestRosterVersionIsReadWhereverItStands(t *testing.T) {
	for _, message := range []string{
		`{"type":"roster","epoch":"b2Jz","n":12,"joined":[{"id":"x","joined":9}]}`,
		`{"type":"roster","joined":[{"id":"x","joined":9,"meta":{"n":5}}],"epoch":"b2Jz","n":12}`,
		`{"n":12,"type":"roster"}`,
	} {
		if e := (snugDialect{}).read([]byte(message)); e.kind != eventRoster || e.n != 12 {
			t.Errorf("%s: %+v", message, e)
		}
	}
}

func TestWhatAServerShouldNotSayIsAFailure(t *testing.T) {
	for _, message := range []string{`{"type":"error","code":"limit","limit":"joins","message":"Too many."}`, `{"type":`, `{"type":"signal","body":1}`} {
		if e := (snugDialect{}).read([]byte(message)); e.kind != eventFailure || e.err == nil {
			t.Errorf("%s: %+v", message, e)
		}
	}
	if e := (snugDialect{}).read([]byte(`{"type":"undeliverable","to":"x","signal":1,"reason":"gone"}`)); e.kind != eventUndeliverable || e.err == nil {
		t.Errorf("%+v", e)
	}
	if e := (snugDialect{}).read([]byte(`{"type":"ack","received":3}`)); e.kind != eventOther {
		t.Errorf("%+v", e)
	}
}
