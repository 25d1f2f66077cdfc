package signaling

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
)

// request writes a request of which more is announced than comes, and returns the connection.
func (l *lab) request(verb, body string, more int) net.Conn {
	l.t.Helper()
	conn, err := l.listener.dial(l.t.Context(), "", "")
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST %s%s/%s HTTP/1.1\r\nHost: hub.test\r\nContent-Length: %d\r\n\r\n%s", roomsPath, l.invite.Room, verb, len(body)+more, body)
	return conn
}

// post asks the hub over HTTP.
func (l *lab) post(verb, body string) (status int, lines []string) {
	l.t.Helper()
	conn := l.request(verb, body, 0)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer.StatusCode, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// connectOverHTTP says hello and returns the connection's id.
func (l *lab) connectOverHTTP(hello string) string {
	l.t.Helper()
	_, lines := l.post("connect", hello)
	var first connectionLine
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(first.ID) != 22 {
		l.t.Fatalf("%s, %v", lines[0], err)
	}
	return first.ID
}

func TestRequestsThatComeSlowlyAreRefused(t *testing.T) {
	for verb, status := range map[string]int{"connect": 408, "receive": 408, "send": 410, "": 405} {
		synctest.Test(t, func(t *testing.T) {
			l := newBubbleLab(t, nil)
			start := time.Now()
			conn := l.request(verb, `{"connection":"AAAAAAAAAAAAAAAAAAAAAA","n":1}`+"\n", 100)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || answer.StatusCode != status {
				t.Fatalf("%s: %+v, %v", verb, answer, err)
			}
			io.Copy(io.Discard, conn) // to the end
			if d := time.Since(start); d > requestWait+time.Second {
				t.Errorf("%s was given up after %v", verb, d)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // the first line of a send
		l := newBubbleLab(t, nil)
		conn := l.request("send", `{"connection":`, 100)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%+v, %v", answer, err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // the rest of a send that has begun well
		l := newBubbleLab(t, nil)
		id := l.connectOverHTTP(goodHello)
		start := time.Now()
		conn := l.request("send", fmt.Sprintf(`{"connection":%q,"n":1}`+"\n", id), 100)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestTimeout || time.Since(start) != requestWait {
			t.Errorf("%+v, %v after %v", answer, err, time.Since(start))
		}
		holdsNothing(t, l.hub)
	})
}

func TestAnswersThatNobodyReadsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		id := l.connectOverHTTP(goodHello)
		ann := l.join("Ann")
		conn := l.request("receive", fmt.Sprintf(`{"connection":%q,"n":1}`+"\n", id), 0)
		io.ReadFull(conn, make([]byte, 10)) // of the answer that tells of Ann
		body := `"` + strings.Repeat("x", 60_000) + `"`
		bob := ann.Welcome().Roster.Members[0].ID
		for range 4 {
			if _, err := ann.Signal(t.Context(), bob, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		settle(t, ann)
		if status, _ := l.post("receive", fmt.Sprintf(`{"connection":%q,"n":2}`+"\n", id)); status != http.StatusConflict {
			t.Errorf("a second receive at a time: %d", status)
		}
		ann.Close()
		holdsNothing(t, l.hub)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("the answer is still being written: %v", err)
		}
	})
}

func TestWhatIsBeingWrittenCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		id := l.connectOverHTTP(goodHello)
		ann := l.join("Ann")
		body := `"` + strings.Repeat("x", 60_000) + `"`
		ann.Signal(t.Context(), ann.Welcome().Roster.Members[0].ID, []byte(body))
		settle(t, ann)
		synctest.Wait()
		before := l.hub.Stats().Bytes
		conn := l.request("receive", fmt.Sprintf(`{"connection":%q,"n":1}`+"\n", id), 0)
		io.ReadFull(conn, make([]byte, 10))
		if now := l.hub.Stats().Bytes; now < before {
			t.Errorf("%d bytes waited; while they are written to somebody who doesn't read, %d do", before, now)
		}
	})
}

func TestSilenceIsAnsweredAfterItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, &Options{PingInterval: time.Minute, PongTimeout: 2 * time.Minute})
		id := l.connectOverHTTP(goodHello)
		for n := range 2 {
			start := time.Now()
			status, lines := l.post("receive", fmt.Sprintf(`{"connection":%q,"n":%d}`, id, n+1))
			if d := time.Since(start); status != 200 || len(lines) != 1 || lines[0] != "" || d != pollWait {
				t.Errorf("receive %d: %d %q after %v", n+1, status, lines, d)
			}
		}
	})
}
