package server

import (
	"fmt"
	"net/url"
	"strings"
)

func check(o Options) error {
	for _, s := range o.ICEServers {
		if err := checkICEServer(s); err != nil {
			return err
		}
	}
	for _, s := range o.Origins {
		if err := checkOrigin(s); err != nil {
			return err
		}
	}
	return nil
}

// checkICEServer says what is wrong with the URL of a STUN server (RFC 7064). Members get it as
// it is, and a browser makes no link at all with one that it can't read.
func checkICEServer(s string) error {
	scheme, rest, _ := strings.Cut(s, ":")
	if scheme == "turn" || scheme == "turns" {
		return fmt.Errorf("%.80q is a TURN server, which needs a name and a password that this hub can't give out yet: name STUN servers only", s)
	}
	u, err := url.Parse("//" + rest)
	if scheme != "stun" || err != nil || u.Hostname() == "" || "//"+u.Host != u.String() {
		return fmt.Errorf("%.80q is no STUN server: write stun:HOST:PORT, such as stun:stun.example.org:3478", s)
	}
	return nil
}

// checkOrigin says what is wrong with an origin as browsers send it (RFC 6454 §7). Pages that
// come from a file send null.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if s != "null" && (err != nil || u.Scheme == "" || u.Hostname() == "" || u.Scheme+"://"+u.Host != s) {
		return fmt.Errorf("%.80q is no origin: write it without a path, such as https://example.org", s)
	}
	return nil
}
