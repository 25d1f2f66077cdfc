package bench

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"
)

// pionMaker makes links with plain Pion: its defaults, used as its data-channel examples do, and signals that cost nothing.
type pionMaker struct {
	end  *pionEnd
	here []*pair // a mesh
}

// How much may wait in Pion, in bytes: examples/data-channels-flow-control has the same.
const (
	pionBufferedLow = 512 << 10
	pionBufferedMax = 1 << 20
)

func (m *pionMaker) pair(ctx context.Context, r *road) (*pair, error) {
	start := time.Now()
	offerer, err := newPionEnd(r.nets[0])
	if err != nil {
		return nil, err
	}
	answerer, err := newPionEnd(r.nets[1])
	if err != nil {
		offerer.close()
		return nil, err
	}
	p := &pair{newcomer: offerer, resident: answerer}
	offerer.signals, answerer.signals = newSignals(r.RTT/2), newSignals(r.RTT/2)
	if err = offerer.offer(answerer); err == nil {
		err = offerer.live(ctx)
	}
	if err == nil {
		err = answerer.live(ctx)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	here, there := offerer.opened.Sub(start), answerer.opened.Sub(start)
	p.opened = opened{Newcomer: here, Both: max(here, there)}
	return p, nil
}

// meet offers, answers and takes the answer, with all candidates in each.
func (m *pionMaker) meet(ctx context.Context, said string) (string, error) {
	if m.end != nil {
		return "", m.end.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: said})
	}
	var err error
	if m.end, err = newPionEnd(nil); err != nil {
		return "", err
	}
	pc := m.end.pc
	describe := pc.CreateAnswer
	if said == "" {
		describe, err = func(*webrtc.AnswerOptions) (webrtc.SessionDescription, error) { return pc.CreateOffer(nil) }, m.end.create()
	} else {
		err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: said})
	}
	if err != nil {
		return "", err
	}
	d, err := describe(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (m *pionMaker) met(ctx context.Context) (end, error) { return m.end, m.end.live(ctx) }

func (m *pionMaker) mesh(ctx context.Context, members int, apart bool) (time.Duration, error) {
	if apart {
		return 0, nil // a member without links is nothing here
	}
	m.here = make([]*pair, members*(members-1)/2)
	start := time.Now()
	err := all(len(m.here), func(i int) (err error) {
		m.here[i], err = m.pair(ctx, new(road))
		return err
	})
	return time.Since(start), err
}

func (m *pionMaker) close() {
	if m.end != nil {
		m.end.close()
	}
	all(len(m.here), func(i int) error {
		if m.here[i] != nil {
			m.here[i].close()
		}
		return nil
	})
	m.here = nil
}

// pionEnd is a PeerConnection with one data channel.
type pionEnd struct {
	counter
	pc      *webrtc.PeerConnection
	signals *signals   // to the other end, in this process; nil if that is in another
	saying  sync.Mutex // a description is on its way before its candidates
	room    chan struct{}

	channel *webrtc.DataChannel // set before isOpen is closed, like the next
	opened  time.Time
	isOpen  chan struct{}
	failed  chan struct{}
}

func newPionEnd(nic transport.Net) (*pionEnd, error) {
	var s webrtc.SettingEngine
	s.LoggerFactory = quiet()
	if nic != nil {
		s.SetNet(nic)
		s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // it would go past the virtual network
	} else if onlyLoopback() {
		s.SetIncludeLoopbackCandidate(true)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	e := &pionEnd{pc: pc, room: make(chan struct{}, 1), isOpen: make(chan struct{}), failed: make(chan struct{})}
	fail := sync.OnceFunc(func() { close(e.failed) })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			fail()
		}
	})
	pc.OnDataChannel(e.use)
	return e, nil
}

// onlyLoopback tells whether this machine has no other address: plain Pion doesn't use that one unless it is told.
func onlyLoopback() bool {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return false
		}
	}
	return true
}

func (e *pionEnd) create() error {
	channel, err := e.pc.CreateDataChannel("data", nil)
	if err == nil {
		e.use(channel)
	}
	return err
}

func (e *pionEnd) use(channel *webrtc.DataChannel) {
	e.channel = channel
	channel.SetBufferedAmountLowThreshold(pionBufferedLow)
	channel.OnBufferedAmountLow(func() {
		select {
		case e.room <- struct{}{}:
		default:
		}
	})
	channel.OnMessage(func(m webrtc.DataChannelMessage) { e.add(len(m.Data)) })
	channel.OnOpen(func() {
		e.opened = time.Now()
		close(e.isOpen)
	})
}

// offer opens a link to an end in this process. Candidates trickle.
func (e *pionEnd) offer(to *pionEnd) error {
	if err := e.create(); err != nil {
		return err
	}
	e.trickle(to)
	to.trickle(e)
	offer, err := e.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	return e.say(offer, func() error {
		if err := to.pc.SetRemoteDescription(offer); err != nil {
			return err
		}
		answer, err := to.pc.CreateAnswer(nil)
		if err != nil {
			return err
		}
		return to.say(answer, func() error { return e.pc.SetRemoteDescription(answer) })
	})
}

// say takes a description, and has the other end take it, too.
func (e *pionEnd) say(d webrtc.SessionDescription, taken func() error) error {
	e.saying.Lock()
	defer e.saying.Unlock()
	if err := e.pc.SetLocalDescription(d); err != nil {
		return err
	}
	e.signals.send(taken)
	return nil
}

func (e *pionEnd) trickle(to *pionEnd) {
	e.pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		e.saying.Lock()
		defer e.saying.Unlock()
		e.signals.send(func() error { return to.pc.AddICECandidate(c.ToJSON()) })
	})
}

var errPionFailed = errors.New("the PeerConnection failed")

// live waits until it can send.
func (e *pionEnd) live(ctx context.Context) error {
	var refused <-chan error
	if e.signals != nil {
		refused = e.signals.refused
	}
	select {
	case <-e.isOpen:
		return nil
	case err := <-refused:
		return err
	case <-e.failed:
		return errPionFailed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *pionEnd) send(ctx context.Context, data []byte) error {
	if err := e.channel.Send(data); err != nil {
		return err
	}
	if e.channel.BufferedAmount() <= pionBufferedMax {
		return nil
	}
	select {
	case <-e.room:
		return nil
	case <-e.failed:
		return errPionFailed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *pionEnd) close() {
	if e.signals != nil {
		e.signals.close()
	}
	e.pc.GracefulClose()
}
