package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"
)

// What is handed to SCTP and not acknowledged yet, in bytes. More would only make
// messages wait where they can't be overtaken.
const (
	maxBuffered = 256 << 10
	lowBuffered = 128 << 10
)

const closeWait = 5 * time.Second // for Pion to close a PeerConnection

// rtc is the carrier that rides on a PeerConnection; no other part of this
// package knows one. Its negotiation belongs to the link's goroutine; what happens
// to it is posted there.
type rtc struct {
	// Set at construction.
	pc       *webrtc.PeerConnection
	network  *network
	channels [dataChannels]*webrtc.DataChannel
	low      [dataChannels]chan struct{} // a token: the channel has room again
	done     chan struct{}

	gathering *gathering
	legs      legs

	once sync.Once

	ended chan struct{}                             // closed when Pion has seen the other side close
	eof   atomic.Bool                               // a read has seen it
	raw   [dataChannels]datachannel.ReadWriteCloser // each set before the open event of its channel
}

var _ carrier = (*rtc)(nil)

// rtcEvents are what a PeerConnection tells. They are called from Pion's
// goroutines and must not block.
type rtcEvents struct {
	candidate func(*candidate) // nil: no more will come
	open      func()           // all data channels are
	state     func(carrierState)
	foreign   func() // the other side opened a data channel that isn't one of ours
}

var carrierStates = map[webrtc.PeerConnectionState]carrierState{
	webrtc.PeerConnectionStateConnected:    carrierConnected,
	webrtc.PeerConnectionStateDisconnected: carrierSilent,
	webrtc.PeerConnectionStateFailed:       carrierFailed,
}

func newRTC(n *network, on rtcEvents) (*rtc, error) {
	pc, err := n.newPeerConnection()
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	r := &rtc{pc: pc, network: n, done: make(chan struct{}), ended: make(chan struct{})}
	r.gathering = newGathering(n, on.candidate)
	pc.OnICECandidate(r.gathering.pion)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if state, ok := carrierStates[s]; ok {
			on.state(state)
		}
	})
	pc.SCTP().OnClose(func(error) {
		close(r.ended)
		on.state(carrierClosed)
	})
	pc.OnDataChannel(func(*webrtc.DataChannel) { on.foreign() })
	var opened atomic.Int32
	for id := range dataChannels {
		err := r.negotiate(uint16(id), func() {
			if opened.Add(1) == dataChannels {
				on.open()
			}
		})
		if err != nil {
			pc.Close()
			return nil, fmt.Errorf("peer: %w", err)
		}
	}
	return r, nil
}

// negotiate makes one of the data channels that both sides know of (RFC 8832 §1).
func (r *rtc) negotiate(id uint16, opened func()) error {
	yes, ordered, none := true, id != dataUnreliable, uint16(0)
	init := &webrtc.DataChannelInit{ID: &id, Negotiated: &yes, Ordered: &ordered}
	if !ordered {
		init.MaxRetransmits = &none
	}
	d, err := r.pc.CreateDataChannel("", init)
	if err != nil {
		return err
	}
	low := make(chan struct{}, 1)
	d.SetBufferedAmountLowThreshold(lowBuffered)
	d.OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	d.OnOpen(func() {
		raw, err := d.Detach()
		if err != nil {
			r.pc.Close() // can't be: detaching is switched on
			return
		}
		r.raw[id] = raw
		opened()
	})
	r.channels[id], r.low[id] = d, low
	return nil
}

// offer makes a new offer and takes it as the local description. With restart it is one for new
// candidates and a new path (RFC 8445 §2.4): frames wait until that is found. The first offer needs none.
func (r *rtc) offer(restart bool) (sdp string, err error) {
	if restart || r.pc.LocalDescription() == nil {
		r.gathering.start()
	}
	d, err := r.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return "", err
	}
	return d.SDP, r.pc.SetLocalDescription(d)
}

// answer takes an offer in and answers it.
func (r *rtc) answer(offer string) (sdp string, err error) {
	if last := r.pc.RemoteDescription(); last == nil || iceUfrag(last.SDP) != iceUfrag(offer) {
		r.gathering.start() // the first, or an ICE restart
	}
	err = r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	if err != nil {
		return "", err
	}
	d, err := r.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return d.SDP, r.pc.SetLocalDescription(d)
}

// useServers has the next ICE restart use the servers that the network has now.
func (r *rtc) useServers() error {
	r.gathering.use(r.network.iceServers())
	return r.pc.SetConfiguration(r.network.configuration())
}

// facts are what gathering has brought so far: from them the cause is told when no path is found.
func (r *rtc) facts() facts {
	r.gathering.mu.Lock()
	defer r.gathering.mu.Unlock()
	return r.gathering.facts
}

func (r *rtc) accept(answer string) error {
	return r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

func (r *rtc) addCandidate(c candidate) error {
	return r.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: &c.Mid, SDPMLineIndex: c.Line})
}

// dtlsFailed tells whether it was the handshake that failed, not the path.
func (r *rtc) dtlsFailed() bool {
	return r.pc.SCTP().Transport().State() == webrtc.DTLSTransportStateFailed
}

func (r *rtc) write(ctx context.Context, stop <-chan struct{}, id int, frame []byte) error {
	for r.channels[id].BufferedAmount()+uint64(len(frame)) > maxBuffered {
		select {
		case <-r.low[id]:
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return io.ErrClosedPipe
		case <-r.done:
			return io.ErrClosedPipe
		}
	}
	_, err := r.raw[id].Write(frame)
	return err
}

func (r *rtc) read(id int, buf []byte) (n int, err error) {
	n, text, err := r.raw[id].ReadDataChannel(buf)
	if text || errors.Is(err, io.ErrShortBuffer) {
		return 0, errFrame
	}
	if err != nil {
		r.eof.Store(true)
	}
	return n, err
}

// close waits for Pion's goroutines, so it must not be called from its callbacks.
func (r *rtc) close() {
	r.once.Do(func() {
		close(r.done)
		r.gathering.end()
		if r.eof.Load() {
			// Reads end a moment before Pion is done with the end. Closing in
			// between has it wait for 400 ms with a lock held.
			select {
			case <-r.ended:
			case <-time.After(time.Second): // only this data channel was closed
			}
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			r.pc.GracefulClose()
		}()
		select {
		case <-closed:
		case <-time.After(closeWait):
			// A timer of pion/sctp v1.12.0 that fires after the handshake holds the
			// association's lock until the transport below ends, for which closing waits.
			r.pc.SCTP().Transport().Stop()
			<-closed
		}
	})
}
