package admin

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// oneConn is a net.Listener of one connection.
type oneConn struct {
	conns chan net.Conn
}

func (l oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l oneConn) Close() error   { close(l.conns); return nil }
func (l oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestABodyThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	for authorization, status := range map[string]string{"Bearer " + secretToken: "400", "none": "401"} {
		synctest.Test(t, func(t *testing.T) { sendHalfABody(t, authorization, status) })
	}
}

func sendHalfABody(t *testing.T, authorization, want string) {
	l := newLab(t)
	ours, theirs := net.Pipe()
	listener := oneConn{make(chan net.Conn, 1)}
	listener.conns <- theirs
	server := &http.Server{Handler: l.handler}
	go server.Serve(listener)
	defer server.Close()
	defer ours.Close()
	started := time.Now()
	request := "POST /v1/drain HTTP/1.1\r\nHost: hub\r\nAuthorization: " + authorization +
		"\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"over\""
	if _, err := ours.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	status, err := bufio.NewReader(ours).ReadString('\n')
	if took := time.Since(started); err != nil || !strings.HasPrefix(status, "HTTP/1.1 "+want) || took > bodyWait+time.Second {
		t.Errorf("after %s: %q, %v", took, status, err)
	}
	if l.hub.stats.Draining {
		t.Error("it drains")
	}
}
