package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"

	"github.com/snug-chat/snug/internal/config"
)

// filesSpare is what a hub needs beside its clients: listeners, files, its own connections.
const filesSpare = 64

// checkServer looks at the hub from beside it.
func (e *examination) checkServer(ctx context.Context) {
	if !e.onServer {
		return
	}
	e.checkFiles()
	e.checkCertificate(ctx)
}

// checkFiles compares how many files the hub may have open with what its limits let clients use.
func (e *examination) checkFiles() {
	ports, c := []string{e.target.port()}, e.Config
	if c == nil {
		c = config.Default()
	} else if _, own, err := net.SplitHostPort(c.Listen); err == nil {
		ports = []string{own, e.target.port()} // a proxy may be before it, and flags above the file
	}
	limit, open, port, kind := uint64(0), 0, "", "unknown"
	for _, port = range ports {
		if limit, open, kind = openFiles(port); kind == "ok" {
			break
		}
	}
	with := values{"port": port, "limit": strconv.FormatUint(limit, 10), "open": strconv.Itoa(open)}
	if need := filesNeeded(c); kind == "ok" && limit < need {
		e.say("server-files", "low", with.and("need", strconv.FormatUint(need, 10)))
		return
	}
	e.say("server-files", kind, with)
}

// filesNeeded is what the limits let clients use: the connections of one address, which all clients of a proxy are, and all relays.
func filesNeeded(c *config.Config) uint64 {
	need := filesSpare + 2*uint64(c.Limits.Connections)
	if c.TURNEnabled() {
		need += uint64(c.TURN.TotalAllocations)
	}
	return need
}

// checkCertificate compares the file of the certificate with what is shown.
func (e *examination) checkCertificate(ctx context.Context) {
	if e.Config == nil || e.Config.TLS.Cert == "" {
		e.say("server-certificate", "none", nil)
		return
	}
	pair, err := tls.LoadX509KeyPair(e.Config.TLS.Cert, e.Config.TLS.Key)
	if err != nil {
		e.say("server-certificate", "unreadable", values{"error": cause(err)})
		return
	}
	with := values{"file": e.Config.TLS.Cert, "until": pair.Leaf.NotAfter.UTC().Format(dateForm)}
	shown := e.shown(ctx)
	switch {
	case pair.Leaf.NotAfter.Sub(e.Now()) < nearOf(pair.Leaf):
		e.say("server-certificate", "near", with)
	case shown != nil && !bytes.Equal(shown.Raw, pair.Leaf.Raw) && shown.NotBefore.Before(pair.Leaf.NotBefore):
		e.say("server-certificate", "stale", with)
	default:
		e.say("server-certificate", "ok", with)
	}
}

// shown is the certificate that the hub shows; nil if it shows none.
func (e *examination) shown(ctx context.Context) *x509.Certificate {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	answer, _, err := e.ask(ctx)
	if err != nil || answer.TLS == nil {
		return nil
	}
	return answer.TLS.PeerCertificates[0]
}
