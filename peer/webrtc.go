package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
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
	dtls     *webrtc.DTLSTransport // of pc: asking for it may wait for the association's lock
	network  *network
	channels [dataChannels]*webrtc.DataChannel
	low      [dataChannels]chan struct{} // a token: the channel has room again
	done     chan struct{}

	gathering *gathering
	leg       pairLeg
	unlocker  *unlocker

	once sync.Once

	isOpen  atomic.Bool                               // all data channels are
	reading atomic.Bool                               // somebody reads
	ended   chan struct{}                             // closed when Pion has seen the other side close
	eof     atomic.Bool                               // a read has seen it
	raw     [dataChannels]datachannel.ReadWriteCloser // each set before the open event of its channel
}

var _ carrier = (*rtc)(nil)

// rtcEvents are what a PeerConnection tells. They are called from Pion's
// goroutines and must not block.
type rtcEvents struct {
	candidate func(*candidate) // nil: no more will come
	open      func()           // all data channels are
	state     func(carrierState)
	foreign   func() // the other side opened a data channel that isn't one of ours
	pair      func() // other candidates carry it now
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
	r := &rtc{pc: pc, dtls: pc.SCTP().Transport(), network: n, done: make(chan struct{}), ended: make(chan struct{})}
	r.gathering = newGathering(n, on.candidate)
	r.unlocker = newUnlocker(func() {
		on.state(carrierFailed)
		r.dtls.Stop()
	})
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
	pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(*webrtc.ICECandidatePair) { on.pair() })
	pc.OnDataChannel(func(*webrtc.DataChannel) { on.foreign() })
	var opened atomic.Int32
	for id := range dataChannels {
		err := r.negotiate(uint16(id), func() {
			if opened.Add(1) == dataChannels {
				r.isOpen.Store(true)
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

// addCandidates takes candidates of the other side.
func (r *rtc) addCandidates(all []candidate, log *slog.Logger) {
	if r == nil {
		return
	}
	for _, c := range all {
		// Names that only the other's network resolves (RFC 8828 §3.1) aren't
		// needed: its checks arrive from the address that we can answer.
		if c.Candidate == "" || strings.Contains(c.Candidate, ".local ") {
			continue
		}
		err := r.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: &c.Mid, SDPMLineIndex: c.Line})
		if err != nil {
			log.Debug("a candidate could not be taken", "error", err)
		}
	}
}

// certificate is the other side's, as DTLS has seen it, in DER; nil before the handshake.
func (r *rtc) certificate() []byte { return r.pc.SCTP().Transport().GetRemoteCertificate() }

// dtlsFailed tells whether it was the handshake that failed, not the path.
func (r *rtc) dtlsFailed() bool {
	return r.dtls.State() == webrtc.DTLSTransportStateFailed
}

// fits tells whether size bytes can be handed over now.
func (r *rtc) fits(id, size int) bool {
	return r != nil && r.isOpen.Load() && !isClosed(r.done) && r.channels[id].BufferedAmount()+uint64(size) <= maxBuffered
}

func (r *rtc) wait(ctx context.Context, stop <-chan struct{}, id, size int) error {
	for !r.fits(id, size) {
		if r == nil || !r.isOpen.Load() {
			return errNoCarrier
		}
		select {
		case <-r.low[id]:
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return errStopped
		case <-r.done:
			return errNoCarrier
		}
	}
	return nil
}

func (r *rtc) put(id int, frame []byte) error {
	r.unlocker.watch(id)
	defer r.unlocker.done(id)
	_, err := r.raw[id].Write(frame)
	return err
}

// setRead takes note that all is read that comes, so that its end is seen there.
func (r *rtc) setRead() { r.reading.Store(true) }

func (r *rtc) isRead() bool { return r.reading.Load() }

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
		defer r.unlocker.end()
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
			r.dtls.Stop() // the association is locked: see unlocker
			select {
			case <-closed:
			case <-time.After(closeWait): // what is locked for good holds up nobody
			}
		}
	})
}
