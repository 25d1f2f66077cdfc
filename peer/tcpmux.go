package peer

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/transport/v5"
)

const (
	// Anybody may connect to the port. These bound what that costs.
	maxTCPConns  = 2 * maxLinks
	tcpFirstWait = 10 * time.Second // for the first packet, and for a link that it belongs to

	tcpReadQueue   = 64      // packets of a connection
	tcpWriteBuffer = 4 << 20 // bytes of a connection; what doesn't fit is lost, as on UDP

	acceptPause = 50 * time.Millisecond // when no connection can be taken, for lack of descriptors
)

// newTCPMux listens for links on a TCP port of all addresses, for those that no UDP reaches (RFC 6544,
// passive candidates).
func newTCPMux(nic transport.Net, port uint16, log logging.LeveledLogger) (ice.TCPMux, error) {
	l, err := nic.ListenTCP("tcp", &net.TCPAddr{Port: int(port)})
	if err != nil {
		return nil, err
	}
	return tcpMux{ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: &boundedListener{
			Listener: l,
			slots:    make(chan struct{}, maxTCPConns),
			done:     make(chan struct{}),
		},
		Logger:                       log,
		ReadBufferSize:               tcpReadQueue,
		WriteBufferSize:              tcpWriteBuffer,
		FirstStunBindTimeout:         tcpFirstWait,
		AliveDurationForConnFromStun: tcpFirstWait,
	})}, nil
}

type tcpMux struct{ *ice.TCPMuxDefault }

func (m tcpMux) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	conn, err := m.TCPMuxDefault.GetConnByUfrag(ufrag, isIPv6, local)
	if err != nil {
		return nil, err
	}
	return muxConn{conn}, nil
}

// boundedListener closes the connections that are too many, and goes on after an error that passes:
// Pion would stop listening.
type boundedListener struct {
	net.Listener
	slots chan struct{}
	done  chan struct{}
	once  sync.Once
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			select {
			case <-time.After(acceptPause):
				continue
			case <-l.done:
				return nil, net.ErrClosed
			}
		}
		select {
		case l.slots <- struct{}{}:
			return &boundedConn{Conn: conn, slots: l.slots}, nil
		default:
			conn.Close()
		}
	}
}

func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (c *boundedConn) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}
