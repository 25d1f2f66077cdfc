package signaling

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Subprotocol is the WebSocket subprotocol that names version and encoding.
const Subprotocol = "snug.v1"

// Limits of snug.v1 that aren't configurable. Sizes are in bytes.
const (
	maxRoomName  = 128
	maxHello     = 8 << 10
	maxName      = 128
	maxKind      = 16
	maxMeta      = 1 << 10
	maxToken     = 4 << 10
	maxSession   = 32
	secretSize   = 32
	memberIDSize = 16
)

// Message is one message of the protocol, to the hub ([Hello], [Signal], [Token],
// [Kick], [Lock], [Report]), from it ([Welcome], [RosterChange], [Signal], [Undeliverable],
// [ICE], [Granted], [Kicked], [Error]), or both ([Ack], [Ping], [Pong]).
type Message interface{ messageType() string }

// Secret proves a session. It is drawn by the client, kept in memory only and
// said to nobody but the hub.
type Secret [secretSize]byte

// NewSecret draws a secret from the operating system's random source.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails: crypto/rand ends the process instead
	return s
}

// MemberID is the id of the member that s proves: the first 128 bits of its
// SHA-256 in base64url.
func (s Secret) MemberID() string {
	sum := sha256.Sum256(s[:])
	return base64.RawURLEncoding.EncodeToString(sum[:memberIDSize])
}

// String hides the secret from logs.
func (s Secret) String() string { return "secret of " + s.MemberID() }

// MarshalText encodes s for the wire.
func (s Secret) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, s[:]), nil
}

// UnmarshalText decodes s from the wire.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) != base64.RawURLEncoding.EncodedLen(secretSize) {
		return errors.New("secret must be 43 characters of base64url")
	}
	_, err := base64.RawURLEncoding.Strict().Decode(s[:], text)
	return err
}

// Hello is the first message of a connection.
type Hello struct {
	Secret Secret
	Name   string         // what the member calls itself; at most 128 bytes
	Kind   string         // what it is: "browser", "go", …
	Meta   jsontext.Value // a JSON object of at most 1,024 bytes; nil means {}
	Token  string         // proves who may enter, where the hub asks; at most 4,096 bytes

	// To resume, what the last [Welcome] called this session, and how many
	// counted messages of it came.
	Session  string
	Received uint64
}

// Member is one participant as the room sees it. Only Away changes while the
// member is in the room.
type Member struct {
	ID     string         `json:"id"`
	Name   string         `json:"name"`
	Kind   string         `json:"kind"`
	Meta   jsontext.Value `json:"meta"`
	Joined uint64         `json:"joined"` // the roster's N at which it came in
	// Identity is whom its token names.
	Identity string `json:"identity,omitzero"`
	// Away tells that it has no connection to the hub; its links may live.
	Away bool `json:"away,omitzero"`
}

// Roster is who is in the room, at one version.
type Roster struct {
	Epoch   string   `json:"epoch"`
	N       uint64   `json:"n"`
	Members []Member `json:"members"` // in the order of joining
	Locked  bool     `json:"locked,omitzero"`
}

// RosterChange takes a roster to version N. Apply it with [Roster.Apply].
type RosterChange struct {
	Epoch  string      `json:"epoch"`
	N      uint64      `json:"n"`
	Left   []Departure `json:"left,omitempty"`
	Joined []Member    `json:"joined,omitempty"`
	Away   []Presence  `json:"away,omitempty"`
	Locked *bool       `json:"locked,omitzero"` // nil: as before
}

// Presence tells that a member lost its connection to the hub, or is back.
type Presence struct {
	ID   string `json:"id"`
	Away bool   `json:"away"`
	N    uint64 `json:"n"` // the roster's N at which that was
}

// Departure is a member's leave.
type Departure struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // ReasonBye, ReasonTimeout, …
	N      uint64 `json:"n"`      // the roster's N at which it left
}

// Why a member left.
const (
	ReasonBye     = "bye"     // it said so
	ReasonTimeout = "timeout" // it was away for too long; its links may live
	ReasonKicked  = "kicked"  // it was put out
)

// Welcome is the hub's answer to [Hello].
type Welcome struct {
	You         string    `json:"you"`
	Session     string    `json:"session"`
	Recovered   bool      `json:"recovered"` // the session goes on, and nothing is lost
	Received    uint64    `json:"received"`  // signals of this session that the hub has taken
	Roster      Roster    `json:"roster"`
	ICE         ICE       `json:"ice"`
	Heartbeat   Heartbeat `json:"heartbeat"`
	Limits      Limits    `json:"limits"`
	Permissions []string  `json:"permissions"`
	Expires     int64     `json:"expires,omitzero"` // of the token, in ms since 1970 UTC; 0: never
	Features    []string  `json:"features"`
}

// FeatureHTTP is the feature of hubs that can be reached without WebSocket.
const FeatureHTTP = "http"

