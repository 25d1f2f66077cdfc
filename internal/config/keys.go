package config

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// key is one key of a configuration.
type key struct {
	name    string // as in the file, with a dot after each section
	value          // where it is in a Config
	doc     string // what it means, in sentences
	restart bool   // a change takes effect at the next start only
}

// section is everything of the name before the last dot; "" for the keys on top.
func (k *key) section() string {
	return k.name[:max(0, strings.LastIndexByte(k.name, '.'))]
}

// base is what comes after that.
func (k *key) base() string { return k.name[strings.LastIndexByte(k.name, '.')+1:] }

// variable is the key's name in the environment.
func (k *key) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// Bounds of values: beyond them, something else was meant.
const (
	minute, day = time.Minute, 24 * time.Hour
	maxCount    = 10_000_000
	maxRate     = 1e6
	kib, mib    = 1 << 10, 1 << 20
	gib         = 1 << 30
)

// keys are all keys, each bound to its field of c, in the order in which they are printed. Sections hang together.
func (c *Config) keys() []key {
	return slices.Concat(c.reach(), c.tls(), c.turn(), c.ice(), c.auth(), c.limits(), c.rates(), c.session(), c.running())
}

func (c *Config) reach() []key {
	return []key{
		{"listen", one(&c.Listen, address(false)), "The address to listen on, HOST:PORT. On any but this machine's own, the hub needs auth.keys or open.", true},
		{"open", one(&c.Open, truth), "Whether everybody who knows a room's name may come in. Needed where others can reach the hub and there are no keys.", false},
		{"origins", many(&c.Origins, origin), "Foreign origins whose pages may connect, such as https://example.org. The hub's own page needs no mention.", false},
		{"hosts", many(&c.Hosts, hostName), "Names and addresses, without ports, by which this hub is called. Requests for others are refused: a page whose name was pointed at this address (DNS rebinding). Empty: any. On this machine's own address, in plain HTTP and without proxies, this machine's own names are all.", false},
		{"proxies", many(&c.Proxies, prefix), "Addresses (CIDR) of proxies whose X-Forwarded-For is believed. Name none that a client can have.", false},
	}
}

func (c *Config) tls() []key {
	t := &c.TLS
	return []key{
		{"tls.cert", path(&t.Cert), "PEM file of the certificate, and of those between it and its root. Read again when it changes.", false},
		{"tls.key", path(&t.Key), "PEM file of the certificate's key.", false},
		{"tls.acme.domains", many(&t.ACME.Domains, domain), "Host names to get certificates for by ACME, instead of tls.cert. Port 443 of each must reach this hub.", false},
		{"tls.acme.email", one(&t.ACME.Email, email), "Where the authority may write to.", false},
		{"tls.acme.directory", one(&t.ACME.Directory, httpsURL), "URL of the authority's directory. Empty: Let's Encrypt.", false},
		{"tls.acme.storage", path(&t.ACME.Storage), "Directory that keeps accounts, keys and certificates. Empty: acme in systemd's StateDirectory, or else snug/acme in the user's directory of configurations.", false},
		{"tls.acme.ca", path(&t.ACME.CA), "PEM file of the roots that the directory's own certificate is checked against. Empty: the system's.", false},
	}
}

