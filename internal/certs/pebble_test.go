//go:build acme

package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/pebble"
)

const patience = 30 * time.Second

// server is a listener that a certificate is for.
type server struct {
	*Certs
	addr string
	log  *journal
}

// serveTLS takes a port, has the certificates begun, and only then accepts: as the hub does.
func serveTLS(t *testing.T, l net.Listener, o ACME) *server {
	t.Helper()
	s := &server{addr: l.Addr().String(), log: new(journal)}
	var err error
	s.Certs, err = New(t.Context(), Options{ACME: &o, Interval: 500 * time.Millisecond}, s.log.logger())
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	served := make(chan struct{})
	go func() { defer close(served); h.Serve(tls.NewListener(l, s.TLSConfig())) }()
	t.Cleanup(func() {
		s.Close()
		h.Close()
		<-served
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// shown is the certificate that a client of a name is shown and trusts; nil if there is none.
func (s *server) shown(t *testing.T, name string, roots *x509.CertPool) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().(*net.TCPAddr).Port
}

func TestCertificateIsGotAndKept(t *testing.T) {
	l, port := listen(t)
	p := pebble.Start(t, port, 90*24*time.Hour)
	names := []string{"hub.example.test", "other.example.test"}
	o := ACME{Domains: names, Email: "ann@example.test", Directory: p.Directory, CAFile: p.CAFile, Storage: filepath.Join(t.TempDir(), "certs"), Listen: l.Addr().String()}
	s := serveTLS(t, l, o)
	first := make(map[string]string)
	for _, name := range names {
		pebble.Until(t, "a certificate for "+name, func() bool {
			c := s.shown(t, name, p.Roots)
			if c != nil {
				first[name] = c.SerialNumber.String()
			}
			return c != nil
		})
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: p.Roots, ServerName: names[0]},
		ForceAttemptHTTP2: true,
	}}
	answer, err := client.Get("https://" + s.addr)
	if err != nil || answer.Proto != "HTTP/1.1" {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	client.CloseIdleConnections()
	// A client that names no host is shown the first.
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().PeerCertificates[0].DNSNames; len(got) != 1 || got[0] != names[0] {
		t.Errorf("without a name, %v is shown", got)
	}
	conn.Close()
	for _, want := range []string{"getting a certificate", "got a certificate"} {
		if s.log.count(want) != 2 {
			t.Errorf("it doesn't say %q for each: %s", want, s.log.String())
		}
	}
	if strings.Contains(s.log.String(), "PRIVATE") || strings.Contains(s.log.String(), "BEGIN") {
		t.Errorf("it says too much: %s", s.log.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	again, _ := listen(t)
	s = serveTLS(t, again, o)
	pebble.Until(t, "the certificate that was kept", func() bool { return s.shown(t, names[0], p.Roots) != nil })
	if got := s.shown(t, names[0], p.Roots).SerialNumber.String(); got != first[names[0]] || s.log.count("getting a certificate") != 0 {
		t.Errorf("started again, it gets another: %s", s.log.String())
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	l, port := listen(t)
	p := pebble.Start(t, port, 6*time.Second)
	o := ACME{Domains: []string{"hub.example.test"}, Directory: p.Directory, CAFile: p.CAFile, Storage: t.TempDir(), Listen: l.Addr().String()}
	s := serveTLS(t, l, o)
	serial := func() string {
		if c := s.shown(t, "hub.example.test", p.Roots); c != nil {
			return c.SerialNumber.String()
		}
		return ""
	}
	pebble.Until(t, "a certificate", func() bool { return serial() != "" })
	first := serial()
	pebble.Until(t, "a second one", func() bool { got := serial(); return got != "" && got != first })
}

func TestWhyThereIsNoCertificateIsToldOf(t *testing.T) {
	nobody, port := listen(t)
	nobody.Close() // so that the ACME server can't reach this
	p := pebble.Start(t, port, time.Hour)
	l, _ := listen(t)
	o := ACME{Domains: []string{"hub.example.test"}, Directory: p.Directory, CAFile: p.CAFile, Storage: t.TempDir(), Listen: l.Addr().String()}
	s := serveTLS(t, l, o)
	pebble.Until(t, "the reason", func() bool { return s.log.count("got no certificate") > 0 })
	if !strings.Contains(s.log.String(), "Failed to connect to 127.0.0.1:") {
		t.Errorf("it says %s", s.log.String())
	}
	closesSoon(t, s) // while certmagic waits to try again

	l, _ = listen(t)
	o.CAFile, o.Storage, o.Listen = "", t.TempDir(), l.Addr().String()
	s = serveTLS(t, l, o)
	pebble.Until(t, "the reason", func() bool { return s.log.count("got no certificate") > 0 })
	if !strings.Contains(s.log.String(), "the ACME server isn't trusted: ") {
		t.Errorf("of an ACME server that isn't trusted, it says %s", s.log.String())
	}
	closesSoon(t, s)
}

func closesSoon(t *testing.T, s *server) {
	t.Helper()
	closed := make(chan struct{})
	go func() { defer close(closed); s.Close() }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("Close doesn't end")
	}
}

// Close ends certmagic's goroutines, but for two: its limiter of requests, one for each ACME server and email address, stays
// as long as the process, and what keeps a lock fresh sees that the lock is gone within 5 s.
func TestNothingRunsAfterClose(t *testing.T) {
	l, port := listen(t)
	p := pebble.Start(t, port, time.Hour)
	s := serveTLS(t, l, ACME{Domains: []string{"hub.example.test"}, Directory: p.Directory, CAFile: p.CAFile, Storage: t.TempDir(), Listen: l.Addr().String()})
	pebble.Until(t, "a certificate", func() bool { return s.shown(t, "hub.example.test", p.Roots) != nil })
	s.Close()
	var left string
	pebble.Until(t, "the goroutines to end", func() bool {
		left = running()
		return left == ""
	})
	if left != "" {
		t.Error(left)
	}
}

// running are the goroutines of certmagic and of this package, but for the limiters.
func running() string {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	var found []string
	for _, g := range strings.Split(string(all), "\n\n")[1:] {
		ours := strings.Contains(g, "/certmagic") || strings.Contains(g, "certs.(*issued)") || strings.Contains(g, "/acmez")
		if ours && !strings.Contains(g, "RingBufferRateLimiter") {
			found = append(found, g)
		}
	}
	return strings.Join(found, "\n\n")
}
