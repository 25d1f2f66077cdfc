package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// Limits of LINK.md, section 7.
const (
	saltSize    = 16 // bytes
	maxEntry    = 704
	maxSpeakers = 4096
	maxCounter  = 1<<53 - 1
)

const typeSealed = "sealed"

var (
	errSealed     = errors.New("peer: a signal that can't be opened")
	errNotSealed  = errors.New("peer: a signal that isn't sealed")
	errRepeated   = errors.New("peer: a sealed signal that came before, or is too old to tell")
	errUnreadable = errors.New("peer: an entry that can't be opened")
)

// seal seals what one session says through the hub in a sealed room, and opens what others say: LINK.md, section
// 7. The hub can't read, forge, change, repeat or redirect any of it. Its methods may be called by any number of
// goroutines.
type seal struct {
	// Set at construction.
	key  *roomKey
	self string // member id
	salt string
	own  cipher.AEAD

	mu       sync.Mutex
	n        uint64              // the newest signal's; 0 is the entry
	speakers map[string]*speaker // by member id. None is forgotten, or the hub could repeat what it had said
}

// speaker is another member whose entry was opened.
type speaker struct {
	salt string
	aead cipher.AEAD
	said card
	replayWindow
}

// card is what a member says of itself, for members only.
type card struct {
	Name string         `json:"name"`
	Meta jsontext.Value `json:"meta"`
}

// sealedEntry is the metadata of a member of a sealed room, as the hub has it.
type sealedEntry struct {
	Sealed struct {
		Salt string `json:"salt"`
		Data string `json:"data"`
	} `json:"sealed"`
}

// sealedSignal is the body of a signal in a sealed room.
type sealedSignal struct {
	Type string `json:"type"`
	Salt string `json:"salt"`
	N    uint64 `json:"n"`
	Data string `json:"data"`
}

func newSeal(k *roomKey, self string) *seal {
	var salt [saltSize]byte
	rand.Read(salt[:])
	return newSealWith(k, self, salt)
}

// newSealWith is newSeal for tests, which know the salt. With a salt that was used before, a nonce would be, too.
func newSealWith(k *roomKey, self string, salt [saltSize]byte) *seal {
	return &seal{
		key:      k,
		self:     self,
		salt:     base64.RawURLEncoding.EncodeToString(salt[:]),
		own:      k.sender(self, salt[:]),
		speakers: make(map[string]*speaker),
	}
}

// sender is what a member seals with in one session.
func (k *roomKey) sender(id string, salt []byte) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, k.signals, salt, "snug.v1 sender\x00"+id, roomKeySize)
	if err != nil {
		panic("peer: " + err.Error()) // of sizes that aren't used here
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("peer: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("peer: " + err.Error())
	}
	return aead
}

// entry seals this session's name and metadata, of which there is one pair only: their counter is always 0. The error is
// a sentence.
func (s *seal) entry(name string, meta jsontext.Value) (jsontext.Value, error) {
	if err := signaling.CheckName(name); err != nil {
		return nil, fmt.Errorf("the %w", err)
	}
	if meta == nil {
		meta = jsontext.Value("{}")
	}
	if meta.Kind() != '{' {
		return nil, errors.New("the metadata must be a JSON object")
	}
	plain, err := json.Marshal(card{name, meta})
	if err != nil {
		return nil, fmt.Errorf("name and metadata must be JSON: %w", err)
	}
	if len(plain) > maxEntry {
		return nil, fmt.Errorf("name and metadata are %d bytes of JSON; in a sealed room %d are allowed", len(plain), maxEntry)
	}
	var e sealedEntry
	e.Sealed.Salt = s.salt
	e.Sealed.Data = base64.RawURLEncoding.EncodeToString(s.own.Seal(nil, counterNonce(0), plain, s.entryData(s.self)))
	return json.Marshal(e)
}

