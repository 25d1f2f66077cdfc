package server

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/term"
	"github.com/mdp/qrterminal/v3"
	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
)

// Greet says on out who can come in, and what to do next. The invite stands on a line of its own.
func (s *Server) Greet(out io.Writer) error {
	to, err := s.invite()
	if err != nil {
		return err
	}
	invite := to.String()
	shown := invite
	if f, ok := out.(*os.File); ok && term.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" {
		shown = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Cyan).Render(invite)
	}
	fmt.Fprintf(out, "snug is running. %s:\n\n    %s\n\n", s.entrance(), shown)
	if why := s.unsealed(to); why != "" {
		fmt.Fprintf(out, "%s\n\n", why)
	}
	if s.started.Auth.Keys != "" { // in quotes: shells take ~ and # for something else
		fmt.Fprintf(out, "This makes a token for it, and comes in with that:\n\n"+
			"    snug token --key PRIVATE.pem --room '%s' --sub NAME > NAME.token\n    snug chat --token-file NAME.token '%s'\n\n", to.Room, invite)
	}
	if s.started.LAN {
		qrterminal.GenerateHalfBlock(invite, qrterminal.L, out)
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "Ctrl-C stops it.\n")
	return nil
}

// entrance says who can come in, and where.
func (s *Server) entrance() string {
	switch c := s.started; {
	case c.Auth.Keys != "":
		return "Whoever comes in needs a token. A room is at"
	case c.LAN:
		return "Anyone in your network can come in. Open this, also on a phone"
	case c.Open || !config.Loopback(c.Listen) || len(c.Proxies) > 0:
		return "It is open: anyone who can reach it can come in, into any room whose name they know, and make new ones. Open this"
	}
	return "Open this in two browsers"
}

// unsealed says in a sentence why a room has no key, where it could have one.
func (s *Server) unsealed(i signaling.Invite) string {
	if s.options.Invite == nil || i.Key != "" {
		return ""
	}
	return "The room is open, without a key: browsers encrypt only at https:// and on localhost, so get a certificate (--tls-cert, --acme-domain; docs/tls.md) to have it sealed."
}

// Invite is the invite to a new room, with a host that reaches this server from
// where it may be opened.
func (s *Server) Invite() (string, error) {
	i, err := s.invite()
	if err != nil {
		return "", err
	}
	return i.String(), nil
}

// invite draws a room: a sealed one where browsers have what that takes.
func (s *Server) invite() (signaling.Invite, error) {
	base, err := s.address()
	if err != nil {
		return signaling.Invite{}, err
	}
	hub, err := url.Parse(base)
	if err != nil {
		return signaling.Invite{}, err
	}
	if s.options.Invite != nil && secure(hub) {
		return s.options.Invite(hub), nil
	}
	return signaling.Invite{Hub: hub, Room: signaling.NewRoomName()}, nil
}

// secure tells whether pages at an address are a secure context, which WebCrypto asks for
// (https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy).
func secure(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// address is the hub's URL, with a host that reaches it.
func (s *Server) address() (string, error) {
	host, port, err := net.SplitHostPort(s.gate.Addr().String())
	if err != nil {
		return "", err
	}
	ip := net.ParseIP(host)
	switch name := s.tls.name(); {
	case name != "":
		host = name
	case s.started.LAN && ip.IsUnspecified():
		if host, err = lanAddress(); err != nil {
			return "", err
		}
	case ip.IsUnspecified() || ip.Equal(net.IPv4(127, 0, 0, 1)) || ip.Equal(net.IPv6loopback):
		host = "localhost"
	}
	return s.base(host, port), nil
}

// base is the URL of a host, without a port that goes without saying.
func (s *Server) base(host, port string) string {
	scheme, usual := "http", "80"
	if s.tls != nil {
		scheme, usual = "https", "443"
	}
	if port == usual {
		if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
