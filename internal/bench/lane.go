package bench

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"
)

// lane is the way between two members. The zero value is this machine's network.
type lane struct {
	RTT  time.Duration `json:"rtt,omitzero"`  // of the two, directly and through the hub, which is halfway
	Loss float64       `json:"loss,omitzero"` // the share of packets between the two that is lost, in each direction
}

// laneSeed makes each run lose the same packets, counted.
const laneSeed = 5

// road is a lane that is there. Packets take half a round trip, in a network that is virtual: no socket and no
// other process is in their way, and nothing limits their number but what the receiver's socket would hold (vnet keeps 1,024).
type road struct {
	lane
	router *vnet.Router     // nil on this machine's network
	nets   [2]transport.Net // what the two see of it; nil likewise

	carrying sync.WaitGroup // connections to the hub
}

func (l lane) open() (*road, error) {
	r := &road{lane: l}
	if l == (lane{}) {
		return r, nil
	}
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "203.0.113.0/24", MinDelay: l.RTT / 2, LoggerFactory: quiet()})
	if err != nil {
		return nil, err
	}
	dice := rand.New(rand.NewPCG(laneSeed, 0)) // the router's goroutine throws them
	router.AddChunkFilter(func(vnet.Chunk) bool { return dice.Float64() >= l.Loss })
	for i, address := range []string{"203.0.113.1", "203.0.113.2"} {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{address}})
		if err != nil {
			return nil, err
		}
		if err := router.AddNet(n); err != nil {
			return nil, err
		}
		r.nets[i] = n
	}
	r.router = router
	return r, router.Start()
}

// close is called when nothing uses the road any more.
func (r *road) close() {
	if r.router != nil {
		r.router.Stop()
	}
	r.carrying.Wait()
}

// dial connects to the hub, which is half as far as the other member.
func (r *road) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil || r.RTT == 0 {
		return conn, err
	}
	ours, theirs := net.Pipe()
	r.carrying.Go(func() { carry(theirs, conn, r.RTT/4) })
	r.carrying.Go(func() { carry(conn, theirs, r.RTT/4) })
	return ours, nil
}

// carry brings what comes from one connection to another, so much later. It ends with either.
func carry(to, from net.Conn, delay time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 64)
	var writing sync.WaitGroup
	writing.Go(func() {
		defer to.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.due)) // this is the delay that the lane has
			if _, err := to.Write(p.data); err != nil {
				from.Close() // then no more pieces come
			}
		}
	})
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			pieces <- piece{time.Now().Add(delay), bytes.Clone(buf[:n])}
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	writing.Wait()
}

// welcomed is a connection to the hub that notes when its welcome came.
type welcomed struct {
	net.Conn
	at *atomic.Pointer[time.Time]
}

func (w welcomed) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.at.Load() == nil && bytes.Contains(b[:n], []byte(`{"type":"welcome"`)) {
		now := time.Now()
		w.at.Store(&now)
	}
	return n, err
}

// quiet are logs that nobody gets.
func quiet() logging.LoggerFactory {
	return &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
}