// signal seals a signal to another member.
func (s *seal) signal(to string, plain jsontext.Value) jsontext.Value {
	s.mu.Lock()
	s.n++
	n := s.n
	s.mu.Unlock()
	data := s.own.Seal(nil, counterNonce(n), plain, s.signalData(s.self, to, n))
	body, err := json.Marshal(sealedSignal{typeSealed, s.salt, n, base64.RawURLEncoding.EncodeToString(data)})
	if err != nil {
		panic("peer: " + err.Error()) // it is ASCII
	}
	return body
}

// enter opens the entry of a member of the roster. Its name and metadata are what that says, and nothing if there is an error:
// the member has no key, or the hub made the entry. What a member said first stays.
func (s *seal) enter(m signaling.Member) (signaling.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sealed := m.Meta
	m.Name, m.Meta = "", jsontext.Value("{}")
	known := s.speakers[m.ID]
	if known == nil {
		if len(s.speakers) >= maxSpeakers {
			return m, fmt.Errorf("peer: there were %d members already", maxSpeakers)
		}
		var err error
		if known, err = s.meet(m.ID, sealed); err != nil {
			return m, err
		}
		s.speakers[m.ID] = known
	}
	m.Name, m.Meta = known.said.Name, known.said.Meta
	return m, nil
}

func (s *seal) meet(id string, meta jsontext.Value) (*speaker, error) {
	var e sealedEntry
	if json.Unmarshal(meta, &e) != nil {
		return nil, errUnreadable
	}
	salt, err := fromBase64(e.Sealed.Salt)
	data, errData := fromBase64(e.Sealed.Data)
	if err != nil || errData != nil || len(salt) != saltSize {
		return nil, errUnreadable
	}
	aead := s.key.sender(id, salt)
	plain, err := aead.Open(nil, counterNonce(0), data, s.entryData(id))
	if err != nil {
		return nil, errUnreadable
	}
	said, err := decodeCard(plain)
	if err != nil {
		return nil, err
	}
	return &speaker{salt: e.Sealed.Salt, aead: aead, said: said}, nil
}

// decodeCard takes what a member could say openly, too.
func decodeCard(plain jsontext.Value) (card, error) {
	var wire struct {
		Name *string        `json:"name"`
		Meta jsontext.Value `json:"meta"`
	}
	if plain.Kind() != '{' || json.Unmarshal(plain, &wire) != nil || wire.Name == nil || wire.Meta.Kind() != '{' {
		return card{}, errUnreadable
	}
	if signaling.CheckName(*wire.Name) != nil {
		return card{}, errUnreadable
	}
	return card{*wire.Name, wire.Meta}, nil
}

// open opens the body of a signal.
func (s *seal) open(from string, body jsontext.Value) (jsontext.Value, error) {
	var m sealedSignal
	if body.Kind() != '{' || json.Unmarshal(body, &m) != nil {
		return nil, errNotSealed
	}
	data, err := fromBase64(m.Data)
	switch {
	case m.Type != typeSealed:
		return nil, errNotSealed
	case err != nil, m.N == 0, m.N > maxCounter:
		return nil, errSealed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.speakers[from]
	if known == nil || m.Salt != known.salt {
		return nil, errSealed
	}
	if !known.isNew(m.N) {
		return nil, errRepeated
	}
	plain, err := known.aead.Open(nil, counterNonce(m.N), data, s.signalData(from, s.self, m.N))
	if err != nil {
		return nil, errSealed
	}
	known.take(m.N)
	return plain, nil
}

// counterNonce never comes twice under a key: that is drawn anew for each session, and n counts.
func counterNonce(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 4, 12), n) }

// entryData is what an entry is bound to.
func (s *seal) entryData(from string) []byte {
	return []byte("snug.v1 entry\x00" + s.key.room + "\x00" + from)
}

// signalData is what a signal is bound to. No part holds a zero byte.
func (s *seal) signalData(from, to string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte("snug.v1 signal\x00"+s.key.room+"\x00"+from+"\x00"+to+"\x00"), n)
}

func fromBase64(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
