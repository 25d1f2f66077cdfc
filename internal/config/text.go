package config

import (
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/snug-chat/snug/internal/turn"
)

func textKind(wants string, check func(string) error) kind[string] {
	return kind[string]{
		wants: wants,
		tags:  []string{tagText},
		parse: func(s string) (string, error) {
			s, err := plainText(s)
			if err != nil {
				return "", err
			}
			return s, check(s)
		},
		format: func(s string) string { return s },
	}
}

// checkWith is what k has to say about s.
func checkWith(k kind[string], s string) error {
	_, err := k.parse(s)
	return err
}

// plainText refuses what no name of anything holds.
func plainText(s string) (string, error) {
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return "", problemf("%q holds a control character", s)
	}
	return s, nil
}

// address is HOST:PORT; empty if that is optional.
func address(optional bool) kind[string] {
	return textKind("an address, such as 127.0.0.1:8080", func(s string) error {
		if s == "" && optional {
			return nil
		}
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return problemf("%q is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080", s)
		}
		if !isPort(port, false) {
			return problemf("%q is no port: write a number from 0 to 65535", port)
		}
		return nil
	})
}

// origin is one as browsers send it (RFC 6454 §7). Pages that come from a file send null.
var origin = textKind("an origin, such as https://example.org", func(s string) error {
	u, err := url.Parse(s)
	if s != "null" && (err != nil || u.Scheme == "" || u.Hostname() == "" || u.Scheme+"://"+u.Host != s) {
		return problemf("%.80q is no origin: write its scheme, host and port alone, such as https://example.org", s)
	}
	return nil
})

// addressOrOff is HOST:PORT, off, or empty.
var addressOrOff = textKind("an address, such as 0.0.0.0:5349, or off", func(s string) error {
	if s == "off" {
		return nil
	}
	return checkWith(address(true), s)
})

// line is text that has something in it, or is empty.
var line = textKind("text", func(string) error { return nil })

// iceURL is the URL of a STUN or TURN server (RFC 7064, RFC 7065). Members get it as it is, and a browser makes no link
// at all with one that it can't read.
var iceURL = textKind("a URL, such as stun:stun.example.org:3478", func(s string) error {
	scheme, rest, _ := strings.Cut(s, ":")
	host, query, asks := strings.Cut(rest, "?")
	u, err := url.Parse("//" + host)
	ok := err == nil && u.Hostname() != "" && "//"+u.Host == u.String() && isPort(u.Port(), true)
	switch scheme {
	case "stun":
		ok = ok && !asks
	case "turn":
		ok = ok && (!asks || query == "transport=udp" || query == "transport=tcp")
	case "turns":
		ok = ok && (!asks || query == "transport=tcp")
	default:
		ok = false
	}
	if !ok {
		return problemf("%.80q is no STUN or TURN server: write stun:HOST:PORT, turn:HOST:PORT?transport=udp (or tcp), or turns:HOST:PORT?transport=tcp", s)
	}
	return nil
})

// maybeHost is a hostName, or empty.
var maybeHost = textKind("a host, such as chat.example.org", func(s string) error {
	if s == "" {
		return nil
	}
	return checkWith(hostName, s)
})

var ip = kind[netip.Addr]{
	wants: "an address, such as 198.51.100.7",
	tags:  []string{tagText},
	parse: func(s string) (netip.Addr, error) {
		a, err := netip.ParseAddr(s)
		if a = a.Unmap(); err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			return a, problemf("%q is no address that others reach: write one such as 198.51.100.7", s)
		}
		return a, nil
	},
	format: netip.Addr.String,
}

// relayable is a network that relays may reach though it isn't public.
var relayable = kind[netip.Prefix]{
	wants: prefix.wants,
	tags:  prefix.tags,
	parse: func(s string) (netip.Prefix, error) {
		p, err := prefix.parse(s)
		if err == nil {
			err = turn.CheckAllowed(p)
		}
		return p, err
	},
	format: prefix.format,
}

// ports are FIRST-LAST.
var ports = kind[turn.Ports]{
	wants: "ports, such as 49152-65535",
	tags:  []string{tagText},
	parse: func(s string) (turn.Ports, error) {
		first, last, _ := strings.Cut(s, "-")
		a, err := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || a == 0 || b < a {
			return turn.Ports{}, problemf("%q are no ports: write the first and the last one, such as 49152-65535", s)
		}
		return turn.Ports{First: uint16(a), Last: uint16(b)}, nil
	},
	format: turn.Ports.String,
}

// isPort tells whether s is the number of a port, or perhaps nothing.
func isPort(s string, optional bool) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return s == "" && optional || err == nil && (n > 0 || !optional)
}

var prefix = kind[netip.Prefix]{
	wants: "addresses, such as 10.0.0.0/8",
	tags:  []string{tagText},
	parse: func(s string) (netip.Prefix, error) {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			return netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return p, problemf("%q are no addresses: write one such as 10.1.2.3, or all of a network, such as 10.0.0.0/8", s)
		}
		if p != p.Masked() {
			return p, problemf("%q names one address of a network: write %s for the network, or %s for the address", s, p.Masked(), p.Addr())
		}
		return p, nil
	},
	format: netip.Prefix.String,
}

var domain = textKind("a host name, such as chat.example.org", func(s string) error {
	ok := len(s) > 0 && len(s) < 254 && net.ParseIP(s) == nil
	for label := range strings.SplitSeq(s, ".") {
		ok = ok && label != "" && len(label) < 64 && label[0] != '-' && label[len(label)-1] != '-' &&
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
	}
	if !ok {
		return problemf("%q is no host name: write one such as chat.example.org", s)
	}
	return nil
})

// hostName is a host as URLs have it, without a port.
var hostName = textKind("a host, such as chat.example.org", func(s string) error {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		return nil
	}
	if _, err := domain.parse(s); err != nil {
		return problemf("%q is no host: write a name such as chat.example.org, or an address, without a port", s)
	}
	return nil
})

var email = textKind("an address, such as ops@example.org", func(s string) error {
	if a, err := mail.ParseAddress(s); s != "" && (err != nil || a.Address != s) {
		return problemf("%q is no e-mail address: write one such as ops@example.org", s)
	}
	return nil
})

var httpsURL = textKind("a URL that begins with https://", func(s string) error {
	if u, err := url.Parse(s); s != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "") {
		return problemf("%q is no URL of a directory: write one that begins with https://", s)
	}
	return nil
})
