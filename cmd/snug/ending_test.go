package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// guests join a room, and tell when each is sent away.
func guests(t *testing.T, invite string, n int) (away <-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ends := make(chan error, n)
	var joining, receiving sync.WaitGroup
	for range n {
		joining.Go(func() {
			conn, err := signaling.Dial(ctx, parse(t, invite), signaling.Hello{Secret: signaling.NewSecret(), Kind: "go"}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { conn.Close() })
			receiving.Go(func() {
				var err error
				for err == nil {
					_, err = conn.Receive(context.Background())
				}
				ends <- err
			})
		})
	}
	joining.Wait()
	t.Cleanup(receiving.Wait)
	return ends
}

func TestHangupReloads(t *testing.T) {
	inDirectory(t, map[string]string{"snug.yaml": "limits: {members: 1}\n"})
	invite, p := serve(t, "--config", "snug.yaml")
	guests(t, invite, 1)
	refused(t, []string{"chat", invite}, "This room has all its 1 members")
	write := func(text string) {
		if err := os.WriteFile("snug.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGHUP)
	}
	write("limits: {members: 2}\nlisten: 127.0.0.1:1\n") // --listen goes above that
	p.tells(`msg="the configuration has changed" key=limits.members from=1 to=2`)
	p.tells("changed=1 restart=0")
	guests(t, invite, 1)
	write("limits: {members: 3, header: 1MiB}\nlog: {format: json}\n")
	p.tells(`"msg":"this change needs a restart","key":"limits.header","from":"16KiB","to":"1MiB"`)
	write("limits: {membrs: 9}\n")
	p.tells(`"problem":"snug.yaml:1: limits.membrs: is no key: did you mean members?"`)
	p.tells("refused as a whole; the one before stays in force")
	guests(t, invite, 1)
	refused(t, []string{"chat", invite}, "This room has all its 3 members")
	p.signal(syscall.SIGTERM)
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestTermSendsMembersAwayOneAfterTheOther(t *testing.T) {
	const n = 60
	invite, p := serve(t)
	away := guests(t, invite, n)
	p.signal(syscall.SIGTERM)
	start := time.Now()
	var refused *signaling.Error
	for range n {
		select {
		case err := <-away:
			if !errors.As(err, &refused) || refused.Code != signaling.CodeGoingAway || refused.Retry <= 0 {
				t.Fatalf("a member was told %v", err)
			}
		case <-time.After(patience):
			t.Fatal("members stay")
		}
	}
	if took := time.Since(start); took < time.Second { // 60 times 20 ms
		t.Errorf("all went within %v", took)
	}
	if status := p.status(); status != 0 {
		t.Errorf("status %d, %s", status, p.notes.text())
	}
	p.tells(`connections=60 over=1.2s`)
}

func TestNobodyIsWaitedForWhereNobodyIs(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or the race detector waits for a second
	_, p := serve(t, "--set", "drain=20s")
	start := time.Now()
	p.signal(os.Interrupt)
	if status := p.status(); status != 0 || p.notes.text() != "" || time.Since(start) > 2*time.Second { // of 20
		t.Errorf("status %d after %v, %s", status, time.Since(start), p.notes.text())
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	invite, p := serve(t, "--set", "deadline=1m", "--set", "drain=1m", "--set", "limits.members=150")
	guests(t, invite, 150)
	p.signal(syscall.SIGTERM)
	p.tells("a second signal ends it at once")
	p.signal(syscall.SIGTERM)
	start := time.Now()
	p.status()
	if took := time.Since(start); took > 2*time.Second { // of three
		t.Errorf("it took %v", took)
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip("no such sockets here:", err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	inDirectory(t, map[string]string{"snug.yaml": ""})
	_, p := serve(t, "--config", "snug.yaml")
	heard := func(want string) {
		t.Helper()
		b := make([]byte, 1024)
		l.SetReadDeadline(time.Now().Add(patience))
		n, err := l.Read(b)
		if got := string(b[:n]); err != nil || !strings.HasPrefix(got, want) {
			t.Fatalf("got %q, %v, not %s", got, err, want)
		}
	}
	heard("READY=1")
	p.signal(syscall.SIGHUP)
	heard("RELOADING=1\nMONOTONIC_USEC=")
	heard("READY=1")
	p.signal(syscall.SIGTERM)
	heard("STOPPING=1")
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
}
