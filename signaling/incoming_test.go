package signaling

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// masked is a frame as a client sends it.
func masked(first byte, payload string) []byte {
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, maskedFlag|byte(n))
	case n <= 0xffff:
		f = binary.BigEndian.AppendUint16(append(f, maskedFlag|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, maskedFlag|127), uint64(n))
	}
	f = append(f, key[:]...)
	for i := range len(payload) {
		f = append(f, payload[i]^key[i&3])
	}
	return f
}

// connected are the two ends of a connection over TCP, or one that the kernel can't tell about.
func connected(t *testing.T, overTCP bool) (client, server net.Conn) {
	t.Helper()
	client, server = net.Pipe()
	if overTCP {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if server, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// readAll reads messages and control frames, as text, until the end.
func readAll(in *incoming, limit, extra int) (got []string, err error) {
	for {
		if err := in.next(); err != nil {
			return got, err
		}
		var text []byte
		if in.header.opcode >= opClose {
			text, err = in.control()
		} else {
			text, err = in.data(limit, extra)
		}
		if err != nil {
			return got, err
		}
		if text != nil {
			got = append(got, string(text))
		}
	}
}

func TestFramesAreReadHoweverTheyCome(t *testing.T) {
	long := strings.Repeat("long ", 13_000)
	var sent []byte
	for _, f := range [][]byte{
		masked(finalFragment|opText, "short"), masked(finalFragment|opText, ""), masked(finalFragment|opText, strings.Repeat("a", incomingSize)),
		masked(finalFragment|opPing, "ping"), masked(opText, "in "), masked(opContinue, "three "), masked(finalFragment|opPong, "pong"),
		masked(finalFragment|opContinue, "parts"), masked(finalFragment|opText, long), masked(finalFragment|opText, "last"),
	} {
		sent = append(sent, f...)
	}
	want := []string{"short", "", strings.Repeat("a", incomingSize), "ping", "pong", "in three parts", long, "last"}
	for _, overTCP := range []bool{true, false} {
		for _, step := range []int{1, 7, 1000, len(sent)} {
			client, server := connected(t, overTCP)
			go func() {
				for part := range bytesChunks(sent, step) {
					client.Write(part)
				}
				client.Close()
			}()
			var in incoming
			in.begin(server)
			got, err := readAll(&in, 1<<16, 100)
			if err != io.EOF || strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("over TCP %v, %d bytes at a time: %d of %d came, %v", overTCP, step, len(got), len(want), err)
			}
		}
	}
}

func bytesChunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

func TestWhatIsNoFrameOfAClientIsAnError(t *testing.T) {
	unmasked := []byte{finalFragment | opText, 1, 'a'}
	for name, test := range map[string]struct {
		sent []byte
		want error
	}{
		"unmasked":                     {unmasked, errBroken},
		"compressed":                   {masked(finalFragment|opText|0x40, "a"), errBroken},
		"a continuation of nothing":    {masked(finalFragment|opContinue, "a"), errBroken},
		"a message within a message":   {append(masked(opText, "a"), masked(opText, "b")...), errBroken},
		"a long ping":                  {masked(finalFragment|opPing, strings.Repeat("a", maxControl+1)), errBroken},
		"a ping in fragments":          {masked(opPing, "a"), errBroken},
		"a negative length":            {[]byte{finalFragment | opText, maskedFlag | 127, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, errBroken},
		"a message that is too long":   {masked(finalFragment|opText, strings.Repeat("a", 101)), errTooBig},
		"fragments that are too long":  {append(masked(opText, strings.Repeat("a", 60)), masked(finalFragment|opContinue, strings.Repeat("a", 60))...), errTooBig},
		"too many fragments":           {append(masked(opText, "a"), bytes.Repeat(masked(opContinue, ""), 10)...), errFragments},
		"an end in the middle":         {masked(finalFragment|opText, "abcdef")[:8], io.EOF},
		"a length that is never there": {[]byte{finalFragment | opText, maskedFlag | 127, 0, 0, 0, 0, 0xff, 0, 0, 0, 1, 2, 3, 4}, errTooBig},
	} {
		client, server := connected(t, true)
		client.Write(test.sent)
		client.Close()
		var in incoming
		in.begin(server)
		if _, err := readAll(&in, 100, 30); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestNothingIsHeldWhileNothingComes(t *testing.T) {
	client, server := connected(t, true)
	var in incoming
	in.begin(server)
	client.Write(masked(finalFragment|opText, "hello"))
	if err := in.next(); err != nil {
		t.Fatal(err)
	}
	if m, err := in.data(100, 30); err != nil || string(m) != "hello" {
		t.Fatalf("%q, %v", m, err)
	}
	if in.block == nil {
		t.Fatal("the message is held by nobody")
	}
	server.SetReadDeadline(time.Now())
	if err := in.next(); err == nil {
		t.Fatal("something came")
	}
	if in.block != nil {
		t.Error("a block is held")
	}
}

func TestCloseCodesAreThoseThatMayBeSent(t *testing.T) {
	for payload, want := range map[string]int{"": codeNoStatus, "\x03\xe8": 1000, "\x03\xe9bye": 1001, "\x0f\xa0": 4000, "\x0b\xb8": 3000} {
		if code, ok := closeCode([]byte(payload)); !ok || code != want {
			t.Errorf("%q: %d, %v", payload, code, ok)
		}
	}
	for _, payload := range []string{"\x03", "\x03\xe7", "\x03\xed", "\x03\xee", "\x03\xf7", "\x13\x88", "\x03\xe8\xff"} {
		if code, ok := closeCode([]byte(payload)); ok {
			t.Errorf("%q: %d", payload, code)
		}
	}
}

func FuzzIncoming(f *testing.F) {
	f.Add(append(masked(opText, "in "), masked(finalFragment|opContinue, "parts")...))
	f.Add(masked(finalFragment|opClose, "\x03\xe8bye"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		client, server := net.Pipe()
		go func() { client.Write(sent); client.Close() }()
		var in incoming
		in.begin(server)
		got, err := readAll(&in, 1000, 100)
		server.Close()
		if err == nil {
			t.Error("there is no end")
		}
		for _, m := range got {
			if len(m) > 1000 {
				t.Errorf("a message of %d bytes", len(m))
			}
		}
	})
}
