package peer

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

const channelTracesFile = "../signaling/testdata/channel-traces.json"

// channelTrace is what happens to the bookkeeping of a link's channels, at the receiving side ("in") or at the
// sending one ("out"), and what comes of it.
type channelTrace struct {
	Name  string        `json:"name"`
	Side  string        `json:"side"`
	Steps []channelStep `json:"steps"`
}

type channelStep struct {
	Do string `json:"do"`

	// frame: its payload is hex, text and so many zeros, in this order.
	On       int    `json:"on,omitzero"` // data channel; 0: 1
	Type     byte   `json:"type,omitzero"`
	Flags    byte   `json:"flags,omitzero"`
	Channel  uint16 `json:"channel,omitzero"`
	Sequence uint32 `json:"sequence,omitzero"` // 0: the next
	Hex      string `json:"hex,omitzero"`
	Text     string `json:"text,omitzero"`
	Zeros    int    `json:"zeros,omitzero"`
	Times    int    `json:"times,omitzero"` // 0: once

	Message  int               `json:"message,omitzero"`  // hello
	Channels int               `json:"channels,omitzero"` // hello
	Kind     string            `json:"kind,omitzero"`     // open
	Size     int               `json:"size,omitzero"`     // send
	Frames   uint64            `json:"frames,omitzero"`   // ack
	Windows  map[uint16]uint64 `json:"windows,omitempty"` // ack
	Opens    uint64            `json:"opens,omitzero"`    // ack

	Got []channelGot `json:"got,omitempty"`

	// Afterwards, in: how soon an acknowledgement is due, and what of the link's pools is in use.
	Due        string `json:"due,omitzero"`
	Reserved   int    `json:"reserved,omitzero"`
	Wider      int    `json:"wider,omitzero"`
	Unreliable int    `json:"unreliable,omitzero"`
}

type channelGot struct {
	What    string `json:"what"`
	Channel uint16 `json:"channel,omitzero"`
	Name    string `json:"name,omitzero"`
	Kind    string `json:"kind,omitzero"`
	Answers uint16 `json:"answers,omitzero"`
	Dropped bool   `json:"dropped,omitzero"`
	Text    bool   `json:"text,omitzero"`
	Size    int    `json:"size,omitzero"` // in bytes; of pieces of a long message that were sent, how many
	Begins  string `json:"begins,omitzero"`
	Key     string `json:"key,omitzero"`
	Times   int    `json:"times,omitzero"`

	Spent   uint64            `json:"spent,omitzero"` // in all on the channel
	Frames  uint64            `json:"frames,omitzero"`
	Windows map[uint16]uint64 `json:"windows,omitempty"`
	Opens   uint64            `json:"opens,omitzero"`
}

type channelTraces struct {
	About string         `json:"about"`
	Cases []channelTrace `json:"cases"`
}

// The same traces drive the bookkeeping in TypeScript.
func TestChannelsFollowTheTraces(t *testing.T) {
	var all channelTraces
	readTraces(t, channelTracesFile, &all)
	if len(all.Cases) < 30 {
		t.Fatalf("only %d traces", len(all.Cases))
	}
	for i := range all.Cases {
		c := &all.Cases[i]
		t.Run(c.Name, func(t *testing.T) {
			switch c.Side {
			case "in":
				followIn(t, c)
			case "out":
				followOut(t, c)
			default:
				t.Fatal("neither side")
			}
		})
	}
	if *update {
		writeChannelTraces(t, all)
	}
}

// same compares what came of a step to what should have, or takes it over.
func (s *channelStep) same(t *testing.T, i int, now channelStep) {
	t.Helper()
	if *update {
		*s = now
		return
	}
	if got, want := jsonText(t, now), jsonText(t, *s); got != want {
		t.Fatalf("step %d:\n got %s\nwant %s", i, got, want)
	}
}

type inTrace struct {
	*inbound
	sequences map[uint16]uint32 // of data channel 2
	waiting   map[uint16][]arrival
}

