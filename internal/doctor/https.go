package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	dateForm = "2006-01-02 15:04 MST"
	// nearEnd is how long before its end a certificate should have been renewed: a third of 90 days is usual, and
	// those of a few days get a sixth of their time.
	nearEnd  = 14 * 24 * time.Hour
	nearPart = 6
	// clockSlack is how far clocks may be apart: hubs allow tokens 60 s (PROTOCOL.md, section 8).
	clockSlack = 30 * time.Second
)

// checkTLS looks at what the hub showed. If that isn't good, everything else is tried without checking it.
func (e *examination) checkTLS(state *tls.ConnectionState) {
	host := e.target.host()
	if state == nil {
		if ip, err := netip.ParseAddr(host); strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback() {
			e.say("https", "local", nil)
			return
		}
		e.say("https", "plain", values{"host": host})
		return
	}
	kind, with := judge(state, host, e.TLS.RootCAs, e.Now())
	if kind != "ok" && kind != "near" {
		e.bad, e.secure.InsecureSkipVerify = true, true
	}
	e.say("https", kind, with)
}

// judge says what is wrong with what a server showed.
func judge(state *tls.ConnectionState, host string, roots *x509.CertPool, now time.Time) (string, values) {
	leaf := state.PeerCertificates[0]
	with := values{
		"protocol": tls.VersionName(state.Version), "host": host, "names": namesOf(leaf), "issuer": issuerOf(leaf),
		"from": leaf.NotBefore.UTC().Format(dateForm), "until": leaf.NotAfter.UTC().Format(dateForm),
	}
	others := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: others, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case now.After(leaf.NotAfter):
		return "expired", with
	case now.Before(leaf.NotBefore):
		return "early", with
	case errors.As(err, &name):
		return "name", with
	case errors.As(err, &unknown) && len(state.PeerCertificates) == 1 && leaf.Issuer.String() != leaf.Subject.String():
		return "chain", with
	case err != nil:
		return "untrusted", with
	case state.Version < tls.VersionTLS12:
		return "old", with
	case leaf.NotAfter.Sub(now) < nearOf(leaf):
		return "near", with
	}
	return "ok", with
}

// nearOf is how long before its end a certificate should have been renewed.
func nearOf(c *x509.Certificate) time.Duration {
	return min(nearEnd, c.NotAfter.Sub(c.NotBefore)/nearPart)
}

func namesOf(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host at all"
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d others", strings.Join(names[:3], ", "), len(names)-3)
	}
	return listed(names)
}

func issuerOf(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

// checkClock compares the hub's clock, as it was at a moment, or took before or after it, with this one. Its header counts whole seconds.
func (e *examination) checkClock(answer *http.Response, at time.Time, took time.Duration) {
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		e.say("clock", "unknown", nil)
		return
	}
	here := e.Now().Add(-time.Since(at))
	switch apart := here.Sub(there); {
	case apart > clockSlack+took:
		e.say("clock", "ahead", values{"by": span(apart)})
	case -apart > clockSlack+took:
		e.say("clock", "behind", values{"by": span(-apart)})
	default:
		e.say("clock", "ok", nil)
	}
}

// span is a time as people say it.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}
