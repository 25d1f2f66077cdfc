package server

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/internal/turn"
	"github.com/snug-chat/snug/signaling"
)

// Ports of STUN and TURN (RFC 8656, section 18.11). A hub on any port that is free has these on any as well.
const (
	turnPort    = "3478"
	turnTLSPort = "5349"
)

// relaying is the hub's own STUN and TURN server.
type relaying struct {
	*turn.Server
	stun, turn []string // URLs that members are told
	gates      []*gate
}

// relay listens for STUN and TURN, if the configuration says so, also on the hub's own port.
func (s *Server) relay() error {
	if !s.started.TURNEnabled() {
		return nil
	}
	b := relayBuilder{server: s, config: s.started}
	if err := b.listen(); err != nil {
		b.close()
		return err
	}
	var t *tls.Config
	if s.tls != nil {
		t = s.tls.config()
	}
	sorter := newSorter(s.gate, t, true)
	s.listener = sorter.http
	relays := b.relays(localAddresses(), outwards())
	server, err := turn.New(turn.Options{
		PacketConns: b.udp,
		Listeners:   append(b.listeners, sorter.turn),
		Relays:      relays,
		Limits:      s.started.TURN.Limits,
	})
	if err != nil {
		return err
	}
	s.turn = &relaying{Server: server, gates: b.gates}
	s.turn.stun, s.turn.turn = b.urls(relays)
	return nil
}

// configure changes what can be changed while it runs.
func (r *relaying) configure(c *config.Config) {
	if r == nil {
		return
	}
	r.Configure(c.TURN.Limits)
	for _, g := range r.gates {
		g.configure(c)
	}
}

// end is for the hub to say that a session has ended.
func (r *relaying) end(room, member string) {
	if r != nil {
		r.End(room, member)
	}
}

func (r *relaying) close() {
	if r != nil {
		r.Close()
	}
}

// ice says which STUN and TURN servers members are told: the hub's own and others.
func (s *Server) ice(c *config.Config, p parts) func(signaling.AuthRequest, signaling.Grant) signaling.ICE {
	return func(r signaling.AuthRequest, _ signaling.Grant) (ice signaling.ICE) {
		if own := s.turn; own != nil {
			credential := own.Admit(r.Room, r.Member)
			ice.Servers = append(ice.Servers, signaling.ICEServer{URLs: own.stun})
			ice.Servers = append(ice.Servers, signaling.ICEServer{URLs: own.turn, Username: credential.Username, Credential: credential.Password})
			ice.Expires = credential.Expires.UnixMilli()
		}
		others, expires := othersFor(c.ICE, p.iceSecret, r)
		ice.Servers = append(ice.Servers, others...)
		if expires != 0 && (ice.Expires == 0 || expires < ice.Expires) {
			ice.Expires = expires
		}
		return ice
	}
}

// othersFor are the servers that the operator names, with a credential for the TURN servers among them.
func othersFor(c config.ICE, secret string, r signaling.AuthRequest) (servers []signaling.ICEServer, expires int64) {
	var stun, relays []string
	for _, url := range c.Servers {
		if url[:4] == "stun" {
			stun = append(stun, url)
		} else {
			relays = append(relays, url)
		}
	}
	if len(stun) > 0 {
		servers = append(servers, signaling.ICEServer{URLs: stun})
	}
	switch {
	case len(relays) == 0:
		return servers, 0
	case c.SecretFile != "":
		credential := turn.NewCredential([]byte(secret), r.Room, r.Member, time.Now().Add(c.Validity))
		return append(servers, signaling.ICEServer{URLs: relays, Username: credential.Username, Credential: credential.Password}), credential.Expires.UnixMilli()
	}
	return append(servers, signaling.ICEServer{URLs: relays, Username: c.Username, Credential: secret}), 0
}

// relayBuilder listens for TURN and finds out what to tell members of it.
type relayBuilder struct {
	server    *Server
	config    *config.Config
	udp       []net.PacketConn // at least one; all have one port
	listeners []net.Listener   // TCP and TLS
	gates     []*gate
	tcp, tls  net.Addr // nil: none of its own
}

