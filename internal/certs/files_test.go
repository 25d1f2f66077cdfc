package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCertificateOfFilesIsServed(t *testing.T) {
	p := goodPair(t, "hub.example.org")
	c, err := New(t.Context(), twoFiles(t, p), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = tls.NewListener(l, c.TLSConfig())
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(p.cert)
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: trusted, ServerName: "hub.example.org", NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if s := conn.ConnectionState(); s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != "http/1.1" {
		t.Errorf("got version %x and protocol %q", s.Version, s.NegotiatedProtocol)
	}
	if old, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: trusted, ServerName: "hub.example.org", MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		old.Close()
		t.Error("TLS 1.1 is taken")
	}
}

// In a bubble a minute passes at once.
func TestChangedFilesAreReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		o := twoFiles(t, newPair(t, "first", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
		c, err := New(t.Context(), o, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		second := newPair(t, "second", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		write(t, o.CertFile, second.cert)
		write(t, o.KeyFile, second.key)
		touch(t, o, 1)
		if served(t, c) != "first" {
			t.Error("it reloads before a minute has passed")
		}
		time.Sleep(lookInterval + time.Second)
		if got := served(t, c); got != "second" {
			t.Errorf("a minute after the change, %s is served", got)
		}
		reads := log.count("a certificate was read")
		time.Sleep(10 * lookInterval)
		if log.count("a certificate was read") != reads || log.count("level=ERROR") != 0 {
			t.Errorf("what hasn't changed is read: %s", log.String())
		}
	})
}

// touch gives the files a time of their own: two writes may fall into one tick of the file system's clock.
func touch(t *testing.T, o Options, n int) {
	t.Helper()
	for _, file := range []string{o.CertFile, o.KeyFile} {
		at := time.Now().Add(time.Duration(n) * time.Second)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBrokenPairKeepsTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		until := time.Now().Add(240 * time.Hour)
		o := twoFiles(t, newPair(t, "first", time.Now().Add(-time.Hour), until))
		c, err := New(t.Context(), o, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		second := newPair(t, "second", time.Now().Add(-time.Hour), until)
		write(t, o.CertFile, second.cert) // and its key comes later
		touch(t, o, 1)
		time.Sleep(5 * lookInterval)
		if got := served(t, c); got != "first" {
			t.Errorf("%s is served", got)
		}
		if log.count("level=ERROR") != 1 || !strings.Contains(log.String(), "doesn't belong to the certificate in "+o.CertFile) {
			t.Errorf("it isn't told once and with the file: %s", log.String())
		}
		write(t, o.KeyFile, second.key)
		touch(t, o, 2)
		time.Sleep(lookInterval + time.Second)
		if got := served(t, c); got != "second" {
			t.Errorf("with its key, %s is served", got)
		}
		if err := os.Remove(o.CertFile); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * lookInterval)
		if served(t, c) != "second" || log.count("level=ERROR") != 2 {
			t.Errorf("with its file gone: %s", log.String())
		}
	})
}

func TestWatchingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine stays
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := New(ctx, twoFiles(t, newPair(t, "x", time.Now(), time.Now().Add(time.Hour))), nil); err != nil {
			t.Fatal(err)
		}
		cancel()
	})
}

func TestCertificateOutOfItsTimeIsToldOf(t *testing.T) {
	now := time.Now()
	for say, p := range map[string]pair{
		"the certificate has expired":      newPair(t, "old", now.Add(-2*time.Hour), now.Add(-time.Hour)),
		"the certificate isn't valid yet,": newPair(t, "young", now.Add(time.Hour), now.Add(2*time.Hour)),
	} {
		var log journal
		o := twoFiles(t, p)
		c, err := New(t.Context(), o, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if log.count("level=WARN") != 1 || !strings.Contains(log.String(), say) || !strings.Contains(log.String(), o.CertFile) {
			t.Errorf("it says %q", log.String())
		}
	}
}

func TestKeysOfAllForms(t *testing.T) {
	now := time.Now()
	ec, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(ec)
	old, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, c := range []struct {
		pair
		header string
		key    []byte
	}{
		{sign(t, ec, "sec1", now, now.Add(time.Hour)), "EC PRIVATE KEY", sec1},
		{sign(t, old, "pkcs1", now, now.Add(time.Hour)), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(old)},
		{sign(t, old, "pkcs8", now, now.Add(time.Hour)), "", nil},
	} {
		if c.key != nil { // behind parameters, as openssl ecparam writes it
			c.pair.key = append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 1, 1}}), pem.EncodeToMemory(&pem.Block{Type: c.header, Bytes: c.key})...)
		}
		if got, err := New(t.Context(), twoFiles(t, c.pair), nil); err != nil {
			t.Error(err)
		} else {
			got.Close()
		}
	}
}

// Each is a sentence that names the file, and says what to do.
func TestFilesThatCannotBeUsed(t *testing.T) {
	good, other := goodPair(t, "good"), goodPair(t, "other")
	damaged := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	lockedKey := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	legacyKey := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")})
	brokenKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	for _, c := range []struct {
		cert, key []byte
		want      string
	}{
		{good.cert, other.key, "the key in KEY doesn't belong to the certificate in CERT: name the two files that were made together"},
		{append(other.cert, good.cert...), good.key, "CERT begins with another certificate than the one that the key in KEY belongs to: put that one first"},
		{good.key, good.cert, "CERT holds a key and no certificate: are the two files swapped?"},
		{good.cert, good.cert, "KEY holds a certificate and no key: name the file of its key"},
		{[]byte("hello"), good.key, "CERT holds no certificate: it should be PEM, with a line -----BEGIN CERTIFICATE-----"},
		{good.cert, []byte("hello"), "KEY holds no key: it should be PEM, with a line -----BEGIN PRIVATE KEY-----"},
		{damaged, good.key, "certificate 1 in CERT is damaged: "},
		{good.cert, lockedKey, "the key in KEY has a passphrase, which nobody is there to type: take it off with openssl pkey -in KEY -out NEW"},
		{good.cert, legacyKey, "the key in KEY has a passphrase, which nobody is there to type: take it off with openssl pkey -in KEY -out NEW"},
		{good.cert, brokenKey, "the key in KEY can't be used: it is damaged, or neither RSA nor ECDSA nor Ed25519"},
		{nil, good.key, "the file of the certificate isn't there: CERT"},
		{good.cert, nil, "the file of the key isn't there: KEY"},
	} {
		o := twoFiles(t, pair{c.cert, c.key})
		if c.cert == nil {
			os.Remove(o.CertFile)
		}
		if c.key == nil {
			os.Remove(o.KeyFile)
		}
		_, err := New(t.Context(), o, nil)
		want := strings.NewReplacer("CERT", o.CertFile, "KEY", o.KeyFile, "BEGIN CERTIFICATE", "BEGIN CERTIFICATE", "PRIVATE KEY", "PRIVATE KEY").Replace(c.want)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestFolderInPlaceOfAFile(t *testing.T) {
	o := twoFiles(t, goodPair(t, "x"))
	o.CertFile = filepath.Dir(o.CertFile)
	if _, err := New(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), o.CertFile+", can't be read") {
		t.Errorf("got %v", err)
	}
}
