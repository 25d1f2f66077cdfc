package peer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of LINK.md, section 3.
const (
	maxSDP                = 32 << 10 // bytes
	maxCandidate          = 1 << 10  // bytes
	maxMid                = 64       // bytes
	maxCandidatesInSignal = 64
	maxCandidatesForOffer = 128
)

// Types of signals.
const (
	signalOffer      = "offer"
	signalAnswer     = "answer"
	signalCandidates = "candidates"
	signalNeedOffer  = "need-offer"
)

// signal is what goes through the hub to the other member of a link.
type signal struct {
	Type       string      `json:"type"`
	N          uint32      `json:"n"`                // the offer's number
	Carrier    uint32      `json:"carrier,omitzero"` // offer and answer: which of the link's it is about, from 1
	SDP        string      `json:"sdp,omitzero"`
	Candidates []candidate `json:"candidates,omitzero"`
	End        bool        `json:"end,omitzero"`      // no more candidates will come
	Fresh      bool        `json:"fresh,omitzero"`    // need-offer: for another carrier
	Identity   *proof      `json:"identity,omitzero"` // offer and answer, in a sealed room
}

// candidate is an ICE candidate (RFC 8839 §5.1).
type candidate struct {
	Candidate string  `json:"candidate"`
	Mid       string  `json:"mid,omitzero"`
	Line      *uint16 `json:"line,omitzero"`
}

// begins tells whether the other side has just made the link.
func (s signal) begins() bool {
	return s.Type == signalOffer && s.N == 1 || s.Type == signalNeedOffer && s.N == 0
}

func (s signal) encode() jsontext.Value {
	if s.Type == signalCandidates && s.Candidates == nil {
		s.Candidates = []candidate{}
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic("peer: " + err.Error()) // descriptions are UTF-8
	}
	return text
}

// decodeSignal returns errIgnored for types it doesn't know.
func decodeSignal(data jsontext.Value) (signal, error) {
	var wire struct {
		Type       *string        `json:"type"`
		N          *uint32        `json:"n"`
		Carrier    uint32         `json:"carrier"`
		SDP        string         `json:"sdp"`
		Candidates []candidate    `json:"candidates"`
		End        bool           `json:"end"`
		Fresh      bool           `json:"fresh"`
		Identity   jsontext.Value `json:"identity"`
	}
	if data.Kind() != '{' {
		return signal{}, errors.New("peer: a signal must be an object")
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return signal{}, fmt.Errorf("peer: signal: %w", err)
	}
	if wire.Type == nil {
		return signal{}, errors.New("peer: signal without a type")
	}
	s := signal{Type: *wire.Type, SDP: wire.SDP, Carrier: wire.Carrier, Candidates: wire.Candidates, End: wire.End, Fresh: wire.Fresh}
	switch s.Type {
	case signalOffer, signalAnswer, signalCandidates, signalNeedOffer:
	default:
		return s, errIgnored
	}
	if wire.N == nil {
		return s, fmt.Errorf("peer: %s without n", s.Type)
	}
	s.N = *wire.N
	if p, err := decodeProof(wire.Identity); err == nil {
		s.Identity = &p // else it counts as none: open rooms don't look at it
	}
	return s, s.check()
}

func (s signal) check() error {
	if s.N == 0 && s.Type != signalNeedOffer {
		return fmt.Errorf("peer: %s number 0", s.Type)
	}
	described := s.Type == signalOffer || s.Type == signalAnswer
	if described && s.Carrier == 0 {
		return fmt.Errorf("peer: %s for no carrier", s.Type)
	}
	if described && (s.SDP == "" || len(s.SDP) > maxSDP) {
		return fmt.Errorf("peer: %s with %d bytes of sdp", s.Type, len(s.SDP))
	}
	if len(s.Candidates) > maxCandidatesInSignal {
		return fmt.Errorf("peer: %d candidates at once", len(s.Candidates))
	}
	for _, c := range s.Candidates {
		if len(c.Candidate) > maxCandidate || len(c.Mid) > maxMid {
			return errors.New("peer: a candidate that is too long")
		}
	}
	return nil
}
