package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const patience = time.Minute // for one thing to happen

// began is what the times in signals count from.
var began = time.Now()

// member is one as far as a server can tell. A goroutine of its own reads; any
// goroutine may send.
type member struct {
	// Set while joining.
	crowd  *crowd
	conn   net.Conn
	reader frameReader
	secret signaling.Secret
	id     string
	key    [4]byte

	// Set before the load.
	tolerant bool // of signals that are not delivered: the receiver doesn't read

	news    chan struct{} // has an element when known has risen
	leaving atomic.Bool   // what ends the connection is no failure

	mu           sync.Mutex // held while writing, too
	signal       []byte     // the frame for its partner
	timeAt       int        // of the digits in the frame
	timeOffset   int        // of the digits in the payload
	known        int        // the roster's version
	knownAt      time.Time
	received     int // counted messages
	unacked      int // of them, not acknowledged
	unackedBytes int
	unackedSince time.Time
}

// dial connects and upgrades; nothing is said yet.
func (c *crowd) dial(ctx context.Context, room string) (*member, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := c.site.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	m := &member{crowd: c, conn: conn, secret: signaling.NewSecret(), news: make(chan struct{}, 1)}
	m.id = m.secret.MemberID()
	m.reader.Reader = bufio.NewReaderSize(conn, readBuffer)
	rand.Read(m.key[:])
	err = m.upgrade(room)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

func (m *member) upgrade(room string) error {
	path, subprotocol := m.crowd.site.dialect.endpoint(room, m.secret)
	request := "GET " + m.crowd.site.prefix + path + " HTTP/1.1\r\nHost: " + m.crowd.site.host +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c251Zy1iZW5jaC1rZXktMQ==\r\n"
	if subprotocol != "" {
		request += "Sec-WebSocket-Protocol: " + subprotocol + "\r\n"
	}
	if m.crowd.site.process != nil {
		request += "X-Forwarded-For: " + m.crowd.site.nextAddress() + "\r\n"
	}
	if _, err := io.WriteString(m.conn, request+"\r\n"); err != nil {
		return fmt.Errorf("upgrading: %w", err)
	}
	answer, err := http.ReadResponse(m.reader.Reader, nil)
	if err != nil {
		return fmt.Errorf("upgrading: %w", err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		return fmt.Errorf("the server answered %s instead of upgrading: %s", answer.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// enter says hello and returns when the server has welcomed it.
func (m *member) enter() error {
	m.conn.SetDeadline(time.Now().Add(patience))
	if err := m.hello(); err != nil {
		return err
	}
	known, err := m.welcome()
	if err != nil {
		return err
	}
	m.conn.SetDeadline(time.Time{})
	m.learn(known, time.Now())
	return nil
}

func (m *member) hello() error {
	hello := m.crowd.site.dialect.hello(m.secret)
	if hello == nil {
		return nil
	}
	frame, _ := clientFrame(opText, hello, m.key)
	return m.write(frame)
}

func (m *member) welcome() (known int, err error) {
	for {
		op, payload, err := m.reader.next()
		switch {
		case err != nil:
			return 0, fmt.Errorf("waiting for the welcome: %w", err)
		case op == opText:
			return m.crowd.site.dialect.welcome(payload)
		}
		if err := m.control(op, payload); err != nil {
			return 0, err
		}
	}
}

func (m *member) write(frame []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.conn.Write(frame)
	return err
}

// address makes the signals go to a member.
func (m *member) address(to string) {
	payload := m.crowd.site.dialect.signal(to)
	m.timeOffset = strings.Index(string(payload), timeName) + len(timeName)
	frame, start := clientFrame(opText, payload, m.key)
	m.signal, m.timeAt = frame, start+m.timeOffset
}

// send sends a signal that should have been sent at a time.
func (m *member) send(at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	digits := m.signal[m.timeAt:][:0]
	digits = strconv.AppendInt(digits, firstTime+int64(at.Sub(began)), 10)
	mask(digits, m.timeOffset, m.key)
	_, err := m.conn.Write(m.signal)
	return err
}

// read reads until the connection ends.
func (m *member) read() {
	for {
		op, payload, err := m.reader.next()
		if err == nil && op == opText {
			err = m.take(payload)
		} else if err == nil {
			err = m.control(op, payload)
		}
		if err != nil {
			m.ended(err)
			return
		}
	}
}

func (m *member) take(message []byte) error {
	now := time.Now()
	e := m.crowd.site.dialect.read(message)
	switch e.kind {
	case eventSignal:
		m.crowd.delivered(now.Sub(began) - time.Duration(e.at))
	case eventRoster:
		m.learn(e.n, now)
		return nil
	case eventUndeliverable:
		if !m.tolerant {
			return e.err
		}
	case eventFailure:
		return e.err
	default:
		return nil
	}
	if !m.crowd.site.dialect.acknowledges() {
		return nil
	}
	return m.count(len(message), now)
}

func (m *member) control(op byte, payload []byte) error {
	switch op {
	case opPing:
		frame, _ := clientFrame(opPong, payload, m.key)
		return m.write(frame)
	case opClose:
		code := 0
		if len(payload) >= 2 {
			code = int(payload[0])<<8 | int(payload[1])
		}
		return fmt.Errorf("the server closed a connection with %d", code)
	}
	return nil
}

// learn takes a roster's version.
func (m *member) learn(n int, at time.Time) {
	m.mu.Lock()
	if n > m.known {
		m.known, m.knownAt = n, at
	}
	m.mu.Unlock()
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// knows waits until the member knows a roster's version, and tells since when.
func (m *member) knows(ctx context.Context, n int) (time.Time, error) {
	for {
		m.mu.Lock()
		known, at := m.known, m.knownAt
		m.mu.Unlock()
		if known >= n {
			return at, nil
		}
		select {
		case <-m.news:
		case <-m.crowd.failed:
			return time.Time{}, m.crowd.failure
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("a member knows change %d of its room and not %d: %w", known, n, ctx.Err())
		}
	}
}

// leave says bye and closes.
func (m *member) leave() {
	m.leaving.Store(true)
	m.conn.SetWriteDeadline(time.Now().Add(time.Second)) // a server that doesn't read doesn't hold us
	frame, _ := clientFrame(opClose, []byte{1000 >> 8, 1000 & 0xff}, m.key)
	m.write(frame)
	m.conn.Close()
}

func (m *member) ended(err error) {
	if !m.leaving.Load() {
		m.crowd.fail(fmt.Errorf("a member was lost: %w", err))
	}
}