func followIn(t *testing.T, c *channelTrace) {
	in := inTrace{newInbound(), map[uint16]uint32{}, map[uint16][]arrival{}}
	for i := range c.Steps {
		if i > 0 && len(c.Steps[i-1].Got) == 1 && c.Steps[i-1].Got[0].What == "refused" {
			t.Fatalf("step %d comes after the end", i)
		}
		now := c.Steps[i]
		now.Got = nil
		for range max(1, now.Times) {
			for _, g := range in.step(t, now) {
				now.Got = addGot(t, now.Got, g)
			}
		}
		now.Due = map[urgency]string{urgentSoon: "soon", urgentNow: "now"}[in.due]
		now.Reserved, now.Wider, now.Unreliable = in.reserved, in.wider, in.unreliable
		c.Steps[i].same(t, i, now)
	}
}

func addGot(t *testing.T, all []channelGot, g channelGot) []channelGot {
	if len(all) > 0 {
		last := &all[len(all)-1]
		was := *last
		was.Times = 0
		if jsonText(t, was) == jsonText(t, g) {
			last.Times = max(1, last.Times) + 1
			return all
		}
	}
	return append(all, g)
}

func (in *inTrace) step(t *testing.T, s channelStep) []channelGot {
	switch s.Do {
	case "frame":
		return in.frame(t, s)
	case "take":
		all := in.waiting[s.Channel]
		if len(all) == 0 {
			return []channelGot{{What: "nothing"}}
		}
		a := all[0]
		in.waiting[s.Channel] = all[1:]
		key := ""
		if a.keyed != nil {
			key = a.keyed.key
		}
		data, text := in.taken(a)
		g := gotMessage("taken", s.Channel, data, text)
		g.Key = key
		return []channelGot{g}
	case "refuse":
		in.refuse(in.channels[s.Channel])
	case "carrier":
		in.resume()
	case "unsaid":
		in.resay()
	case "ack":
		ack := in.acknowledge()
		return []channelGot{{What: "ack", Frames: ack.Frames, Windows: ack.Windows, Opens: ack.Opens}}
	default:
		t.Fatalf("nobody knows how to %s", s.Do)
	}
	return nil
}

