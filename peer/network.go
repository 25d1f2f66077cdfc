package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"
	"github.com/snug-chat/snug/signaling"
)

const (
	iceDisconnected = 3 * time.Second // without a packet: shaky
	iceFailed       = 60 * time.Second
	iceKeepalive    = time.Second

	// SCTP doubles its timeout at each loss, up to this: 1 MiB at 150 ms and
	// 20 % loss takes a third of the time that it takes with 60 s.
	sctpRTOMax = time.Second

	// A full socket buffer loses packets, which looks like congestion.
	socketBuffer = 4 << 20 // bytes
)

// network makes the PeerConnections of one joined room. They share one UDP mux,
// which no other room may: two links between the same two muxes can't live.
type network struct {
	api    *webrtc.API
	config webrtc.Configuration
	close  func() // may be called more than once
}

func newNetwork(o *Options, servers []signaling.ICEServer) (*network, error) {
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
	// Pion waits up to two seconds for better candidates than the first that
	// works. Here the first is taken; a better one may replace it.
	s.SetHostAcceptanceMinWait(0)
	s.SetSrflxAcceptanceMinWait(0)
	s.SetPrflxAcceptanceMinWait(0)
	s.SetRelayAcceptanceMinWait(0)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	s.SetSCTPRTOMax(sctpRTOMax)

	// Codecs that are registered after the first offer are ignored, so all are
	// there from the start; they cost nothing until a track uses them.
	var media webrtc.MediaEngine
	err = media.RegisterDefaultCodecs()
	interceptors, lazyErr := lazyInterceptors(&media)
	if err := errors.Join(err, lazyErr); err != nil {
		mux.Close()
		return nil, fmt.Errorf("peer: %w", err)
	}
	n := &network{close: sync.OnceFunc(func() { mux.Close() }), config: webrtc.Configuration{ICEServers: iceServers(servers)}}
	n.api = webrtc.NewAPI(
		webrtc.WithSettingEngine(s),
		webrtc.WithMediaEngine(&media),
		webrtc.WithInterceptorRegistry(interceptors),
	)
	return n, nil
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
	return ice.NewMultiUDPMuxFromPort(0, o...)
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
