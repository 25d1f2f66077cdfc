package turn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
)

// pipe is a stream whose other end a test has, of a server that does nothing else.
func pipe() (*stream, net.Conn) {
	s := &Server{over: make(chan struct{}), clients: make(map[client]map[*relay]struct{}), streams: make(map[*stream]struct{})}
	here, there := net.Pipe()
	return s.newStream(here), there
}

func message(t testing.TB, with ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, with...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func channelData(text string) []byte {
	b := []byte{0x40, 0x01, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(len(text)))
	b = append(b, text...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// Whatever pieces a stream comes in, each Read is one frame.
func TestStreamIsReadFrameByFrame(t *testing.T) {
	frames := [][]byte{
		message(t), channelData("hello"), channelData(""), message(t, stun.NewSoftware(strings.Repeat("x", 700))), channelData(strings.Repeat("y", maxFrame-channelHeader)), message(t, stun.Fingerprint),
	}
	all := slices.Concat(frames...)
	for _, size := range []int{1, 3, 20, 1000, len(all)} {
		synctest.Test(t, func(t *testing.T) {
			c, there := pipe()
			go func() {
				for piece := range slices.Chunk(all, size) {
					there.Write(piece)
				}
			}()
			b := make([]byte, maxFrame+1)
			for i, want := range frames {
				n, err := c.Read(b)
				if err != nil || !bytes.Equal(b[:n], want) {
					t.Fatalf("in pieces of %d, frame %d: %d bytes, %v", size, i, n, err)
				}
			}
			there.Close()
			if _, err := c.Read(b); !errors.Is(err, io.EOF) {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestStreamsThatSpeakSomethingElseAreClosed(t *testing.T) {
	tooLong := message(t)
	binary.BigEndian.PutUint16(tooLong[2:], maxFrame-stunHeader+4)
	longest := []byte{0x40, 0, 0xff, 0xff}
	noCookie := message(t)
	noCookie[4] ^= 1
	for what, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"HTTP":              {[]byte("GET / HTTP/1.1\r\n\r\n"), errTooBig}, // as ChannelData
		"TLS":               {[]byte{0x16, 3, 1, 0, 200, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, errFrame},
		"what is neither":   {[]byte{0xff, 0, 0, 0}, errFrame},
		"a long message":    {tooLong, errTooBig},
		"long ChannelData":  {longest, errTooBig},
		"another protocol":  {noCookie, errFrame},
		"half a header":     {[]byte{0x40, 1}, io.EOF},
		"half a message":    {message(t)[:12], io.EOF},
		"half of what it's": {channelData("hello")[:7], io.EOF},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, there := pipe()
				go func() {
					there.Write(c.bytes)
					there.Close()
				}()
				if _, err := s.Read(make([]byte, maxFrame+1)); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if _, err := s.Conn.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("it isn't closed: %v", err)
				}
				if len(s.server.streams) > 0 {
					t.Error("the server still has it")
				}
			})
		})
	}
}

// Who says nothing is closed, unless it has an allocation; who says half of something, or doesn't read, is closed in any case.
func TestStreamsThatWaitAreClosed(t *testing.T) {
	closed := func(t *testing.T, s *stream, after time.Duration) {
		t.Helper()
		start := time.Now()
		_, err := s.Read(make([]byte, maxFrame+1))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != after {
			t.Errorf("%v after %v, not after %v", err, took, after)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s, _ := pipe()
		closed(t, s, idleWait)
	})
	synctest.Test(t, func(t *testing.T) {
		s, _ := pipe()
		s.server.clients[s.client] = map[*relay]struct{}{{}: {}}
		go func() {
			time.Sleep(10*idleWait + time.Second)
			s.server.mu.Lock()
			delete(s.server.clients, s.client)
			s.server.mu.Unlock()
		}()
		closed(t, s, 11*idleWait)
	})
	synctest.Test(t, func(t *testing.T) {
		s, there := pipe()
		go there.Write([]byte{0x40, 1})
		closed(t, s, frameWait)
	})
	synctest.Test(t, func(t *testing.T) {
		s, there := pipe()
		start := time.Now()
		if _, err := s.Write(channelData("hello")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != writeWait {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _, err := there.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("it isn't closed: %v", err)
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add(slices.Concat(message(f), channelData("hello")), 3)
	f.Add([]byte{0x40, 0, 0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 1 || len(in) > 1<<16 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			c, there := pipe()
			go func() {
				for piece := range slices.Chunk(in, size) {
					there.Write(piece)
				}
				there.Close()
			}()
			b := make([]byte, maxFrame+1)
			read := 0
			for {
				n, err := c.Read(b)
				if err != nil {
					break
				}
				if n < channelHeader || n > maxFrame || !bytes.Equal(b[:n], in[read:read+n]) {
					t.Fatalf("a frame of %d bytes", n)
				}
				read += n
			}
		})
	})
}
