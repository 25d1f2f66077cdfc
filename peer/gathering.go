package peer

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// gathering collects the candidates of one PeerConnection. Pion finds host and relay candidates;
// the reflexive ones are asked for here, from the sockets of the mux: Pion can ask from its own
// sockets only, which would be some for each link. A local reflexive candidate is nothing but an
// address to tell: its checks are those of the host candidate that it belongs to (RFC 8445 §6.1.2.4).
type gathering struct {
	// Set at construction.
	network *network
	tell    func(*candidate) // nil: no more will come. Must not block

	work sync.WaitGroup

	mu      sync.Mutex
	servers []webrtc.ICEServer // that are used from the next start on
	stop    context.CancelFunc // ends what was begun last; nil before
	round   int                // counts the starts
	pending int                // of this round: Pion, and what asks for reflexive candidates
	facts   facts
	told    map[netip.AddrPort]bool // reflexive candidates of this round
}

// facts are what gathering has brought since it was started last, at first or for an ICE restart.
type facts struct {
	candidates int  // of any kind
	relays     int  // of them, from TURN servers
	turn       bool // a TURN server was named
}

func newGathering(n *network, tell func(*candidate)) *gathering {
	return &gathering{network: n, tell: tell, servers: n.iceServers()}
}

// use has the next start use these servers.
func (g *gathering) use(servers []webrtc.ICEServer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.servers = servers
}

// start is called before Pion begins to gather: when the first offer is made or taken in, and at each
// ICE restart.
func (g *gathering) start() {
	g.mu.Lock()
	defer g.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	var since time.Time
	if g.stop != nil {
		g.stop()
		since = time.Now() // a restart is for a way that may be another one
	}
	g.stop, g.round, g.pending = stop, g.round+1, 1
	g.facts = facts{turn: offersTURN(g.servers)}
	g.told = make(map[netip.AddrPort]bool)
	servers := stunServers(g.servers)
	if g.network.relayOnly || len(servers) == 0 {
		return
	}
	g.pending++
	round := g.round
	g.work.Go(func() {
		g.askAll(ctx, servers, since, round)
		g.done(round)
	})
}

// end returns when nothing is told any more.
func (g *gathering) end() {
	g.mu.Lock()
	g.round++ // whatever comes is of an earlier one
	if g.stop != nil {
		g.stop()
	}
	g.mu.Unlock()
	g.work.Wait()
}

// pion takes a candidate that Pion has found; nil is its last of this round.
func (g *gathering) pion(c *webrtc.ICECandidate) {
	g.mu.Lock()
	round := g.round
	if c != nil && c.TCPType == ice.TCPTypeActive.String() {
		g.mu.Unlock()
		return // nobody can connect to one
	}
	if c != nil {
		g.facts.candidates++
		if c.Typ == webrtc.ICECandidateTypeRelay {
			g.facts.relays++
		}
	}
	g.mu.Unlock()
	if c == nil {
		g.done(round)
		return
	}
	i := c.ToJSON()
	g.tell(&candidate{Candidate: i.Candidate, Mid: *i.SDPMid, Line: i.SDPMLineIndex})
}

func (g *gathering) done(round int) {
	g.mu.Lock()
	over := round == g.round
	if over {
		g.pending--
		over = g.pending == 0
	}
	g.mu.Unlock()
	if over {
		g.tell(nil)
	}
}

// askAll asks every server, in both families.
func (g *gathering) askAll(ctx context.Context, servers []*stun.URI, since time.Time, round int) {
	var asking sync.WaitGroup
	defer asking.Wait()
	for _, s := range servers {
		for _, family := range []string{"udp4", "udp6"} {
			asking.Go(func() {
				to, err := g.network.agents.lookUp(ctx, family, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
				if err != nil {
					return // most servers have one family only
				}
				g.network.mux.mapped(ctx, to, since, func(local, mapped netip.AddrPort) {
					g.reflexive(local, mapped, round)
				})
			})
		}
	}
}

// reflexive tells of a candidate, once for each address.
func (g *gathering) reflexive(local, mapped netip.AddrPort, round int) {
	if local == mapped {
		return // no NAT: the host candidate says the same (RFC 8445 §5.1.3)
	}
	c, err := ice.NewCandidateServerReflexive(&ice.CandidateServerReflexiveConfig{
		Network:   "udp",
		Address:   mapped.Addr().String(),
		Port:      int(mapped.Port()),
		Component: ice.ComponentRTP,
		RelAddr:   local.Addr().String(),
		RelPort:   int(local.Port()),
	})
	if err != nil {
		return // a server that answers nonsense
	}
	g.mu.Lock()
	fresh := round == g.round && !g.told[mapped]
	if fresh {
		g.told[mapped] = true
		g.facts.candidates++
	}
	g.mu.Unlock()
	if fresh {
		line := uint16(0)
		g.tell(&candidate{Candidate: "candidate:" + c.Marshal(), Mid: "0", Line: &line})
	}
}

// stunServers are those that say over UDP how they see us: STUN servers, and TURN servers too.
func stunServers(all []webrtc.ICEServer) []*stun.URI {
	var found []*stun.URI
	for _, s := range all {
		for _, u := range s.URLs {
			uri, err := stun.ParseURI(u)
			if err != nil || uri.Proto != stun.ProtoTypeUDP {
				continue
			}
			if uri.Scheme == stun.SchemeTypeSTUN || uri.Scheme == stun.SchemeTypeTURN {
				found = append(found, uri)
			}
		}
	}
	return found
}

func offersTURN(all []webrtc.ICEServer) bool {
	for _, s := range all {
		for _, u := range s.URLs {
			if strings.HasPrefix(u, "turn") {
				return true
			}
		}
	}
	return false
}

// iceUfrag is what an ICE restart changes in a description (RFC 8839 §5.4).
func iceUfrag(sdp string) string {
	for line := range strings.Lines(sdp) {
		if ufrag, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			return strings.TrimSpace(ufrag)
		}
	}
	return ""
}