// ICE is what members need to find a way to each other. As a message, it
// replaces what the welcome said.
type ICE struct {
	Servers []ICEServer `json:"servers"`
	Expires int64       `json:"expires,omitzero"` // ms since 1970 UTC; 0: never
}

// ICEServer is a STUN or TURN server, as RTCPeerConnection takes it.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitzero"`
	Credential string   `json:"credential,omitzero"`
}

// Heartbeat tells when the hub pings, when it gives a connection up, and how long a
// member may be away, in ms.
type Heartbeat struct {
	Ping    int64 `json:"ping"`
	Timeout int64 `json:"timeout"`
	Grace   int64 `json:"grace"`
}

// Limits are the ones in force, in bytes and members.
type Limits struct {
	Frame     int          `json:"frame"`
	Members   int          `json:"members"`
	Hello     int          `json:"hello"`
	Name      int          `json:"name"`
	Meta      int          `json:"meta"`
	Replay    int          `json:"replay"`
	Signals   SignalLimits `json:"signals"`
	Fragments int          `json:"fragments"`
}

// SignalLimits are how many signals a session may send.
type SignalLimits struct {
	Rate  float64 `json:"rate"`  // a second
	Burst int     `json:"burst"` // at once
}

// Signal is something for another member. To is set on the way to the hub,
// From on the way from it.
type Signal struct {
	To   string
	From string
	Body jsontext.Value // any JSON value; the hub never looks inside
}

// Undeliverable says that a signal was not and will not be delivered.
type Undeliverable struct {
	To     string `json:"to"`
	Signal uint64 `json:"signal"`         // its number: the count of signals in this session
	Reason string `json:"reason"`         // UndeliverableGone, …
	Retry  int64  `json:"retry,omitzero"` // ms to wait before the next; with UndeliverableLimit
}

// Why a signal is undeliverable.
const (
	UndeliverableGone    = "gone"    // nobody of that id is in the room
	UndeliverableUnknown = "unknown" // that is no member id, or your own
	UndeliverableSlow    = "slow"    // the receiver is away, and enough waits for it
	UndeliverableLimit   = "limit"   // you send more than the hub takes
)

// Ack tells how many counted messages have come.
type Ack struct {
	Received uint64 `json:"received"`
}

// Token replaces the session's token.
type Token struct {
	Token string `json:"token"`
}

// Granted answers [Token].
type Granted struct {
	Permissions []string `json:"permissions"`
	Expires     int64    `json:"expires,omitzero"` // ms since 1970 UTC; 0: never
}

// Kick puts a member out.
type Kick struct {
	ID string `json:"id"`
}

// Kicked answers [Kick].
type Kicked struct {
	ID    string `json:"id"`
	Holds Holds  `json:"holds"`
}

// Lock keeps newcomers out of the room, or lets them in again.
type Lock struct {
	Locked bool `json:"locked"`
}

// Ping asks the other side for a [Pong].
type Ping struct{}

// Pong answers [Ping].
type Pong struct{}

func (Hello) messageType() string         { return "hello" }
func (Welcome) messageType() string       { return "welcome" }
func (RosterChange) messageType() string  { return "roster" }
func (Signal) messageType() string        { return "signal" }
func (Undeliverable) messageType() string { return "undeliverable" }
func (Ack) messageType() string           { return "ack" }
func (Token) messageType() string         { return "token" }
func (Granted) messageType() string       { return "granted" }
func (Kick) messageType() string          { return "kick" }
func (Kicked) messageType() string        { return "kicked" }
func (Lock) messageType() string          { return "lock" }
func (ICE) messageType() string           { return "ice" }
func (Ping) messageType() string          { return "ping" }
func (Pong) messageType() string          { return "pong" }

// Changes are what [Roster.Apply] changed.
type Changes struct {
	Left   []Departure
	Joined []Member
	Away   []Presence
	Locked bool // whether the room was locked or unlocked
}

// Apply brings r up to c and returns what that changed. Entries that r already
// holds are passed over, so a change may be applied twice. A change of another epoch
// changes nothing.
func (r *Roster) Apply(c RosterChange) (did Changes) {
	if c.Epoch != r.Epoch || c.N <= r.N {
		return did
	}
	for _, d := range c.Left {
		i := r.index(d.ID)
		if d.N <= r.N || i < 0 {
			continue
		}
		r.Members = append(r.Members[:i:i], r.Members[i+1:]...)
		did.Left = append(did.Left, d)
	}
	for _, m := range c.Joined {
		if m.Joined <= r.N || r.index(m.ID) >= 0 {
			continue
		}
		r.Members = append(r.Members, m)
		did.Joined = append(did.Joined, m)
	}
	for _, p := range c.Away {
		i := r.index(p.ID)
		if p.N <= r.N || i < 0 || r.Members[i].Away == p.Away {
			continue
		}
		r.Members[i].Away = p.Away
		did.Away = append(did.Away, p)
	}
	if c.Locked != nil && *c.Locked != r.Locked {
		r.Locked = *c.Locked
		did.Locked = true
	}
	r.N = c.N
	return did
}