func (c *Config) turn() []key {
	t := &c.TURN
	l := &t.Limits
	return []key{
		{"turn.mode", one(&t.Mode, choice(TURNAuto, TURNOn, TURNOff)), "Whether the hub relays for members who don't get through to each other: on, off, or auto, which is on where others can reach the hub, unless ice.servers names a TURN server.", true},
		{"turn.listen", one(&t.Listen, address(true)), "The address for STUN and TURN over UDP and TCP, HOST:PORT. Empty: the hub's host, port 3478.", true},
		{"turn.tls_listen", one(&t.TLSListen, addressOrOff), "The address for TURN over TLS, or off. Empty: the hub's host, port 5349, if the hub has a certificate. The page's own port takes it in any case.", true},
		{"turn.host", one(&t.Host, maybeHost), "The name or address of this machine that members are told. Empty: a name of the certificate, or else the first of turn.addresses.", true},
		{"turn.addresses", many(&t.Addresses, ip), "Addresses that others reach this machine at, at most one of IPv4 and one of IPv6. Needed behind a NAT; else they are those of the interfaces.", true},
		{"turn.ports", one(&l.Ports, ports), "UDP ports of relays. Everybody must be able to reach them.", false},
		{"turn.allow", many(&l.Allow, relayable), "Private networks (CIDR) that may be relayed to. Without, public addresses alone.", false},
		{"turn.allocations", one(&l.Allocations, count(1, maxCount)), "Allocations of one session.", false},
		{"turn.address_allocations", one(&l.AddressAllocations, count(1, maxCount)), "Allocations of one address, or one /64 of IPv6.", false},
		{"turn.total_allocations", one(&l.TotalAllocations, count(1, maxCount)), "Allocations of all. Each is a file descriptor.", false},
		{"turn.bandwidth", one(&l.Bandwidth, size(8*kib, math.MaxInt)), "Bytes a second that are relayed for one session, each way.", false},
		{"turn.total_bandwidth", one(&l.TotalBandwidth, size(8*kib, math.MaxInt)), "Bytes a second that are relayed for all, each way.", false},
		{"turn.lifetime", one(&l.Lifetime, duration(time.Second, 366*day)), "How long an allocation may last. Links that still use it find another way.", false},
		{"turn.validity", one(&l.Validity, duration(time.Second, 30*day)), "How long a credential holds. Members get new ones before that.", false},
		{"turn.requests.rate", one(&l.Requests, rate), "STUN requests that are answered, a second, of an address without an allocation.", false},
		{"turn.requests.burst", one(&l.RequestBurst, count(1, maxCount)), "STUN requests that are answered at once, after a pause.", false},
	}
}

func (c *Config) ice() []key {
	i := &c.ICE
	return []key{
		{"ice.servers", many(&i.Servers, iceURL), "Other STUN and TURN servers that members are told, such as stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=udp.", false},
		{"ice.secret_file", path(&i.SecretFile), "File with the secret that credentials for the TURN servers of ice.servers are made with (coturn: static-auth-secret).", false},
		{"ice.username", one(&i.Username, line), "Name for the TURN servers of ice.servers, given to members as it is.", false},
		{"ice.password_file", path(&i.PasswordFile), "File with the password that belongs to ice.username.", false},
		{"ice.validity", one(&i.Validity, duration(time.Second, 30*day)), "How long a credential holds that is made with the secret. Members get new ones before that.", false},
	}
}

func (c *Config) auth() []key {
	return []key{
		{"auth.keys", path(&c.Auth.Keys), "File of Ed25519 public keys, PEM or JWKS. With it, whoever comes in shows a token that one of them signed.", false},
		{"auth.max_age", one(&c.Auth.MaxAge, duration(minute, 366*day)), "How far away a token's end may be.", false},
		{"auth.duplicates", one(&c.Auth.Duplicates, choice(signaling.DuplicatesBoth, signaling.DuplicatesReplace, signaling.DuplicatesRefuse)), "A second session of one identity in a room: both are let in, it takes the first one's place (replace), or it is refused (refuse).", false},
	}
}

