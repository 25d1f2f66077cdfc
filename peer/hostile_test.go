package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// raw is a frame as it travels, whatever it says.
func raw(kind, flags byte, channel uint16, sequence uint32, payload string) []byte {
	b := []byte{kind, flags}
	b = binary.BigEndian.AppendUint16(b, channel)
	b = binary.BigEndian.AppendUint32(b, sequence)
	return append(b, payload...)
}

type hostileFrame struct {
	kind, flags byte
	channel     uint16
	payload     string
}

// piece is a message frame whose payload begins so and has this length.
func piece(channel uint16, flags byte, begins string, length int) []hostileFrame {
	return []hostileFrame{{frameMessage, flags, channel, begins + strings.Repeat("x", length-len(begins))}}
}

func repeat(times int, f []hostileFrame) []hostileFrame { return slices.Repeat(f, times) }

// opens opens channels, up to id last as far as ids go.
func opens(last int) (all []hostileFrame) {
	for id := min(1, last); id <= last; id++ {
		all = append(all, hostileFrame{kind: frameOpen, channel: uint16(id), payload: fmt.Sprintf(`{"name":"n%d","kind":"messages"}`, id)})
	}
	return all
}

func TestBrokenFramesEndTheirLinkOnly(t *testing.T) {
	send := func(id int, data []byte) func(*Link) error {
		return func(l *Link) error { return l.carrier.Load().put(id, data) }
	}
	// all sends frames by their kind and what is in them; the last that can be sent is enough.
	all := func(each ...[]hostileFrame) func(*Link) error {
		return func(l *Link) error {
			for _, f := range slices.Concat(each...) {
				carried, err := l.begin(t.Context(), maxFrame)
				if err != nil {
					return nil // it has been ended already
				}
				l.emit(frame{kind: f.kind, flags: f.flags, channel: f.channel}, carried, []byte(f.payload))
			}
			return nil
		}
	}
	say := func(text string) func(*Link) error {
		return func(l *Link) error { return l.writeControl(t.Context(), []byte(text)) }
	}
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	for name, attack := range map[string]func(*Link) error{
		"too short":             send(dataReliable, raw(frameMessage, 0, 0, 1, "")[:7]),
		"too long":              send(dataReliable, raw(frameMessage, 0, 0, 1, strings.Repeat("x", maxPayload+1))),
		"far too long":          send(dataReliable, make([]byte, 60_000)),
		"not UTF-8":             send(dataReliable, raw(frameMessage, flagText, 0, 1, "\xff")),
		"skipped sequence":      send(dataReliable, raw(frameMessage, 0, 0, 2, "x")),
		"repeated sequence":     send(dataReliable, raw(frameMessage, 0, 0, 0, "x")),
		"control no JSON":       say("bye"),
		"control no object":     say("[]"),
		"too much acknowledged": say(`{"type":"ack","frames":1}`),
		"hello takes nothing":   say(`{"type":"hello","message":-1,"channels":64}`),
		"hello overflows":       say(`{"type":"hello","message":1e400,"channels":64}`),
		"negative window":       say(`{"type":"ack","windows":{"0":-1}}`),
		"window of no id":       say(`{"type":"ack","windows":{"65536":1}}`),
		"4 GiB announced":       all(piece(0, flagMore|flagSized, "\xff\xff\xff\xff", maxPayload)),
		"longer than allowed":   all(piece(0, flagMore|flagSized, "\x00\x80\x00\x01", maxPayload)),
		"a length that lies":    all(piece(0, flagMore|flagSized, "\x00\x00\x40\x00", maxPayload), piece(0, 0, "", 100)),
		"endless":               all(piece(0, flagMore|flagSized, "\x00\x00\x80\x00", maxPayload), repeat(100, piece(0, flagMore, "", maxPayload))),
		"in crumbs":             all(piece(0, flagMore|flagSized, "\x00\x00\x80\x00", 5)),
		"a window overrun":      all(repeat(20, piece(0, 0, "", maxPayload))),
		"a window of nothings":  all(repeat(firstWindow/frameCost+1, piece(0, 0, "", 0))),
		"dropped from nowhere":  all(piece(0, flagDropped, "", 0)),
		"a channel not opened":  all(piece(7, 0, "x", 1)),
		"a million channels":    all(opens(1_000_000)),
		"channel 0 opened":      all(opens(0)),
		"channel 0 closed":      send(dataReliable, raw(frameClose, 0, 0, 1, "")),
		"an open without words": send(dataReliable, raw(frameOpen, 0, 1, 1, "")),
		"a key without end":     send(dataUnreliable, raw(frameMessage, flagKeyed, 0, 1, "\xffx")),
		"string message": func(l *Link) error {
			_, err := l.carrier.Load().raw[dataReliable].WriteDataChannel(raw(frameMessage, 0, 0, 1, "x"), true)
			return err
		},
		"foreign data channel": func(l *Link) error {
			_, err := l.carrier.Load().pc.CreateDataChannel("mine", nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			mal := h.join("Mal")
			defer mal.Close(context.Background())
			until(t, mal, live(2))
			until(t, ann, func([]Member) bool {
				l := ann.Link(mal.Self().ID)
				return l != nil && l.Member().State == LinkLive
			})
			link := ann.Link(mal.Self().ID)
			if err := attack(mal.Link(ann.Self().ID)); err != nil {
				t.Fatal(err)
			}
			until(t, ann, func([]Member) bool { return isClosed(link.gone) })
			if cause := link.Member().Cause; cause != CauseRefused {
				t.Errorf("ended as %s", cause)
			}
			if err := ann.Link(bob.Self().ID).Send(t.Context(), Text("still here")); err != nil {
				t.Error(err)
			}
			hears(t, bob, "Ann", "still here")
		})
	}
}