func payloadOf(t *testing.T, s channelStep) string {
	t.Helper()
	begin, err := hex.DecodeString(s.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return string(begin) + s.Text + strings.Repeat("\x00", s.Zeros)
}

func (in *inTrace) frame(t *testing.T, s channelStep) []channelGot {
	data := raw(s.Type, s.Flags, s.Channel, s.Sequence, payloadOf(t, s))
	take := in.take
	switch {
	case s.On == dataUnreliable:
		take = in.takeUnreliable
		if s.Sequence == 0 {
			in.sequences[s.Channel]++
			binary.BigEndian.PutUint32(data[4:], in.sequences[s.Channel])
		}
	case s.Sequence == 0:
		binary.BigEndian.PutUint32(data[4:], uint32(in.frames)+1)
	}
	a, err := take(data)
	if err != nil {
		if !errors.Is(err, errFrame) {
			t.Fatal(err)
		}
		return []channelGot{{What: "refused"}}
	}
	return in.got(a)
}

func (in *inTrace) got(a arrival) []channelGot {
	switch a.kind {
	case arrivedOpen, arrivedStrange:
		what := map[arrivalType]string{arrivedOpen: "open", arrivedStrange: "strange"}[a.kind]
		return []channelGot{{What: what, Channel: a.channel.id, Name: a.channel.name, Kind: a.channel.kind, Answers: a.channel.answers}}
	case arrivedMessage:
		in.waiting[a.channel.id] = append(in.waiting[a.channel.id], a)
		data, text := a.data, a.text
		key := ""
		if a.keyed != nil {
			data, text, key = a.keyed.data, a.keyed.text, a.keyed.key
		}
		g := gotMessage("message", a.channel.id, data, text)
		g.Key = key
		return []channelGot{g}
	case arrivedClose:
		return []channelGot{{What: "close", Channel: a.channel.id, Dropped: a.dropped}}
	case arrivedStop:
		return []channelGot{{What: "stop", Channel: a.id}}
	}
	return nil
}

func gotMessage(what string, channel uint16, data []byte, text bool) channelGot {
	return channelGot{What: what, Channel: channel, Size: len(data), Text: text, Begins: hex.EncodeToString(data[:min(len(data), 8)])}
}

type outTrace struct {
	*outbound
	sent uint64         // frames
	left map[uint16]int // bytes of the long message that aren't sent
}

func followOut(t *testing.T, c *channelTrace) {
	o := outTrace{newOutbound(), 0, map[uint16]int{}}
	for i := range c.Steps {
		now := c.Steps[i]
		now.Got = nil
		for range max(1, now.Times) {
			for _, g := range o.step(t, now) {
				now.Got = addGot(t, now.Got, g)
			}
		}
		c.Steps[i].same(t, i, now)
	}
}

func (o *outTrace) step(t *testing.T, s channelStep) []channelGot {
	c := o.channels[s.Channel]
	if c == nil && s.Do != "stop" {
		return []channelGot{{What: "nothing"}}
	}
	switch s.Do {
	case "hello":
		if o.hello(s.Message, s.Channels) != nil {
			return []channelGot{{What: "refused"}}
		}
	case "open":
		return o.opens(s)
	case "send":
		if !c.fits(costOf(s.Size)) {
			return []channelGot{{What: "wait"}}
		}
		o.sent++
		c.spend(costOf(s.Size))
		return []channelGot{{What: "sent", Spent: c.spent}}
	case "long", "more":
		if s.Do == "long" {
			c.begin(s.Size)
			o.left[c.id] = s.Size + sizedHeader
		}
		pieces := 0
		for o.left[c.id] > 0 && c.fits(min(o.left[c.id], maxPayload)+frameCost) {
			c.spend(min(o.left[c.id], maxPayload) + frameCost)
			o.left[c.id] -= min(o.left[c.id], maxPayload)
			o.sent++
			pieces++
		}
		what := "sent"
		if o.left[c.id] > 0 {
			what = "wait"
		}
		return []channelGot{{What: what, Size: pieces, Spent: c.spent}}
	case "drop":
		o.sent++
		c.drop()
		return []channelGot{{What: "sent", Spent: c.spent}}
	case "close":
		o.sent++
		o.close(c, o.sent)
	case "ack":
		o.acknowledged(s.Frames, s.Windows, s.Opens)
	case "stop":
		if c := o.stop(s.Channel); c != nil {
			return []channelGot{{What: "close", Channel: c.id}}
		}
	default:
		t.Fatalf("nobody knows how to %s", s.Do)
	}
	return nil
}

func (o *outTrace) opens(s channelStep) []channelGot {
	c, err := o.open(s.Text, s.Kind)
	if err != nil {
		what := map[error]string{errUnheard: "unheard", errOpens: "wait", errTwice: "twice"}[err]
		return []channelGot{{What: what}}
	}
	o.sent++
	return []channelGot{{What: "opened", Channel: c.id}}
}

func writeChannelTraces(t *testing.T, all channelTraces) {
	t.Helper()
	var b strings.Builder
	b.WriteString("{\n  \"about\": " + jsonText(t, all.About) + ",\n  \"cases\": [")
	for i, c := range all.Cases {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    {\"name\": " + jsonText(t, c.Name) + ", \"side\": " + jsonText(t, c.Side) + ", \"steps\": [")
		for j, s := range c.Steps {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n      " + jsonText(t, s))
		}
		b.WriteString("\n    ]}")
	}
	b.WriteString("\n  ]\n}\n")
	if !jsontext.Value(b.String()).IsValid() {
		t.Fatal("the traces would be no JSON")
	}
	if err := os.WriteFile(channelTracesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
