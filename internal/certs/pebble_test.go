//go:build acme

package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const patience = 30 * time.Second

// pebble is an ACME server with a DNS server, both of a test's own and on 127.0.0.1. For the DNS server
// every name leads there.
type pebble struct {
	directory string
	caFile    string // whom to trust as ACME server
	roots     *x509.CertPool
}

// startPebble starts one that proves names at port, with certificates that live for so long.
func startPebble(t *testing.T, port int, validity time.Duration) pebble {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", "../../test/acme", "-o", dir+string(filepath.Separator),
		"github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	at := freeAddresses(t, 4)
	dns, control, directory, management := at[0], at[1], at[2], at[3]
	own := goodPair(t, "localhost")
	caFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	write(t, caFile, own.cert)
	write(t, keyFile, own.key)
	config, _ := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": directory, "managementListenAddress": management, "certificate": caFile, "privateKey": keyFile,
		"httpPort": 1, "tlsPort": port, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "for tests", "validityPeriod": int(validity.Seconds())}},
	}})
	write(t, filepath.Join(dir, "pebble.json"), config)
	run(t, filepath.Join(dir, "pebble-challtestsrv"), "-dnsserver", dns, "-management", control, "-defaultIPv6", "", "-doh", "", "-http01", "", "-https01", "", "-tlsalpn01", "")
	run(t, filepath.Join(dir, "pebble"), "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dns)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(own.cert)
	p := pebble{directory: "https://" + directory + "/dir", caFile: caFile, roots: x509.NewCertPool()}
	p.roots.AppendCertsFromPEM(fetch(t, "https://"+management+"/roots/0", trusted))
	fetch(t, p.directory, trusted)
	return p
}

func freeAddresses(t *testing.T, n int) (all []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all
}

// run runs a program until the test ends, and shows what it said if that fails.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	p := exec.Command(program, args...)
	p.Stdout, p.Stderr = &said, &said
	p.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
		if t.Failed() {
			t.Logf("%s: %s", filepath.Base(program), said.String())
		}
	})
}

// fetch waits until a server answers.
func fetch(t *testing.T, url string, trusted *x509.CertPool) (body []byte) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true}}
	until(t, url+" to answer", func() bool {
		answer, err := client.Get(url)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err = io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	return body
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

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
	p := startPebble(t, port, 90*24*time.Hour)
	names := []string{"hub.example.test", "other.example.test"}
	o := ACME{Domains: names, Email: "ann@example.test", Directory: p.directory, CAFile: p.caFile, Storage: filepath.Join(t.TempDir(), "certs"), Listen: l.Addr().String()}
	s := serveTLS(t, l, o)
	first := make(map[string]string)
	for _, name := range names {
		until(t, "a certificate for "+name, func() bool {
			c := s.shown(t, name, p.roots)
			if c != nil {
				first[name] = c.SerialNumber.String()
			}
			return c != nil
		})
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: p.roots, ServerName: names[0]},
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
	until(t, "the certificate that was kept", func() bool { return s.shown(t, names[0], p.roots) != nil })
	if got := s.shown(t, names[0], p.roots).SerialNumber.String(); got != first[names[0]] || s.log.count("getting a certificate") != 0 {
		t.Errorf("started again, it gets another: %s", s.log.String())
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	l, port := listen(t)
	p := startPebble(t, port, 6*time.Second)
	o := ACME{Domains: []string{"hub.example.test"}, Directory: p.directory, CAFile: p.caFile, Storage: t.TempDir(), Listen: l.Addr().String()}
	s := serveTLS(t, l, o)
	serial := func() string {
		if c := s.shown(t, "hub.example.test", p.roots); c != nil {
			return c.SerialNumber.String()
		}
		return ""
	}
	until(t, "a certificate", func() bool { return serial() != "" })
	first := serial()
	until(t, "a second one", func() bool { got := serial(); return got != "" && got != first })
}

func TestWhyThereIsNoCertificateIsToldOf(t *testing.T) {
	nobody, port := listen(t)
	nobody.Close() // so that the ACME server can't reach this
	p := startPebble(t, port, time.Hour)
	l, _ := listen(t)
	o := ACME{Domains: []string{"hub.example.test"}, Directory: p.directory, CAFile: p.caFile, Storage: t.TempDir(), Listen: l.Addr().String()}
	s := serveTLS(t, l, o)
	until(t, "the reason", func() bool { return s.log.count("got no certificate") > 0 })
	if !strings.Contains(s.log.String(), "Failed to connect to 127.0.0.1:") {
		t.Errorf("it says %s", s.log.String())
	}
	closesSoon(t, s) // while certmagic waits to try again

	l, _ = listen(t)
	o.CAFile, o.Storage, o.Listen = "", t.TempDir(), l.Addr().String()
	s = serveTLS(t, l, o)
	until(t, "the reason", func() bool { return s.log.count("got no certificate") > 0 })
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
	p := startPebble(t, port, time.Hour)
	s := serveTLS(t, l, ACME{Domains: []string{"hub.example.test"}, Directory: p.directory, CAFile: p.caFile, Storage: t.TempDir(), Listen: l.Addr().String()})
	until(t, "a certificate", func() bool { return s.shown(t, "hub.example.test", p.roots) != nil })
	s.Close()
	var left string
	until(t, "the goroutines to end", func() bool {
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
