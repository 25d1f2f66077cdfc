package peer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"
)

// dialed is a stream between the two, from both ends.
func dialed(t testing.TB, ann, bob *Room, name string) (near, far net.Conn) {
	t.Helper()
	ln, err := bob.Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s, err := ann.Link(bob.Self().ID).Dial(within(t, 20*time.Second), name)
	if err != nil {
		t.Fatal(err)
	}
	far, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return s, far
}

func TestStreamIsAConn(t *testing.T) {
	ann, bob := pair(t)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = dialed(t, ann, bob, "pipe")
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

func TestStreamsHalfClose(t *testing.T) {
	ann, bob := pair(t)
	near, far := dialed(t, ann, bob, "pipe")
	defer near.Close()
	if a := near.RemoteAddr().(Addr); a.Member != bob.Self().ID || a.Name != "pipe" || far.RemoteAddr().(Addr).Member != ann.Self().ID {
		t.Error(a, far.RemoteAddr())
	}
	data := random(3 << 20)
	var copying sync.WaitGroup
	defer copying.Wait()
	copying.Go(func() {
		near.Write(data)
		near.(*Stream).CloseWrite()
		if _, err := near.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("writing after CloseWrite: %v", err)
		}
	})
	copying.Go(func() { // what came goes back
		all, err := io.ReadAll(far)
		if err != nil {
			t.Error(err)
		}
		far.Write(all)
		far.Close()
	})
	if got, err := io.ReadAll(near); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back of %d: %v", len(got), len(data), err)
	}
}

func TestStreamsThatNobodyWants(t *testing.T) {
	ann, bob := pair(t)
	link := ann.Link(bob.Self().ID)
	if _, err := link.Dial(within(t, 20*time.Second), "nothing"); !errors.Is(err, ErrUnwanted) {
		t.Errorf("dialing nobody: %v", err)
	}
	near, far := dialed(t, ann, bob, "pipe")
	if _, err := near.Write([]byte("never read")); err != nil {
		t.Fatal(err)
	}
	far.Close()
	for {
		if _, err := near.Write(make([]byte, 10_000)); err != nil {
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
			break
		}
	}
	near.Close()
	if err := near.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a deadline after Close: %v", err)
	}
	says(t, ann, "and on")
	hears(t, bob, "Ann", "and on")
}

// Ids are given back: there may be more streams in time than at once.
func TestManyStreamsInTurn(t *testing.T) {
	ann, bob := pair(t)
	ln, err := bob.Listen("echo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Listen("echo"); err == nil {
		t.Error("two listen for one name")
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer ln.Close()
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			io.Copy(c, c)
			c.Close()
		}
	})
	for range 3 * maxChannels {
		c, err := ann.Link(bob.Self().ID).Dial(within(t, 20*time.Second), "echo")
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("hello"))
		c.CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		c.Close()
	}
}

func TestStreamsEndWithTheirLink(t *testing.T) {
	ann, bob := pair(t)
	near, far := dialed(t, ann, bob, "pipe")
	if _, err := far.Write([]byte("before the end")); err != nil {
		t.Fatal(err)
	}
	bob.Close(context.Background())
	got, err := io.ReadAll(near)
	var gone *GoneError
	if string(got) != "before the end" || !errors.As(err, &gone) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := near.Write([]byte("x")); !errors.As(err, &gone) {
		t.Errorf("writing: %v", err)
	}
	near.Close()
	far.Close()
}
