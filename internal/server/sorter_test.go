package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener that a test connects to in a bubble.
type pipes struct {
	conns chan net.Conn
	over  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) Close() error {
	close(p.over)
	return nil
}

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func TestConnectionsAreSortedByTheirFirstByte(t *testing.T) {
	for first, want := range map[byte]string{0x00: "turn", 'G': "http", 'P': "http", 0x40: "http", 0x16: "http", 0xff: "http"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPipes()
			s := newSorter(p, nil, true)
			defer s.http.Close()
			to := map[string]*sorted{"http": s.http, "turn": s.turn}
			go func() {
				c := p.dial()
				c.Write([]byte{first, 2, 3})
				c.Close()
			}()
			conn, err := to[want].Accept()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); err != nil || string(got) != string([]byte{first, 2, 3}) {
				t.Errorf("%x: it reads %x, %v", first, got, err)
			}
		})
	}
}

// Who says nothing has as long as a request's header, and holds up nobody.
func TestSilentConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newSorter(p, nil, true)
		defer s.http.Close()
		start := time.Now()
		silent := p.dial()
		go func() { p.dial().Write([]byte("G")) }()
		if _, err := s.http.Accept(); err != nil || time.Since(start) != 0 {
			t.Errorf("another one: %v after %v", err, time.Since(start))
		}
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF || time.Since(start) != readHeaderTimeout {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// What is found out in time has no deadline left.
func TestSortedConnectionsHaveNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newSorter(p, nil, true)
		defer s.http.Close()
		go func() {
			c := p.dial()
			c.Write([]byte("G"))
			time.Sleep(10 * readHeaderTimeout)
			c.Write([]byte("E"))
		}()
		conn, err := s.http.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 2)); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
}

// Closing ends those that are being sorted, and those that nobody has taken. A bubble fails if anything is left.
func TestClosingASorterEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newSorter(p, nil, true)
		silent, waiting := p.dial(), p.dial()
		go waiting.Write([]byte("G"))
		synctest.Wait()
		start := time.Now()
		if err := errors.Join(s.http.Close(), s.http.Close(), s.turn.Close()); err != nil {
			t.Error(err)
		}
		for _, c := range []net.Conn{silent, waiting} {
			c.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
				t.Errorf("it isn't closed: %v", err)
			}
		}
		if time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
		if _, err := s.turn.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after that: %v", err)
		}
	})
}

// An Accept that fails is net/http's to log, and asks again.
func TestSorterSurvivesFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newSorter(&failing{pipes: p, times: 2}, nil, true)
		defer s.http.Close()
		for range 2 {
			if _, err := s.http.Accept(); !errors.Is(err, os.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		}
		go func() { p.dial().Write([]byte{0}) }()
		if conn, err := s.turn.Accept(); err != nil {
			t.Error(err)
		} else {
			conn.Close()
		}
	})
}

type failing struct {
	*pipes
	times int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.times > 0 {
		f.times--
		return nil, os.ErrInvalid
	}
	return f.pipes.Accept()
}