// listen takes the addresses. The TCP port may be the hub's, which takes TURN anyway.
func (b *relayBuilder) listen() (err error) {
	hub := b.server.gate.Addr().(*net.TCPAddr)
	at := b.address(b.config.TURN.Listen, turnPort)
	if b.udp, err = listenUDP(at, localAddresses()); err != nil {
		return explainTURN("turn.listen", at, err)
	}
	if !covers(hub, b.udp[0].LocalAddr().(*net.UDPAddr)) || at[strings.LastIndexByte(at, ':'):] == ":0" {
		l, err := net.Listen("tcp", at)
		if err != nil {
			return explainTURN("turn.listen", at, err)
		}
		b.tcp = l.Addr()
		b.listeners = append(b.listeners, b.guard(l))
	}
	if b.server.tls == nil || b.config.TURN.TLSListen == "off" {
		return nil
	}
	at = b.address(b.config.TURN.TLSListen, turnTLSPort)
	l, err := net.Listen("tcp", at)
	if err != nil {
		return explainTURN("turn.tls_listen", at, err)
	}
	b.tls = l.Addr()
	b.listeners = append(b.listeners, tls.NewListener(b.guard(l), b.server.tls.config()))
	return nil
}

// covers tells whether who listens at hub takes what would come to the same port at a.
func covers(hub *net.TCPAddr, a *net.UDPAddr) bool {
	return hub.Port == a.Port && (hub.IP.IsUnspecified() || a.IP.IsUnspecified() || hub.IP.Equal(a.IP))
}

// at is where TURN listens: one address, or all.
func (b *relayBuilder) at() netip.Addr {
	if len(b.udp) > 1 {
		if slices.ContainsFunc(b.udp, func(c net.PacketConn) bool { return c.LocalAddr().(*net.UDPAddr).IP.To4() == nil }) {
			return netip.IPv6Unspecified()
		}
		return netip.IPv4Unspecified()
	}
	return b.udp[0].LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
}

// address is what a key says or, if that is nothing, the hub's host and the usual port.
func (b *relayBuilder) address(set, usual string) string {
	if set != "" {
		return set
	}
	host, port, _ := net.SplitHostPort(address(b.config.Listen, b.config.LAN))
	if port == "0" {
		usual = port
	}
	return net.JoinHostPort(host, usual)
}

// guard bounds connections as those of the hub are.
func (b *relayBuilder) guard(l net.Listener) *gate {
	g := newGate(l, b.server.logs)
	g.configure(b.config)
	b.gates = append(b.gates, g)
	return g
}

func (b *relayBuilder) close() {
	for _, c := range b.udp {
		c.Close()
	}
	for _, l := range b.listeners {
		l.Close()
	}
}

// explainTURN says why TURN can't be listened for at an address, and what to do.
func explainTURN(key, at string, err error) error {
	host, port, _ := net.SplitHostPort(at)
	why := fmt.Sprintf("TURN can't listen on %s: %v", at, err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = fmt.Sprintf("port %s, which TURN needs, is in use by another program", port)
	case errors.Is(err, syscall.EACCES):
		why = fmt.Sprintf("port %s, for TURN, needs more rights than you have", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = fmt.Sprintf("%s, for TURN, is no address of this machine", host)
	}
	return fmt.Errorf("%s: choose another address (%s), or leave TURN out (--turn off)", why, key)
}

// urls are those of the servers here, as members are told them.
func (b *relayBuilder) urls(relays []turn.Relay) (stun, all []string) {
	host := cmp.Or(b.config.TURN.Host, b.server.tls.name())
	if host == "" {
		host = relays[0].Address.String()
	}
	at := func(a net.Addr) string {
		_, port, _ := net.SplitHostPort(a.String())
		if ip, err := netip.ParseAddr(host); err == nil {
			return netip.AddrPortFrom(ip, portOf(port)).String()
		}
		return host + ":" + port
	}
	udp, page := at(b.udp[0].LocalAddr()), at(b.server.gate.Addr())
	all = append(all, "turn:"+udp+"?transport=udp")
	if b.tcp != nil {
		all = append(all, "turn:"+at(b.tcp)+"?transport=tcp")
	}
	if b.tls != nil {
		all = append(all, "turns:"+at(b.tls)+"?transport=tcp")
	}
	switch {
	case b.server.tls != nil:
		all = append(all, "turns:"+page+"?transport=tcp")
	case b.pageIsReached():
		all = append(all, "turn:"+page+"?transport=tcp")
	}
	return []string{"stun:" + udp}, all
}

func portOf(text string) uint16 {
	n, _ := strconv.ParseUint(text, 10, 16)
	return uint16(n)
}

// pageIsReached tells whether members reach the hub's own port at the host that they are told of for TURN: not if it is behind a proxy.
func (b *relayBuilder) pageIsReached() bool {
	if len(b.config.Proxies) > 0 {
		return false
	}
	hub := b.server.gate.Addr().(*net.TCPAddr)
	return !hub.IP.IsLoopback() || b.at().IsLoopback()
}
