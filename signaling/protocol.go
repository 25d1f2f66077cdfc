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
	secretSize   = 32
	memberIDSize = 16
)

// Message is one message of the protocol, to the hub ([Hello], [Signal],
// [Ping]) or from it ([Welcome], [RosterChange], [Signal], [Undeliverable],
// [Error], [Pong]).
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
}

// Member is one participant as the room sees it. It doesn't change while the
// member is in the room.
type Member struct {
	ID     string         `json:"id"`
	Name   string         `json:"name"`
	Kind   string         `json:"kind"`
	Meta   jsontext.Value `json:"meta"`
	Joined uint64         `json:"joined"` // the roster's N at which it came in
}

// Roster is who is in the room, at one version.
type Roster struct {
	Epoch   string   `json:"epoch"`
	N       uint64   `json:"n"`
	Members []Member `json:"members"` // in the order of joining
}

// RosterChange takes a roster to version N. Apply it with [Roster.Apply].
type RosterChange struct {
	Epoch  string      `json:"epoch"`
	N      uint64      `json:"n"`
	Left   []Departure `json:"left,omitempty"`
	Joined []Member    `json:"joined,omitempty"`
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
	ReasonTimeout = "timeout" // its connection to the hub was lost; its links may live
	ReasonKicked  = "kicked"  // it was put out
)

// Welcome is the hub's answer to [Hello].
type Welcome struct {
	You       string    `json:"you"`
	Recovered bool      `json:"recovered"`
	Roster    Roster    `json:"roster"`
	ICE       ICE       `json:"ice"`
	Heartbeat Heartbeat `json:"heartbeat"`
	Limits    Limits    `json:"limits"`
	Features  []string  `json:"features"`
}

// ICE is what members need to find a way to each other.
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

// Heartbeat tells when the hub pings and when it gives up, in ms.
type Heartbeat struct {
	Ping    int64 `json:"ping"`
	Timeout int64 `json:"timeout"`
}

// Limits are the ones in force, in bytes and members.
type Limits struct {
	Frame   int `json:"frame"`
	Members int `json:"members"`
	Hello   int `json:"hello"`
	Name    int `json:"name"`
	Meta    int `json:"meta"`
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
	Signal uint64 `json:"signal"` // its number: the count of signals since welcome
	Reason string `json:"reason"` // UndeliverableGone, …
}

// Why a signal is undeliverable.
const (
	UndeliverableGone    = "gone"    // nobody of that id is in the room
	UndeliverableUnknown = "unknown" // that is no member id, or your own
	UndeliverableSlow    = "slow"    // the receiver couldn't keep up
)

// Ping asks the hub for a [Pong].
type Ping struct{}

// Pong answers [Ping].
type Pong struct{}

func (Hello) messageType() string         { return "hello" }
func (Welcome) messageType() string       { return "welcome" }
func (RosterChange) messageType() string  { return "roster" }
func (Signal) messageType() string        { return "signal" }
func (Undeliverable) messageType() string { return "undeliverable" }
func (Ping) messageType() string          { return "ping" }
func (Pong) messageType() string          { return "pong" }

// Apply brings r up to c and returns what that changed: the members that left,
// as they were, and the ones that joined. Entries that r already holds are
// passed over, so a change may be applied twice. A change of another epoch
// changes nothing.
func (r *Roster) Apply(c RosterChange) (left []Departure, joined []Member) {
	if c.Epoch != r.Epoch || c.N <= r.N {
		return nil, nil
	}
	for _, d := range c.Left {
		i := r.index(d.ID)
		if d.N <= r.N || i < 0 {
			continue
		}
		r.Members = append(r.Members[:i:i], r.Members[i+1:]...)
		left = append(left, d)
	}
	for _, m := range c.Joined {
		if m.Joined <= r.N || r.index(m.ID) >= 0 {
			continue
		}
		r.Members = append(r.Members, m)
		joined = append(joined, m)
	}
	r.N = c.N
	return left, joined
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

func checkHello(h *Hello) error {
	if len(h.Name) > maxName {
		return fmt.Errorf("name is %d bytes long; %d are allowed", len(h.Name), maxName)
	}
	for _, r := range h.Name {
		if r < 0x20 || 0x7f <= r && r <= 0x9f {
			return fmt.Errorf("name holds the control character %U", r)
		}
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
	return nil
}

// encode makes the JSON text of a message. Bodies and metadata stay as they are.
func encode(m Message) ([]byte, error) {
	return json.Marshal(withType(m), jsontext.PreserveRawStrings(true))
}

// withType is m as it is encoded.
func withType(m Message) any {
	type typed struct {
		Type string `json:"type"`
	}
	switch m := m.(type) {
	case Hello:
		if m.Meta == nil {
			m.Meta = jsontext.Value("{}")
		}
		return struct {
			typed
			Secret Secret         `json:"secret"`
			Name   string         `json:"name"`
			Kind   string         `json:"kind"`
			Meta   jsontext.Value `json:"meta"`
		}{typed{"hello"}, m.Secret, m.Name, m.Kind, m.Meta}
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
		return struct {
			typed
			Welcome `json:",inline"`
		}{typed{"welcome"}, m}
	case RosterChange:
		return struct {
			typed
			RosterChange `json:",inline"`
		}{typed{"roster"}, m}
	case Undeliverable:
		return struct {
			typed
			Undeliverable `json:",inline"`
		}{typed{"undeliverable"}, m}
	case *Error:
		return struct {
			typed
			wireError `json:",inline"`
		}{typed{"error"}, m.wire()}
	default:
		return typed{m.messageType()}
	}
}
