package peer

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// Path is the way that a link's frames take.
type Path string

const (
	PathLAN      Path = "lan"       // directly, in the local network
	PathDirect   Path = "direct"    // directly
	PathRelayUDP Path = "relay-udp" // through a TURN server that is reached over UDP
	PathRelayTCP Path = "relay-tcp" // over TCP
	PathRelayTLS Path = "relay-tls" // over TLS
)

// From the best to the worst.
var paths = []Path{PathLAN, PathDirect, PathRelayUDP, PathRelayTCP, PathRelayTLS}

// worse is the path of a link whose two sides see these legs. A path of a later revision is worse than
// those that are known; none, "", is better than any.
func worse(a, b Path) Path {
	if badness(b) > badness(a) {
		return b
	}
	return a
}

func badness(p Path) int {
	if p == "" {
		return -1
	}
	if i := slices.Index(paths, p); i >= 0 {
		return i
	}
	return len(paths)
}

// pathEnd is what the statistics say of one end of the pair of candidates in use.
type pathEnd struct {
	Type          string `json:"type"`                    // host, srflx, prflx, relay
	Address       string `json:"address,omitempty"`       // none, or a name: a browser hides it
	RelayProtocol string `json:"relayProtocol,omitempty"` // of a local relay: udp, tcp, tls
}

// legOf is this side's half of the path. Each side knows how its own relay only is reached, so the two tell each
// other their legs, and the worse one is the link's path. The rule, the same in TypeScript:
//
//  1. The local candidate is a relay: relay-tcp if its relayProtocol is tcp, relay-tls if that is tls,
//     else relay-udp.
//  2. The remote candidate is a relay: relay-udp, which is what can be known here. The other side's leg tells more,
//     unless it sends past its relay: the two sides may use different pairs.
//  3. Both ends are near: lan. An end is near if its address is loopback, link-local or private (RFC
//     1918, RFC 4193); if it has a name that ends in .local, or no address, that is if it is of type host:
//     only such are hidden from the page that they belong to, and a remote one is found by mDNS.
//  4. Else direct. That is also so for an address that carriers share (RFC 6598).
func legOf(local, remote pathEnd) Path {
	switch {
	case local.Type == "relay" && local.RelayProtocol == "tcp":
		return PathRelayTCP
	case local.Type == "relay" && local.RelayProtocol == "tls":
		return PathRelayTLS
	case local.Type == "relay" || remote.Type == "relay":
		return PathRelayUDP
	case local.near() && remote.near():
		return PathLAN
	}
	return PathDirect
}

func (e pathEnd) near() bool {
	if strings.HasSuffix(strings.ToLower(e.Address), ".local") {
		return true
	}
	if e.Address == "" {
		return e.Type == "host"
	}
	a, err := netip.ParseAddr(strings.Trim(e.Address, "[]"))
	if err != nil {
		return false
	}
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

// stats are what a PeerConnection knows of its path.
type stats struct {
	leg       Path          // this side's
	roundTrip time.Duration // of the newest check that was answered; 0: none was
	// Bytes that were sent and received over all paths so far, encrypted and
	// framed; without ICE's checks.
	sent, received uint64
}

// pairLeg remembers the leg of the pair in use: what it takes to know a relay's protocol is too dear
// for every second.
type pairLeg struct {
	mu            sync.Mutex
	local, remote string // ids of the pair's candidates
	leg           Path
}

// stats is cheap enough to be called each second for hundreds of links. It is false while no pair of
// candidates is in use. It may be called by any number of goroutines, but not from Pion's callbacks.
func (r *rtc) stats() (stats, bool) {
	r.leg.mu.Lock()
	defer r.leg.mu.Unlock()
	ice := r.dtls.ICETransport()
	pair, ok := ice.GetSelectedCandidatePairStats()
	if !ok {
		return stats{}, false
	}
	if pair.LocalCandidateID != r.leg.local || pair.RemoteCandidateID != r.leg.remote {
		if !r.lookLocked(ice, pair) {
			return stats{}, false
		}
	}
	all := ice.Stats()
	return stats{
		leg:       r.leg.leg,
		roundTrip: time.Duration(pair.CurrentRoundTripTime * float64(time.Second)),
		sent:      all.BytesSent,
		received:  all.BytesReceived,
	}, true
}

func (r *rtc) lookLocked(ice *webrtc.ICETransport, of webrtc.ICECandidatePairStats) bool {
	pair, err := ice.GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return false
	}
	local := pathEnd{Type: pair.Local.Typ.String(), Address: pair.Local.Address}
	remote := pathEnd{Type: pair.Remote.Typ.String(), Address: pair.Remote.Address}
	if pair.Local.Typ == webrtc.ICECandidateTypeRelay {
		if c, ok := r.pc.GetStats()[of.LocalCandidateID].(webrtc.ICECandidateStats); ok {
			local.RelayProtocol = c.RelayProtocol
		}
	}
	r.leg.leg = legOf(local, remote)
	r.leg.local, r.leg.remote = of.LocalCandidateID, of.RemoteCandidateID
	if now, ok := ice.GetSelectedCandidatePairStats(); !ok || now.LocalCandidateID != of.LocalCandidateID || now.RemoteCandidateID != of.RemoteCandidateID {
		r.leg.local = "" // it changed meanwhile: look again the next time
	}
	return true
}
