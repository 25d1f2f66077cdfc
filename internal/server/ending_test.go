package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

func TestEndIsAtOnceWhereNobodyIs(t *testing.T) {
	s := listen(t, configured(t, "drain: 20s"), Options{})
	end := run(t, s)
	if got := status(t, t.Context(), "http://"+s.gate.Addr().String()+"/readyz", ""); got != http.StatusOK {
		t.Errorf("ready: %d", got)
	}
	start := time.Now()
	end()
	if took := time.Since(start); took > 2*time.Second { // of 20, or of drainRest
		t.Errorf("it took %v", took)
	}
}

func TestMembersAreSentAwayOverATime(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "")
	const n = 25
	gone := make(chan time.Time, n)
	for range n {
		conn, err := l.dial("")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			var err error
			for err == nil {
				_, err = conn.Receive(context.Background())
			}
			if !refusedWith(err, signaling.CodeGoingAway) {
				t.Errorf("a member was told %v", err)
			}
			gone <- time.Now()
		}()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.finish()
	}()
	within(t, "it drains", func() bool { return l.hub.Stats().Draining })
	if got := status(t, t.Context(), "http://"+l.gate.Addr().String()+"/readyz", ""); got != http.StatusServiceUnavailable {
		t.Errorf("ready while it ends: %d", got)
	}
	if _, err := l.dial(""); err == nil {
		t.Error("it takes newcomers while it ends")
	}
	var times []time.Time
	for range n {
		times = append(times, <-gone)
	}
	<-ended
	slices.SortFunc(times, time.Time.Compare)
	if over := times[n-1].Sub(times[0]); over < 300*time.Millisecond || over > 3*time.Second { // 25 times 20 ms
		t.Errorf("they went within %v", over)
	}
}

// What an operator began to drain for an hour doesn't keep the hub from ending.
func TestEndGoesAboveADrain(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "")
	for range 3 {
		if _, err := l.dial(""); err != nil {
			t.Fatal(err)
		}
	}
	l.hub.Drain(time.Hour)
	start := time.Now()
	l.finish()
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A client that takes nothing is cut.
func TestDeadlineIsTheEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "drain: 0\ndeadline: 1s\n")
	conn, err := net.Dial("tcp", l.gate.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	asked := make(chan struct{})
	go func() { // and reads no answer
		defer close(asked)
		conn.SetWriteDeadline(time.Now().Add(3 * time.Second))
		for err := error(nil); err == nil; {
			_, err = io.WriteString(conn, strings.Repeat("GET /sdk.js HTTP/1.1\r\nHost: x\r\n\r\n", 100))
		}
	}()
	<-asked // the buffers between us are full
	start := time.Now()
	l.finish()
	if took := time.Since(start); took < 500*time.Millisecond || took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if !strings.Contains(l.log.String(), "the deadline was over: connections were cut") {
		t.Errorf("it says %s", l.log.String())
	}
}
