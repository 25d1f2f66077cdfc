//go:build acme

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/pebble"
	"github.com/snug-chat/snug/signaling"
)

// The whole way: a hub that is started gets its certificate over the port that it serves, and a member comes in by it.
func TestServeGetsACertificate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, port := l.Addr().String(), l.Addr().(*net.TCPAddr).Port
	authority := pebble.Start(t, port, time.Hour)
	l.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "snug.yaml")
	configuration := fmt.Sprintf(`
listen: %s
tls:
  acme:
    domains: [hub.example.test]
    directory: %s
    ca: %s
    storage: acme
`, addr, authority.Directory, authority.CAFile)
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	hub := start(t, "serve", "--config", file)
	hub.says(fmt.Sprintf("https://hub.example.test:%d/r/", port))
	hub.tells("getting a certificate")
	hub.tells("got a certificate")

	to := parse(t, fmt.Sprintf("https://hub.example.test:%d/r/lobby", port))
	o := &signaling.DialOptions{
		TLSConfig: &tls.Config{RootCAs: authority.Roots},
		NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	var c *signaling.Conn
	pebble.Until(t, "a member to come in", func() bool {
		c, err = signaling.Dial(t.Context(), to, signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, o)
		return err == nil
	})
	c.Close()
	if _, err := os.Stat(filepath.Join(dir, "acme", "certificates")); err != nil {
		t.Error(err)
	}
	hub.signal(syscall.SIGTERM)
	if status := hub.status(); status != 0 {
		t.Errorf("status %d, %s", status, hub.notes.text())
	}
}
