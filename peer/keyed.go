package peer

import (
	"bytes"
	"unicode/utf8"
)

// keyState is the newest message of a key, on an unreliable channel.
type keyState struct {
	key      string
	sequence uint32
	stamp    uint64 // of the newest update
	waits    bool   // the application hasn't taken it
	text     bool
	data     []byte
}

// takeUnreliable takes a frame of data channel 2. What can't be placed is dropped: it may be early, or late.
func (in *inbound) takeUnreliable(data []byte) (arrival, error) {
	f, err := decodeFrame(data)
	if err == errIgnored || err == nil && f.kind != frameMessage {
		return arrival{}, nil
	}
	if err != nil || f.flags&(flagMore|flagSized|flagDropped) != 0 {
		return arrival{}, errFrame
	}
	key, payload := "", f.payload
	if f.flags&flagKeyed != 0 {
		if len(payload) == 0 || payload[0] == 0 || payload[0] > maxKey || len(payload) < 1+int(payload[0]) {
			return arrival{}, errFrame
		}
		n := 1 + int(payload[0])
		key, payload = string(payload[1:n]), payload[n:]
	}
	text := f.flags&flagText != 0
	if text && !utf8.Valid(payload) {
		return arrival{}, errFrame
	}
	c := in.channels[f.channel]
	if c == nil || c.refused || c.id != 0 && c.kind != kindUnreliable {
		return arrival{}, nil
	}
	a := arrival{kind: arrivedMessage, channel: c, text: text, lossy: true}
	if key != "" {
		return in.takeKeyed(a, key, f.sequence, payload), nil
	}
	cost := len(payload) + frameCost
	if in.unreliable+cost > maxUnreliable {
		return arrival{}, nil
	}
	in.unreliable += cost
	c.unread++
	a.data = bytes.Clone(payload)
	return a, nil
}

// takeKeyed keeps the newest message of a key. One that waits is replaced.
func (in *inbound) takeKeyed(a arrival, key string, sequence uint32, payload []byte) arrival {
	c := a.channel
	k := c.keys[key]
	if k != nil && int32(sequence-k.sequence) <= 0 {
		return arrival{}
	}
	cost := len(payload) + frameCost
	if k != nil && k.waits {
		cost -= len(k.data) + frameCost
	}
	if in.unreliable+cost > maxUnreliable {
		return arrival{}
	}
	in.unreliable += cost
	if k == nil {
		k = c.addKey(key)
	}
	waited := k.waits
	c.stamp++
	k.sequence, k.stamp, k.waits, k.text, k.data = sequence, c.stamp, true, a.text, bytes.Clone(payload)
	if waited {
		return arrival{}
	}
	c.unread++
	a.keyed = k
	return a
}

// addKey remembers a key, and forgets the one that was updated longest ago if there are too many.
func (c *inChannel) addKey(key string) *keyState {
	if c.keys == nil {
		c.keys = map[string]*keyState{}
	}
	if len(c.keys) >= maxKeys {
		var oldest *keyState
		for _, k := range c.keys {
			if oldest == nil || k.stamp < oldest.stamp {
				oldest = k
			}
		}
		delete(c.keys, oldest.key)
	}
	k := &keyState{key: key}
	c.keys[key] = k
	return k
}

// takenLossy is taken for an unreliable message.
func (in *inbound) takenLossy(a arrival) (data []byte, text bool) {
	data, text = a.data, a.text
	if k := a.keyed; k != nil {
		data, text = k.data, k.text
		k.waits, k.data = false, nil
	}
	in.unreliable -= len(data) + frameCost
	a.channel.unread--
	in.free(a.channel)
	return data, text
}
