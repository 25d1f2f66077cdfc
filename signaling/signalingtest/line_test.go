package signalingtest

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is both ends of a connection of memory on a line that isn't connected to a hub.
func pipe(t *testing.T) (l *Line, client, hub *conn) {
	t.Helper()
	l = &Line{pairs: make(map[*pair]struct{})}
	p, err := l.newPair(memoryAddr, memoryAddr)
	if err != nil {
		t.Fatal(err)
	}
	return l, p.client, p.hub
}

func reads(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v; want %q", b[:n], err, want)
	}
}

func writes(t *testing.T, c net.Conn, what string) {
	t.Helper()
	if n, err := io.WriteString(c, what); err != nil || n != len(what) {
		t.Fatal(n, err)
	}
}

func TestBytesComeInOrderAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hub := pipe(t)
		go func() {
			for range 100 {
				io.WriteString(client, "0123456789")
			}
			client.Close()
		}()
		all, err := io.ReadAll(hub)
		if err != nil || len(all) != 1000 {
			t.Errorf("got %d bytes, %v", len(all), err)
		}
		if _, err := hub.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("writing to who has closed: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading what was closed: %v", err)
		}
	})
}

func TestWritersWaitForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hub := pipe(t)
		client.SetWriteDeadline(time.Now().Add(time.Second))
		start := time.Now()
		n, err := client.Write(make([]byte, 2*window))
		var timeout net.Error
		if n != window || !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Second {
			t.Errorf("wrote %d, %v after %v", n, err, time.Since(start))
		}
		client.SetWriteDeadline(time.Time{})
		go client.Write(make([]byte, window))
		if _, err := io.ReadFull(hub, make([]byte, 2*window)); err != nil {
			t.Error(err)
		}
	})
}

// net/http sets a deadline in the past to end a read that waits, and reads on after that.
func TestDeadlinesEndReadsAndLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, hub := pipe(t)
		ended := make(chan error)
		go func() {
			_, err := hub.Read(make([]byte, 8))
			ended <- err
		}()
		synctest.Wait()
		hub.SetReadDeadline(time.Unix(1, 0))
		var timeout net.Error
		if err := <-ended; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v", err)
		}
		writes(t, client, "late")
		hub.SetReadDeadline(time.Time{})
		reads(t, hub, "late")
	})
}

func TestDelayAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		start := time.Now()
		l.Delay(150 * time.Millisecond)
		writes(t, client, "one")
		writes(t, client, "two")
		reads(t, hub, "onetwo")
		if d := time.Since(start); d != 150*time.Millisecond {
			t.Errorf("came after %v", d)
		}
		l.Delay(0)
		l.Slow(1000)
		start = time.Now()
		writes(t, hub, string(make([]byte, 500)))
		writes(t, hub, string(make([]byte, 500)))
		hub.Close()
		if all, err := io.ReadAll(client); len(all) != 1000 || err != nil || time.Since(start) != time.Second {
			t.Errorf("%d bytes, %v after %v", len(all), err, time.Since(start))
		}
	})
}

func TestHalfOpenIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		writes(t, client, "before")
		reads(t, hub, "before")
		l.HalfOpen(ToHub)
		writes(t, client, "lost?")
		writes(t, hub, "comes")
		reads(t, client, "comes")
		client.Close()
		hub.SetReadDeadline(time.Now().Add(time.Hour))
		var timeout net.Error
		if _, err := hub.Read(make([]byte, 8)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("the hub heard %v", err)
		}
		hub.SetReadDeadline(time.Time{})
		l.Resume()
		if all, err := io.ReadAll(hub); string(all) != "lost?" || err != nil {
			t.Errorf("then it heard %q, %v", all, err)
		}
		hub.Close()
		if n := len(l.all()); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

func TestPauseStopsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		start := time.Now()
		l.Pause()
		time.AfterFunc(time.Minute, l.Resume)
		writes(t, client, "there")
		writes(t, hub, "and back")
		reads(t, hub, "there")
		reads(t, client, "and back")
		if d := time.Since(start); d != time.Minute {
			t.Errorf("came after %v", d)
		}
	})
}

func TestCutEndsBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		writes(t, client, "never read")
		l.HalfOpen(BothWays)
		time.AfterFunc(time.Second, l.Cut)
		for _, c := range []net.Conn{client, hub} {
			if _, err := c.Read(make([]byte, 8)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read: %v", err)
			}
			if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("write: %v", err)
			}
		}
	})
}

func TestOneByteComesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		l.OneByteWrites(true)
		writes(t, client, "abc")
		for _, want := range []string{"a", "b", "c"} {
			b := make([]byte, 8)
			if n, err := hub.Read(b); string(b[:n]) != want || err != nil {
				t.Errorf("read %q, %v", b[:n], err)
			}
		}
	})
}

const (
	request = "GET /v1/rooms/lobby HTTP/1.1\r\nHost: hub.test\r\nUpgrade: websocket\r\n\r\n"
	answer  = "HTTP/1.1 101 Switching Protocols\r\n\r\n"
)

func TestPongsAndPingsAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		l.NoPong(true)
		l.NoPing(true)
		const pong, ping, text = "\x8a\x84mask1234", "\x89\x00", "\x81\x83mask\x8a\x00x"
		writes(t, client, request+pong+text+pong)
		l.NoPong(false)
		writes(t, client, pong)
		reads(t, hub, request+text+pong)
		writes(t, hub, answer+ping+"\x81\x7e\x00\x80"+string(make([]byte, 128))+ping+"\x8a\x00")
		hub.Close()
		all, err := io.ReadAll(client)
		if want := answer + "\x81\x7e\x00\x80" + string(make([]byte, 128)) + "\x8a\x00"; string(all) != want || err != nil {
			t.Errorf("got  %q, %v\nwant %q", all, err, want)
		}
	})
}

func TestSomeMessagesComeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frame := func(text string) string { return "\x81" + string(rune(len(text))) + text }
		l, _, hub := pipe(t)
		client := l.all()[0].client
		l.Duplicate(true)
		roster, signal := frame(`{"type":"roster","n":1}`), frame(`{"type":"signal"}`)
		for _, b := range []byte(answer + roster + signal + roster) {
			writes(t, hub, string([]byte{b}))
		}
		reads(t, client, answer+roster+roster+signal+roster+roster)
	})
}

func TestWhatIsNoWebSocketPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client, hub := pipe(t)
		l.NoPong(true)
		l.Duplicate(true)
		post := "POST /x HTTP/1.1\r\n\r\n\x8a\x00\x8a\x00"
		writes(t, client, post)
		reads(t, hub, post)
		page := "HTTP/1.1 200 OK\r\n\r\n\x81\x10{\"type\":\"roster\""
		writes(t, hub, page)
		reads(t, client, page)
	})
}

func TestListenerIsRefusedOnceClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		go l.Dial(t.Context(), "tcp", "anywhere:1")
		if c, err := l.Accept(); err != nil || c.RemoteAddr().String() != "127.0.0.1:80" {
			t.Errorf("%v, %v", c, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Dial(ctx, "tcp", "anywhere:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody accepts: %v", err)
		}
		l.Close()
		if _, err := l.Dial(t.Context(), "tcp", "anywhere:1"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
