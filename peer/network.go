package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"
	"github.com/snug-chat/snug/signaling"
)

const (
	iceDisconnected = 3 * time.Second // without a packet: shaky
	iceFailed       = 60 * time.Second
	iceKeepalive    = time.Second
	// Checks of a pair, one each 200 ms, before it is given up. Pion's seven are
	// gone before a busy machine has answered one of them.
	iceChecks = 50

	// SCTP doubles its timeout at each loss, up to this: 1 MiB at 150 ms and
	// 20 % loss takes a third of the time that it takes with 60 s.
	sctpRTOMax = time.Second

	// A full socket buffer loses packets, which looks like congestion.
	socketBuffer = 4 << 20 // bytes
)

// network makes the PeerConnections of one joined room. They share one UDP mux,
// which no other room may: two links between the same two muxes can't live.
type network struct {
	// Set at construction.
	api         *webrtc.API
	certificate webrtc.Certificate
	log         *slog.Logger
	close       func() // may be called more than once

	mu      sync.Mutex
	servers []webrtc.ICEServer
}

func newNetwork(o *Options) (*network, error) {
	logs := pionLogs{o.Logger}
	nic := o.Net
	if nic == nil {
		var err error
		if nic, err = stdnet.NewNet(); err != nil {
			return nil, fmt.Errorf("peer: no network: %w", err)
		}
	}
	loopback := loopbackOnly(nic)
	mux, err := newMux(nic, loopback, logs)
	if err != nil {
		return nil, fmt.Errorf("peer: no UDP socket: %w", err)
	}

	var s webrtc.SettingEngine
	s.LoggerFactory = logs
	s.SetNet(nic)
	s.SetICEUDPMux(mux)
	s.SetIncludeLoopbackCandidate(loopback)
	s.DetachDataChannels()
	s.DisableCloseByDTLS(true) // a link closes its PeerConnection itself
	// Pion waits up to two seconds for better candidates than the first that
	// works. Here the first is taken; a better one may replace it.
	s.SetHostAcceptanceMinWait(0)
	s.SetSrflxAcceptanceMinWait(0)
	s.SetPrflxAcceptanceMinWait(0)
	s.SetRelayAcceptanceMinWait(0)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	s.SetICEMaxBindingRequests(iceChecks)
	s.SetSCTPRTOMax(sctpRTOMax)

	// Codecs that are registered after the first offer are ignored, so all are
	// there from the start; they cost nothing until a track uses them.
	var media webrtc.MediaEngine
	err = media.RegisterDefaultCodecs()
	interceptors, lazyErr := lazyInterceptors(&media)
	// One certificate for all links of the room: making one takes a fifth of the
	// time in which a link opens.
	certificate, keyErr := newCertificate()
	if err := errors.Join(err, lazyErr, keyErr); err != nil {
		mux.Close()
		return nil, fmt.Errorf("peer: %w", err)
	}
	n := &network{certificate: certificate, log: o.Logger, close: sync.OnceFunc(func() { mux.Close() })}
	n.api = webrtc.NewAPI(
		webrtc.WithSettingEngine(s),
		webrtc.WithMediaEngine(&media),
		webrtc.WithInterceptorRegistry(interceptors),
	)
	return n, nil
}

func newCertificate() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, err
	}
	c, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, err
	}
	return *c, nil
}

func (n *network) newPeerConnection() (*webrtc.PeerConnection, error) {
	return n.api.NewPeerConnection(n.configuration())
}

func (n *network) configuration() webrtc.Configuration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return webrtc.Configuration{ICEServers: n.servers, Certificates: []webrtc.Certificate{n.certificate}}
}

// use has links that are made from now on use these servers. One that isn't valid is
// left out: it would keep every link from being made.
func (n *network) use(servers []signaling.ICEServer) {
	var valid []webrtc.ICEServer
	for _, s := range servers {
		for _, u := range s.URLs {
			if err := checkICEServer(u, s); err != nil {
				n.log.Warn("the hub names an ICE server that can't be used", "url", u, "error", err)
				continue
			}
			valid = append(valid, webrtc.ICEServer{URLs: []string{u}, Username: s.Username, Credential: s.Credential})
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers = valid
}

// turn tells whether there is a TURN server among them.
func (n *network) turn() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.servers, func(s webrtc.ICEServer) bool { return strings.HasPrefix(s.URLs[0], "turn") })
}

func checkICEServer(url string, s signaling.ICEServer) error {
	u, err := stun.ParseURI(url)
	if err != nil {
		return err
	}
	turn := u.Scheme == stun.SchemeTypeTURN || u.Scheme == stun.SchemeTypeTURNS
	if turn && (s.Username == "" || s.Credential == "") {
		return errors.New("TURN needs a username and a credential")
	}
	return nil
}

func newMux(nic transport.Net, loopback bool, logs logging.LoggerFactory) (ice.UDPMux, error) {
	o := []ice.UDPMuxFromPortOption{
		ice.UDPMuxFromPortWithNet(nic),
		ice.UDPMuxFromPortWithReadBufferSize(socketBuffer),
		ice.UDPMuxFromPortWithWriteBufferSize(socketBuffer),
		ice.UDPMuxFromPortWithLogger(logs.NewLogger("mux")),
	}
	if loopback {
		o = append(o, ice.UDPMuxFromPortWithLoopback())
	}
	mux, err := ice.NewMultiUDPMuxFromPort(0, o...)
	if err != nil { // one IPv6 address that isn't usable yet fails all
		mux, err = ice.NewMultiUDPMuxFromPort(0, append(o, ice.UDPMuxFromPortWithNetworks(ice.NetworkTypeUDP4))...)
	}
	if err != nil {
		return nil, err
	}
	return mux, nil
}

// loopbackOnly tells whether this machine has no other interface that is up.
// Only then is it worth while to offer loopback candidates.
func loopbackOnly(nic transport.Net) bool {
	interfaces, err := nic.Interfaces()
	if err != nil {
		return false
	}
	for _, i := range interfaces {
		addresses, _ := i.Addrs()
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 && len(addresses) > 0 {
			return false
		}
	}
	return true
}
