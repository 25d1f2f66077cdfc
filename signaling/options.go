package signaling

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// Options configure a [Hub]. The zero value of each field means its default.
type Options struct {
	// Origins are the foreign origins whose pages may connect, such as
	// "https://example.org". The hub's own needs no mention, nor does any on
	// loopback for a hub that is reached there.
	Origins []string
	// Hosts are the names and addresses, without ports, by which the hub is called, such as "chat.example.org".
	// A request for another host is refused, unless that is a loopback name and the request came in on a loopback
	// address. Empty: any host is taken; then a hub on plain HTTP lets in every page whose author can point a name at the
	// hub's address.
	Hosts []string
	// ICE says which STUN and TURN servers a member is told, when it is
	// welcomed and again before they expire. It must not block, nor call the hub. Nil: none.
	ICE func(AuthRequest, Grant) ICE
	// Ended is told that a session has ended for good: its member left, was away for too long, or was put out. It is called
	// once for each session that was welcomed, after the last ICE of that session and before the first of another one of the same
	// id, and not for those that are there when the hub is shut down. It must not block, nor call the hub. Nil: nobody is told.
	Ended func(room, member string)
	// Authorize decides who may enter: PROTOCOL.md, section 8. It is called
	// for each hello and each renewal, by any number of goroutines, and has
	// ten seconds, less if the hub is shut down. An [*Error] is told to the client: with a code of this package it
	// is final or not as PROTOCOL.md says, with one of your own as its Final says (it closes with 4999 or 4499), and without
	// one it is CodeForbidden. Any other error means that nobody can be let in now, and is logged. Nil: the hub is open, and
	// everybody may join.
	Authorize func(context.Context, AuthRequest) (Grant, error)
	// Duplicates says what becomes of a second session of one identity in a
	// room: DuplicatesBoth, DuplicatesReplace or DuplicatesRefuse.
	Duplicates DuplicatePolicy
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Logger gets what an operator should know. Nil: nothing is logged.
	Logger *slog.Logger
	// LogAddresses has addresses of clients logged, too, and told by Hub.Members.
	LogAddresses bool
	// Limits bound what clients may use.
	Limits HubLimits

	PingInterval time.Duration // between pings; 15 s
	PongTimeout  time.Duration // without a sign of life, and a connection is given up; 30 s
	HelloTimeout time.Duration // from the upgrade to the hello; 10 s
	Grace        time.Duration // that a member may be away; 60 s
}

// HubLimits are what a [Hub] lets clients use. The zero value of each field means its default.
// Every refusal is counted in [Stats].
type HubLimits struct {
	Frame       int  // bytes of a message from a client; 65,536
	Fragments   int  // of a message; 64
	Members     int  // of a room; 64
	Rooms       int  // 100,000
	Connections int  // from one address, or one /64 of IPv6; 256
	Joins       Rate // from one address; 32 a second, 256 at once
	Signals     Rate // of one session; 100 a second, 1,000 at once
	Messages    Rate // of one session, of all other types; 10 a second, 100 at once
	Queue       int  // bytes waiting to be written to one member; 1 MiB
	Replay      int  // bytes kept for one member until it has acknowledged them; 256 KiB
	RoomBytes   int  // Queue and Replay of all members of a room; 16 MiB
	HubBytes    int  // of all rooms; 256 MiB
}

// Rate is how often something may happen.
type Rate struct {
	PerSecond float64
	Burst     int // at once, after a pause
}

// DuplicatePolicy is what becomes of a second session of one identity in a room.
type DuplicatePolicy string

// Policies. The zero value is DuplicatesBoth.
const (
	DuplicatesBoth    DuplicatePolicy = "both"    // it is let in
	DuplicatesReplace DuplicatePolicy = "replace" // it takes the first one's place
	DuplicatesRefuse  DuplicatePolicy = "refuse"  // it is refused
)

// AuthRequest is somebody who wants to enter a room, or to renew a token.
type AuthRequest struct {
	Room    string
	Token   string // as the client said it; empty if it said none
	Member  string // the member id
	Kind    string
	Address netip.Addr // of the client; not valid if unknown
}

// Grant is what somebody may do.
type Grant struct {
	Identity    string    // whom the token names; empty in an open hub
	TokenID     string    // what a kick holds; empty: it holds the session and its secret only
	Expires     time.Time // when the session has to be renewed; zero: never
	Permissions Permissions
}

// Permissions are what a session may do, as a sum.
type Permissions uint8

// Permissions.
const (
	PermitJoin Permissions = 1 << iota
	PermitKick
	PermitLock
)

var permissionNames = []string{"join", "kick", "lock"}

// Has tells whether all of q are in p.
func (p Permissions) Has(q Permissions) bool { return p&q == q }

// Names are those of the protocol: "join", "kick", "lock".
func (p Permissions) Names() []string {
	names := make([]string, 0, len(permissionNames))
	for i, name := range permissionNames {
		if p.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// ParsePermissions is the sum of those that are known; others are ignored.
func ParsePermissions(names []string) (p Permissions) {
	for i, known := range permissionNames {
		for _, name := range names {
			if name == known {
				p |= 1 << i
			}
		}
	}
	return p
}

// Defaults of [Options].
const (
	defaultMaxFrame     = 64 << 10
	defaultFragments    = 64
	defaultMaxMembers   = 64
	defaultMaxRooms     = 100_000
	defaultConnections  = 256
	defaultMaxQueue     = 1 << 20
	defaultReplay       = 256 << 10
	defaultRoomBytes    = 16 << 20
	defaultHubBytes     = 256 << 20
	defaultPingInterval = 15 * time.Second
	defaultPongTimeout  = 30 * time.Second
	defaultHelloTimeout = 10 * time.Second
	defaultGrace        = 60 * time.Second
)

var (
	defaultJoins    = Rate{PerSecond: 32, Burst: 256}
	defaultSignals  = Rate{PerSecond: 100, Burst: 1000}
	defaultMessages = Rate{PerSecond: 10, Burst: 100}
)

func (o *Options) withDefaults() *Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.ICE == nil {
		c.ICE = func(AuthRequest, Grant) ICE { return ICE{} }
	}
	if c.Ended == nil {
		c.Ended = func(string, string) {}
	}
	if c.Authorize == nil {
		c.Authorize = open
	}
	setDefault(&c.Duplicates, DuplicatesBoth)
	setDefault(&c.Limits.Frame, defaultMaxFrame)
	setDefault(&c.Limits.Fragments, defaultFragments)
	setDefault(&c.Limits.Members, defaultMaxMembers)
	setDefault(&c.Limits.Rooms, defaultMaxRooms)
	setDefault(&c.Limits.Connections, defaultConnections)
	setDefault(&c.Limits.Joins, defaultJoins)
	setDefault(&c.Limits.Signals, defaultSignals)
	setDefault(&c.Limits.Messages, defaultMessages)
	setDefault(&c.Limits.Queue, defaultMaxQueue)
	setDefault(&c.Limits.Replay, defaultReplay)
	setDefault(&c.Limits.RoomBytes, defaultRoomBytes)
	setDefault(&c.Limits.HubBytes, defaultHubBytes)
	setDefault(&c.PingInterval, defaultPingInterval)
	setDefault(&c.PongTimeout, defaultPongTimeout)
	setDefault(&c.HelloTimeout, defaultHelloTimeout)
	setDefault(&c.Grace, defaultGrace)
	return &c
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// open is the Authorize of a hub without tokens.
func open(context.Context, AuthRequest) (Grant, error) {
	return Grant{Permissions: PermitJoin}, nil
}
