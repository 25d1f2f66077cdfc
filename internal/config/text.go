package config

import (
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/pion/stun/v4"
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
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return problemf("%q is no port: write a number from 0 to 65535", port)
		}
		return nil
	})
}

var origin = textKind("an origin, such as https://example.org", func(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || s != u.Scheme+"://"+u.Host {
		return problemf("%q is no origin: write its scheme, host and port alone, such as https://example.org", s)
	}
	return nil
})

// stunURL is a server that needs no credentials: a browser refuses a TURN server without them, and every link with it.
var stunURL = textKind("a URL, such as stun:stun.example.org:3478", func(s string) error {
	uri, err := stun.ParseURI(s)
	switch {
	case err != nil || uri.Port < 1 || uri.Port > 65535:
		return problemf("%q is no STUN server: write one such as stun:stun.example.org:3478", s)
	case uri.Scheme != stun.SchemeTypeSTUN && uri.Scheme != stun.SchemeTypeSTUNS:
		return problemf("%q is a TURN server, and needs credentials that the hub can't give out: name STUN servers only", s)
	}
	return nil
})

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
