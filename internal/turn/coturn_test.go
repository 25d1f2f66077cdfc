//go:build coturn

package turn

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
)

// coturn runs the server that most run, with a static secret, and returns where it listens.
func coturn(t *testing.T, secret string) string {
	t.Helper()
	program, err := exec.LookPath("turnserver")
	if err != nil {
		t.Fatal("coturn is missing: install it (make setup does), or leave the tag out: ", err)
	}
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(at)
	dir := t.TempDir()
	conf := filepath.Join(dir, "turnserver.conf")
	lines := []string{
		"listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "listening-port=" + port, "min-port=42000", "max-port=42100", "use-auth-secret", "static-auth-secret=" + secret, "realm=turn.example",
		"no-cli", "no-tls", "no-dtls", "allow-loopback-peers", "log-file=stdout", "pidfile=" + filepath.Join(dir, "pid"), "userdb=" + filepath.Join(dir, "db"),
	}
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, "-c", conf)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	c.Stdout, c.Stderr, c.Dir = &said, &said, dir
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		c.Wait()
		if t.Failed() {
			t.Logf("coturn said:\n%s", said.String())
		}
	})
	within(t, "coturn listens", func() bool {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return at
}

// viaCoturn is an allocation there; an error if the credential isn't taken.
func viaCoturn(t *testing.T, at, network string, c Credential) (*turn.Client, net.PacketConn, error) {
	t.Helper()
	var conn net.PacketConn
	if network == "udp" {
		udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		conn = udp
	} else {
		tcp, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(tcp)
	}
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Username: c.Username, Password: c.Password, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		conn.Close()
	})
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := client.Allocate()
	return client, relay, err
}

// With its use-auth-secret, coturn takes the credentials that the hub makes with the same secret, and no others.
func TestCoturnTakesCredentials(t *testing.T) {
	at := coturn(t, "a shared secret")
	later := time.Now().Add(time.Hour)
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			ac, a, err := viaCoturn(t, at, network, NewCredential([]byte("a shared secret"), "lobby", "ann", later))
			if err != nil {
				t.Fatal(err)
			}
			bc, b, err := viaCoturn(t, at, network, NewCredential([]byte("a shared secret"), "lobby", "bob", later))
			if err != nil {
				t.Fatal(err)
			}
			if err := ac.CreatePermission(b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			if err := bc.CreatePermission(a.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			for i, way := range [][2]net.PacketConn{{a, b}, {b, a}} {
				text, got := fmt.Sprintf("%d through coturn", i), make([]byte, 100)
				if _, err := way[0].WriteTo([]byte(text), way[1].LocalAddr()); err != nil {
					t.Fatal(err)
				}
				way[1].SetReadDeadline(time.Now().Add(patience))
				n, _, err := way[1].ReadFrom(got)
				if err != nil || string(got[:n]) != text {
					t.Fatalf("received %q, %v", got[:n], err)
				}
			}
			for what, c := range map[string]Credential{
				"a wrong secret": NewCredential([]byte("another secret"), "lobby", "ann", later),
				"an old one":     NewCredential([]byte("a shared secret"), "lobby", "ann", time.Now().Add(-time.Hour)),
			} {
				if _, _, err := viaCoturn(t, at, network, c); err == nil {
					t.Errorf("%s is taken", what)
				}
			}
		})
	}
}
