package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
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

	// A relay answers within one round trip, and two NATs let packets through after two checks of either
	// side: whoever takes the relay at once stays on it.
	relayWait = 300 * time.Millisecond

	// The first flight of the handshake is often lost: it comes before the other side has opened its NAT, or taken
	// the path, as Firefox does after us. DTLS would wait for a second (RFC 9147 §5.8.2). Doubled each time.
	dtlsRepeat = 150 * time.Millisecond

	// SCTP doubles its timeout at each loss, up to this: 1 MiB at 150 ms and
	// 20 % loss takes a third of the time that it takes with 60 s.
	sctpRTOMax = time.Second
)

// network makes the PeerConnections of one joined room. They share one UDP mux,
// which no other room may: two links between the same two muxes can't live.
type network struct {
	// Set at construction.
	api         *webrtc.API
	certificate webrtc.Certificate
	log         *slog.Logger
	interfaces  interfaces
	agents      agentNet // what Pion has of it
	mux         *udpMux
	tcp         ice.TCPMux // nil: no TCP port
	relayOnly   bool
	close       func() // may be called more than once
	watching    sync.WaitGroup

	mu      sync.Mutex
	servers []webrtc.ICEServer
	unwatch context.CancelFunc // nil: nobody watches
	isShut  bool
}

// newNetwork has the sockets that can be had now. Its errors are sentences where the options are wrong.
func newNetwork(o *Options) (*network, error) {
	nic, err := openInterfaces(o.Net)
	if err != nil {
		return nil, fmt.Errorf("peer: no network: %w", err)
	}
	n := &network{
		log:        o.Logger,
		interfaces: nic,
		agents:     agentNet{nic, o.Net == nil},
		relayOnly:  o.RelayOnly,
	}
	n.close = sync.OnceFunc(n.shut)
	logs := pionLogs{o.Logger}
	n.mux = newUDPMux(nic, o.Port, logs.NewLogger("mux"))
	if err := n.listen(o, logs); err != nil {
		n.close()
		return nil, err
	}
	if err := n.newAPI(logs); err != nil {
		n.close()
		return nil, fmt.Errorf("peer: %w", err)
	}
	return n, nil
}

// listen opens the sockets. One address that isn't usable yet is no error; none that is usable is one.
func (n *network) listen(o *Options, logs pionLogs) error {
	_, err := n.mux.adapt(usableAddresses(n.interfaces))
	switch {
	case err == nil || len(n.mux.GetListenAddresses()) > 0:
	case o.Port != 0:
		return fmt.Errorf("peer: UDP port %d can't be used; choose another one, or 0 for any: %w", o.Port, err)
	default:
		return fmt.Errorf("peer: no UDP socket: %w", err)
	}
	if o.TCPPort == 0 || o.RelayOnly {
		return nil
	}
	if n.tcp, err = newTCPMux(n.interfaces, o.TCPPort, logs.NewLogger("tcpmux")); err != nil {
		return fmt.Errorf("peer: TCP port %d can't be used; choose another one: %w", o.TCPPort, err)
	}
	return nil
}

func (n *network) newAPI(logs pionLogs) error {
	// Codecs that are registered after the first offer are ignored, so all are
	// there from the start; they cost nothing until a track uses them.
	var media webrtc.MediaEngine
	err := media.RegisterDefaultCodecs()
	interceptors, lazyErr := lazyInterceptors(&media)
	// One certificate for all links of the room: making one takes a fifth of the
	// time in which a link opens.
	certificate, keyErr := newCertificate()
	if err := errors.Join(err, lazyErr, keyErr); err != nil {
		return err
	}
	n.certificate = certificate
	n.api = webrtc.NewAPI(
		webrtc.WithSettingEngine(n.settings(logs)),
		webrtc.WithMediaEngine(&media),
		webrtc.WithInterceptorRegistry(interceptors),
	)
	return nil
}

func (n *network) settings(logs pionLogs) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.LoggerFactory = logs
	s.SetNet(n.agents)
	s.SetICEUDPMux(n.mux)
	if !n.relayOnly { // a TCP candidate of the other side is dialled, whatever the policy is
		s.SetNetworkTypes([]webrtc.NetworkType{
			webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
		})
	}
	if n.tcp != nil {
		s.SetICETCPMux(n.tcp)
	}
	s.SetIncludeLoopbackCandidate(true) // agentNet shows it only if there is nothing else
	s.DetachDataChannels()
	s.DisableCloseByDTLS(true) // a link closes its PeerConnection itself
	// Pion waits up to two seconds for better candidates than the first that
	// works, and doesn't replace the one that it has taken.
	s.SetHostAcceptanceMinWait(0)
	s.SetSrflxAcceptanceMinWait(0)
	s.SetPrflxAcceptanceMinWait(0)
	s.SetRelayAcceptanceMinWait(relayWait)
	if n.relayOnly {
		s.SetRelayAcceptanceMinWait(0)
	}
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	s.SetICEMaxBindingRequests(iceChecks)
	s.SetDTLSRetransmissionInterval(dtlsRepeat)
	s.SetSCTPRTOMax(sctpRTOMax)
	return s
}

// shut waits for who watches. Links are closed before.
func (n *network) shut() {
	n.mu.Lock()
	n.isShut = true
	if n.unwatch != nil {
		n.unwatch()
	}
	n.mu.Unlock()
	n.watching.Wait()
	n.mux.Close()
	if n.tcp != nil {
		n.tcp.Close()
	}
	n.interfaces.close()
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
	c := n.configuration()
	c.Certificates = []webrtc.Certificate{n.certificate}
	return n.api.NewPeerConnection(c)
}

// configuration is what may change while a PeerConnection lives.
func (n *network) configuration() webrtc.Configuration {
	c := webrtc.Configuration{ICEServers: n.iceServers()}
	if n.relayOnly {
		c.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	return c
}

func (n *network) iceServers() []webrtc.ICEServer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.servers
}

// use has links that are made from now on use these servers, and others after [rtc.useServers]. One that isn't
// valid is left out: it would keep every link from being made.
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
	return offersTURN(n.servers)
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
