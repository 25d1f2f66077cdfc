package signaling

import (
	"bytes"
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzRequests makes requests of the transport without WebSocket, one after another: each begins with its
// verb's letter, $ in its body is a connection's id, and 0xff ends it. They may only ever end that connection.
func FuzzRequests(f *testing.F) {
	hello := "c" + goodHello
	for _, script := range []string{
		hello + "\xffs{\"connection\":\"$\",\"n\":1}\n{\"type\":\"ping\"}\n\xffr{\"connection\":\"$\",\"n\":1}",
		"s{\"connection\":\"$\",\"n\":1}\n{\"type\":\"signal\",\"to\":\"x\",\"body\":1}\n{\"type\":\"close\",\"code\":1000}\xffr{\"connection\":\"$\",\"n\":1}",
		"s{\"connection\":\"$\",\"n\":2}\xffr{\"connection\":\"$\",\"n\":1}",
		"r{\"connection\":\"$\",\"n\":1}\xffr{\"connection\":\"$\",\"n\":1}\xffs{\"connection\":\"$\",\"n\":1}",
		"s{\"connection\":\"$\",\"n\":1}\n{\"type\":\"hello\"}\n\nx\xffr{\"connection\":\"$\",\"n\":1}",
		"c{}\xffc\xffr\xffs\n\n\xffr{}",
	} {
		f.Add([]byte(script))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			l := newBubbleLab(t, nil)
			ann := l.join("Ann")
			id := l.connectOverHTTP(goodHello)
			for request := range bytes.SplitSeq(script, []byte{0xff}) {
				l.requests(request, id)
			}
			ended := make(chan error, 1)
			go func() { ended <- listen(ann) }()
			<-time.After(defaultPongTimeout + defaultGrace + 5*time.Second)
			if s := l.hub.Stats(); s.Bytes != 0 || s.Members != 1 {
				t.Errorf("%d members and %d bytes are left", s.Members, s.Bytes)
			}
			select {
			case err := <-ended:
				t.Error("another one's connection ended:", err)
			default:
			}
		})
	})
}

// listen receives until the end.
func listen(c *Conn) error {
	for {
		if _, err := c.Receive(context.Background()); err != nil {
			return err
		}
	}
}

// requests makes one request of a script. It goes to the hub itself, so that a panic is one.
func (l *lab) requests(script []byte, id string) {
	if len(script) == 0 {
		return
	}
	verb := map[byte]string{'c': "connect", 's': "send", 'r': "receive"}[script[0]]
	if verb == "" {
		verb = "connect"
	}
	body := bytes.ReplaceAll(script[1:], []byte("$"), []byte(id))
	r := httptest.NewRequest("POST", "http://hub.test/v1/rooms/lobby/"+verb, bytes.NewReader(body))
	l.hub.ServeHTTP(httptest.NewRecorder(), r)
}
