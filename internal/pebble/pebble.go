// Package pebble runs an ACME server for tests: pebble, by Let's Encrypt, from the module in test/acme.
package pebble

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const patience = 30 * time.Second

// Server is an ACME server with a DNS server, both of a test's own and on 127.0.0.1. For the DNS server
// every name leads there.
type Server struct {
	Directory string
	CAFile    string         // whom to trust as ACME server
	Roots     *x509.CertPool // whom to trust as holder of its certificates
}

// Start starts one that proves names at port, with certificates that live for so long. It ends with the
// test, which runs in a package two folders below the top.
func Start(t *testing.T, port int, validity time.Duration) Server {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", "../../test/acme", "-o", dir+string(filepath.Separator),
		"github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	at := freeAddresses(t, 4)
	dns, control, directory, management := at[0], at[1], at[2], at[3]
	caFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	trusted := writePair(t, caFile, keyFile)
	config, _ := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": directory, "managementListenAddress": management, "certificate": caFile, "privateKey": keyFile,
		"httpPort": 1, "tlsPort": port, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "for tests", "validityPeriod": int(validity.Seconds())}},
	}})
	write(t, filepath.Join(dir, "pebble.json"), config)
	run(t, filepath.Join(dir, "pebble-challtestsrv"), "-dnsserver", dns, "-management", control, "-defaultIPv6", "", "-doh", "", "-http01", "", "-https01", "", "-tlsalpn01", "")
	run(t, filepath.Join(dir, "pebble"), "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dns)
	p := Server{Directory: "https://" + directory + "/dir", CAFile: caFile, Roots: x509.NewCertPool()}
	p.Roots.AppendCertsFromPEM(fetch(t, "https://"+management+"/roots/0", trusted))
	fetch(t, p.Directory, trusted)
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
	Until(t, url+" to answer", func() bool {
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

// Until waits until something is so.
func Until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// writePair writes a certificate for 127.0.0.1 that signs itself, and its key.
func writePair(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, certFile, own)
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(own)
	return trusted
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