func TestFramesOfLaterVersionsAreIgnored(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	link := bob.Link(ann.Self().ID)
	for _, f := range [][]byte{
		raw(9, 0, 0, 1, "another type"),
		raw(frameControl, 0, 0, 2, "control, but not on its data channel"),
		raw(frameMessage, 32, 0, 3, "another flag"),
		raw(frameMessage, flagText, 0, 4, "known"),
	} {
		if _, err := link.carrier.Load().raw[dataReliable].Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := link.writeControl(t.Context(), []byte(`{"type":"dance"}`)); err != nil {
		t.Fatal(err)
	}
	hears(t, ann, "Bob", "known")
	if s := ann.Link(bob.Self().ID).State(); s != LinkLive {
		t.Errorf("the link is %s", s)
	}
}

func TestHostileSignalsAreDropped(t *testing.T) {
	h := newTestHub(t)
	ann, err := Join(t.Context(), h.invite, &Options{Name: "Ann"})
	if err != nil {
		t.Fatal(err)
	}
	defer ann.Close(context.Background())
	to, _ := signaling.ParseInvite(h.invite)
	mal, err := signaling.Dial(t.Context(), to, signaling.Hello{Secret: signaling.NewSecret(), Name: "Mal", Kind: kindBrowser}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer mal.Close()
	go func() { // what Ann answers doesn't matter
		for {
			if _, err := mal.Receive(t.Context()); err != nil {
				return
			}
		}
	}()
	many := strings.TrimSuffix(strings.Repeat(`{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","mid":"0"},`, maxCandidatesInSignal), ",")
	bodies := []string{
		`1`, `{}`, `{"type":"offer"}`, `{"type":"dance","n":1}`,
		`{"type":"offer","n":1,"carrier":1,"sdp":"hello"}`,
		`{"type":"offer","n":1,"carrier":1,"sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}`,
		`{"type":"answer","n":1,"carrier":1,"sdp":"v=0"}`,
		`{"type":"need-offer","n":0}`,
		fmt.Sprintf(`{"type":"offer","n":2,"carrier":1,"sdp":"%s"}`, strings.Repeat("x", maxSDP+1)),
	}
	for n := range 20 {
		bodies = append(bodies, fmt.Sprintf(`{"type":"candidates","n":%d,"candidates":[%s]}`, n+1, many))
	}
	for _, body := range bodies {
		if _, err := mal.Signal(t.Context(), ann.Self().ID, jsontext.Value(body)); err != nil {
			t.Fatal(err)
		}
	}
	bob := h.join("Bob")
	until(t, bob, func(m []Member) bool { return len(m) == 2 && m[0].State == LinkLive })
	if err := bob.Link(ann.Self().ID).Send(t.Context(), Text("hello")); err != nil {
		t.Fatal(err)
	}
	hears(t, ann, "Bob", "hello")
	if s := ann.Link(mal.Welcome().You).State(); s != LinkConnecting {
		t.Errorf("the link to Mal is %s", s)
	}
}

func TestFloodOfControlMessagesIsBounded(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, bob, live(1))
	link := bob.Link(ann.Self().ID)
	const count = 2000
	for range count {
		payload := append([]byte(`{"type":"dance"}`), bytes.Repeat([]byte(" "), 100)...)
		if err := link.writeControl(within(t, 20*time.Second), payload); err != nil {
			t.Fatal(err)
		}
	}
	says(t, bob, "and on")
	hears(t, ann, "Bob", "and on")
}

func TestALinkGivenUpByOneSideIsMadeAnew(t *testing.T) {
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	offerer, answerer := ann, bob
	if !ann.Link(bob.Self().ID).machine.offerer {
		offerer, answerer = bob, ann
	}
	for _, forgetful := range []*Room{offerer, answerer} {
		other := offerer
		if forgetful == offerer {
			other = answerer
		}
		old, kept := forgetful.Link(other.Self().ID), other.Link(forgetful.Self().ID)
		// As when only this side's path to the other has failed: nothing is said on
		// the link, and the hub's connection comes back.
		old.mail.post(func() { old.over = true; forgetful.linkChanged(old, LinkGone, CauseICE) })
		until(t, forgetful, func(m []Member) bool { return m[0].State == LinkGone })
		forgetful.mu.Lock()
		forgetful.meet(old.entry)
		forgetful.mu.Unlock()
		<-kept.gone
		until(t, forgetful, live(1))
		until(t, other, live(1))
		says(t, forgetful, "here again")
		hears(t, other, forgetful.Self().Name, "here again")
		says(t, other, "so am I")
		hears(t, forgetful, other.Self().Name, "so am I")
	}
}
