// Package config is what snug serve is told: by flags, by the environment, by one strict
// YAML file, and where none of them says anything, by defaults. Flags win over the
// environment, the environment over the file.
//
// Each layer is checked where it was written, key by key, so that an error names the file and
// the line, the variable or the flag. A library that merges maps of layers can't: it has
// forgotten the lines by then. What is left to do, and done here, is to set one value after the other.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/snug-chat/snug/internal/turn"
	"github.com/snug-chat/snug/signaling"
)

// Config is a whole configuration. Make one with [Default] or [Load]. It isn't changed after that, so any
// number of goroutines may read it. The field's comment begins with its key.
type Config struct {
	Listen   string         // listen: HOST:PORT
	Open     bool           // open: everybody may come in, without a token
	Origins  []string       // origins: foreign ones whose pages may connect, such as https://example.org
	Hosts    []string       // hosts: names and addresses by which the hub is called, without ports
	Proxies  []netip.Prefix // proxies: whose X-Forwarded-For is believed
	TLS      TLS            // tls
	TURN     TURN           // turn
	ICE      ICE            // ice
	Auth     Auth           // auth
	Limits   Limits         // limits
	Session  Session        // session
	Drain    time.Duration  // drain: over how long members are sent away at the end, at most
	Deadline time.Duration  // deadline: for all of the end; not below Drain
	Admin    Admin          // admin
	Log      Log            // log

	// LAN is set by --lan alone: listen on every interface, for everybody in the local network.
	LAN bool

	origins map[string]string // of each key that was set, where
}

// TLS says which certificate the hub shows. The zero value means none: plain HTTP.
type TLS struct {
	Cert string // tls.cert: PEM file of the certificate and those between it and its root
	Key  string // tls.key: PEM file of its key
	ACME ACME   // tls.acme
}

// On tells whether connections are encrypted.
func (t TLS) On() bool { return t.Cert != "" || len(t.ACME.Domains) > 0 }

// ACME says how certificates are asked for (RFC 8555). Without domains none are.
type ACME struct {
	Domains   []string // tls.acme.domains: host names
	Email     string   // tls.acme.email: where the authority may write to; may be empty
	Directory string   // tls.acme.directory: URL; empty: that of Let's Encrypt
	Storage   string   // tls.acme.storage: directory for accounts, keys and certificates; empty: see [Sources.Data]
	CA        string   // tls.acme.ca: PEM file of roots that the directory's server is checked against; empty: the system's
}

// TURN is the hub's own STUN and TURN server.
type TURN struct {
	Mode        TURNMode     // turn.mode
	Listen      string       // turn.listen: HOST:PORT, for UDP and TCP; empty: the hub's host, port 3478
	TLSListen   string       // turn.tls_listen: HOST:PORT; empty: the hub's host, port 5349, if there is a certificate; "off": nowhere
	Host        string       // turn.host: what members are told; empty: the certificate's name, or else an address
	Addresses   []netip.Addr // turn.addresses: as others reach this machine, at most one of each family; none: those of its interfaces
	turn.Limits              // turn.ports, .allow, .allocations, .requests.rate, …
}

// TURNMode says whether the hub relays.
type TURNMode string

// Modes. The zero value isn't one of them.
const (
	TURNAuto TURNMode = "auto" // if others can reach the hub, and ice.servers names no TURN server
	TURNOn   TURNMode = "on"
	TURNOff  TURNMode = "off"
)

// TURNEnabled tells whether the hub runs its own STUN and TURN server.
func (c *Config) TURNEnabled() bool {
	switch c.TURN.Mode {
	case TURNOn:
		return true
	case TURNOff:
		return false
	}
	return (c.LAN || !Loopback(c.Listen)) && !c.ICE.Relays()
}

// ICE is what members are told of other people's STUN and TURN servers.
type ICE struct {
	Servers      []string      // ice.servers: URLs
	SecretFile   string        // ice.secret_file: file of the secret that credentials are made with
	Username     string        // ice.username: given to all members as it is
	PasswordFile string        // ice.password_file: file of what belongs to it
	Validity     time.Duration // ice.validity: of credentials that are made
}

// Relays tells whether a TURN server is among them.
func (i ICE) Relays() bool { return slices.ContainsFunc(i.Servers, isTURN) }

func isTURN(url string) bool { return strings.HasPrefix(url, "turn") }

// Auth says who may come in. Without keys nobody needs a token.
type Auth struct {
	Keys       string                    // auth.keys: file of Ed25519 public keys, PEM or JWKS
	MaxAge     time.Duration             // auth.max_age: how far away a token's end may be
	Duplicates signaling.DuplicatePolicy // auth.duplicates
}

// Limits bound what clients may use.
type Limits struct {
	signaling.HubLimits     // limits.frame, .fragments, .members, …
	Header              int // limits.header: bytes of a request's header
}

// Session is how long things last between hub and member.
type Session struct {
	Ping    time.Duration // session.ping: between pings
	Timeout time.Duration // session.timeout: without a sign of life, and a connection is given up
	Hello   time.Duration // session.hello: from the connection to the hello
	Grace   time.Duration // session.grace: that a member may be away
}

// Admin is the operator's own listener. Without an address there is none.
type Admin struct {
	Listen    string // admin.listen: HOST:PORT
	TokenFile string // admin.token_file: file with the token of the admin API; empty: that is off
}

// Log is what is written to standard error.
type Log struct {
	Level     slog.Level // log.level
	Format    Format     // log.format
	Addresses bool       // log.addresses: addresses of clients, too
}

// Format is how a line of the log is written.
type Format string

// Formats.
const (
	FormatText Format = "text"
	FormatJSON Format = "json"
)

const (
	defaultListen    = "127.0.0.1:8080"
	defaultValidity  = 12 * time.Hour
	defaultMaxAge    = 24 * time.Hour
	defaultMaxHeader = 16 << 10
	defaultDrain     = 10 * time.Second
	defaultDeadline  = 20 * time.Second
)

// Default is the configuration of a hub that was told nothing.
func Default() *Config {
	hub := signaling.Defaults()
	return &Config{
		Listen:   defaultListen,
		TURN:     TURN{Mode: TURNAuto, Limits: turn.Defaults()},
		ICE:      ICE{Validity: defaultValidity},
		Auth:     Auth{MaxAge: defaultMaxAge, Duplicates: hub.Duplicates},
		Limits:   Limits{HubLimits: hub.Limits, Header: defaultMaxHeader},
		Session:  Session{Ping: hub.PingInterval, Timeout: hub.PongTimeout, Hello: hub.HelloTimeout, Grace: hub.Grace},
		Drain:    defaultDrain,
		Deadline: defaultDeadline,
		Log:      Log{Level: slog.LevelWarn, Format: FormatText},
		origins:  map[string]string{},
	}
}

// Origin is where a key was set: "FILE:LINE", a variable, or a flag; empty if it has its default.
func (c *Config) Origin(key string) string { return c.origins[key] }

// Loopback tells whether an address to listen on is reached from this machine alone.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