func (c *Config) limits() []key {
	l := &c.Limits
	return []key{
		{"limits.frame", one(&l.Frame, size(8*kib, 16*mib)), "Bytes of a message from a client.", false},
		{"limits.fragments", one(&l.Fragments, count(1, 65536)), "WebSocket fragments of a message.", false},
		{"limits.members", one(&l.Members, count(1, 10_000)), "Members of a room.", false},
		{"limits.rooms", one(&l.Rooms, count(1, maxCount)), "Rooms of the hub.", false},
		{"limits.connections", one(&l.Connections, count(1, maxCount)), "Connections from one address, or one /64 of IPv6; twice as many TCP connections. This machine's own aren't bounded.", false},
		{"limits.queue", one(&l.Queue, size(8*kib, gib)), "Bytes that may wait to be written to one member.", false},
		{"limits.replay", one(&l.Replay, size(8*kib, gib)), "Bytes kept for one member until it has acknowledged them.", false},
		{"limits.room_bytes", one(&l.RoomBytes, size(8*kib, math.MaxInt)), "Bytes waiting and kept for all members of a room.", false},
		{"limits.hub_bytes", one(&l.HubBytes, size(8*kib, math.MaxInt)), "Bytes waiting and kept for all members of all rooms.", false},
		{"limits.header", one(&l.Header, size(4*kib, mib)), "Bytes of a request's header.", true},
	}
}

func (c *Config) rates() []key {
	l := &c.Limits
	return []key{
		{"limits.joins.rate", one(&l.Joins.PerSecond, rate), "Joins from one address, a second.", false},
		{"limits.joins.burst", one(&l.Joins.Burst, count(1, maxCount)), "Joins from one address at once, after a pause.", false},
		{"limits.signals.rate", one(&l.Signals.PerSecond, rate), "Signals of one session, a second.", false},
		{"limits.signals.burst", one(&l.Signals.Burst, count(1, maxCount)), "Signals of one session at once, after a pause.", false},
		{"limits.messages.rate", one(&l.Messages.PerSecond, rate), "Messages of one session that are no signals, a second.", false},
		{"limits.messages.burst", one(&l.Messages.Burst, count(1, maxCount)), "Messages of one session that are no signals at once, after a pause.", false},
	}
}

func (c *Config) session() []key {
	s := &c.Session
	return []key{
		{"session.ping", one(&s.Ping, duration(time.Second, 10*minute)), "How often the hub asks whether a connection lives.", false},
		{"session.timeout", one(&s.Timeout, duration(2*time.Second, 60*minute)), "Silence after which a connection is given up. Longer than session.ping.", false},
		{"session.hello", one(&s.Hello, duration(time.Second, minute)), "How long a connection has until it says who it is.", false},
		{"session.grace", one(&s.Grace, duration(time.Second, day)), "How long a member without a connection keeps its place.", false},
	}
}

func (c *Config) running() []key {
	return []key{
		{"drain", one(&c.Drain, duration(0, 60*minute)), "At the end, members are sent away one after the other over this time, or over 20 ms for each if that is less.", false},
		{"deadline", one(&c.Deadline, duration(time.Second, 2*60*minute)), "After this long, the end is an end.", false},
		{"admin.listen", one(&c.Admin.Listen, address(true)), "The address of the operator's own listener: metrics, admin API, profiles. Empty: none.", true},
		{"admin.token_file", path(&c.Admin.TokenFile), "File with the token that the admin API and the profiles ask for. Without it they are off.", false},
		{"log.level", one(&c.Log.Level, level), "What is logged: debug, info, warn or error, and what is worse.", false},
		{"log.format", one(&c.Log.Format, choice(FormatText, FormatJSON)), "How: text or json.", false},
		{"log.addresses", one(&c.Log.Addresses, truth), "Whether addresses of clients are logged.", false},
	}
}

// level is a level of the log.
var level = kind[slog.Level]{
	wants: "debug, info, warn or error",
	tags:  []string{tagText},
	parse: func(s string) (l slog.Level, err error) {
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, s) {
			return l, problemf("%q is no level: write debug, info, warn or error", s)
		}
		return l, l.UnmarshalText([]byte(s))
	},
	format: func(l slog.Level) string { return strings.ToLower(l.String()) },
}

// find is the key of a name.
func find(keys []key, name string) *key {
	if i := slices.IndexFunc(keys, func(k key) bool { return k.name == name }); i >= 0 {
		return &keys[i]
	}
	return nil
}

// isSection tells whether keys are below name.
func isSection(keys []key, name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return strings.HasPrefix(k.name, name+".") })
}