func (r *Roster) index(id string) int {
	for i := range r.Members {
		if r.Members[i].ID == id {
			return i
		}
	}
	return -1
}

// CheckRoom says what is wrong with a room's name, nil if nothing is.
func CheckRoom(name string) error {
	wrong := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.~", r))
	}
	switch {
	case name == "":
		return errors.New("the room's name is missing: an invite ends in /r/ROOM")
	case len(name) > maxRoomName:
		return fmt.Errorf("the room's name is %d characters long; %d are allowed", len(name), maxRoomName)
	case name == "." || name == "..":
		return fmt.Errorf("a room can't be named %q", name)
	}
	if i := strings.IndexFunc(name, wrong); i >= 0 {
		return fmt.Errorf("the room's name holds %q; only A-Z a-z 0-9 - _ . ~ are allowed", []rune(name[i:])[0])
	}
	return nil
}

// CheckMemberID says what is wrong with a member id, nil if nothing is.
func CheckMemberID(id string) error {
	var b [memberIDSize + 2]byte
	if len(id) != base64.RawURLEncoding.EncodedLen(memberIDSize) {
		return errors.New("a member id is 22 characters")
	}
	_, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(id))
	return err
}

// CheckName says what is wrong with a member's name, nil if nothing is.
func CheckName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("name is %d bytes long; %d are allowed", len(name), maxName)
	}
	for _, r := range name {
		if r < 0x20 || 0x7f <= r && r <= 0x9f {
			return fmt.Errorf("name holds the control character %U", r)
		}
	}
	return nil
}

func checkHello(h *Hello) error {
	if err := CheckName(h.Name); err != nil {
		return err
	}
	if len(h.Kind) < 1 || len(h.Kind) > maxKind {
		return fmt.Errorf("kind must be 1 to %d characters", maxKind)
	}
	for _, r := range h.Kind {
		if !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-') {
			return errors.New("kind may hold a-z 0-9 - only")
		}
	}
	if h.Meta.Kind() != '{' {
		return errors.New("meta must be an object")
	}
	if len(h.Meta) > maxMeta {
		return fmt.Errorf("meta is %d bytes long; %d are allowed", len(h.Meta), maxMeta)
	}
	if h.Session != "" && !isSession(h.Session) {
		return errSession
	}
	return checkToken(h.Token)
}

var errSession = fmt.Errorf("session must be 1 to %d characters of A-Z a-z 0-9 - _", maxSession)

func isSession(name string) bool {
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return 0 < len(name) && len(name) <= maxSession
}

func checkToken(token string) error {
	if len(token) > maxToken {
		return fmt.Errorf("token is %d bytes long; %d are allowed", len(token), maxToken)
	}
	return nil
}

// encode makes the JSON text of a message. Bodies and metadata stay as they are.
func encode(m Message) ([]byte, error) {
	return json.Marshal(withType(m), jsontext.PreserveRawStrings(true))
}

type typed struct {
	Type string `json:"type"`
}

// helloText is a Hello as it is encoded.
type helloText struct {
	typed
	Secret   Secret         `json:"secret"`
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	Meta     jsontext.Value `json:"meta"`
	Token    string         `json:"token,omitzero"`
	Session  string         `json:"session,omitzero"`
	Received *uint64        `json:"received,omitzero"`
}

// withType is m as it is encoded.
func withType(m Message) any {
	switch m := m.(type) {
	case Hello:
		if m.Meta == nil {
			m.Meta = jsontext.Value("{}")
		}
		h := helloText{typed: typed{"hello"}, Secret: m.Secret, Name: m.Name, Kind: m.Kind, Meta: m.Meta, Token: m.Token}
		if m.Session != "" {
			h.Session, h.Received = m.Session, &m.Received
		}
		return h
	case Signal:
		if m.From != "" {
			return struct {
				typed
				From string         `json:"from"`
				Body jsontext.Value `json:"body"`
			}{typed{"signal"}, m.From, m.Body}
		}
		return struct {
			typed
			To   string         `json:"to"`
			Body jsontext.Value `json:"body"`
		}{typed{"signal"}, m.To, m.Body}
	case Welcome:
		return tagged(m)
	case RosterChange:
		return tagged(m)
	case Undeliverable:
		return tagged(m)
	case Ack:
		return tagged(m)
	case Token:
		return tagged(m)
	case Granted:
		return tagged(m)
	case Kick:
		return tagged(m)
	case Kicked:
		return tagged(m)
	case Lock:
		return tagged(m)
	case ICE:
		return tagged(m)
	case Report:
		return m.text()
	case *Error:
		return struct {
			typed
			wireError `json:",embed"`
		}{typed{"error"}, m.wire()}
	default:
		return typed{m.messageType()}
	}
}

// tagged is m with its type in front.
func tagged[M Message](m M) any {
	return struct {
		typed
		Message M `json:",embed"`
	}{typed{m.messageType()}, m}
}
