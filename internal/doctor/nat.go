package doctor

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/stun/v4"
)

// sightings are how others see one socket of this machine.
type sightings struct {
	prober    *prober        // nil if there is none
	local     netip.AddrPort // the socket's own address, towards the servers
	seen      map[netip.AddrPort]netip.AddrPort
	asked     int  // servers
	closed    int  // of these: somebody says that nothing listens there, or that there is no such host
	forbidden bool // this machine's firewall lets nothing out
}

func (s sightings) answers() bool { return len(s.seen) > 0 }

// any is one of the addresses by which others see it.
func (s sightings) any() (netip.AddrPort, bool) {
	for _, a := range s.seen {
		return a, true
	}
	return netip.AddrPort{}, false
}

func (s sightings) close() {
	if s.prober != nil {
		s.prober.close()
	}
}

// checkSTUN asks every server that is reached over UDP. A TURN server is a STUN server, too.
func (e *examination) checkSTUN(ctx context.Context, servers []server) (s sightings) {
	s.seen = make(map[netip.AddrPort]netip.AddrPort)
	var targets []server
	stunned := false
	for _, one := range servers {
		if one.way == overUDP {
			targets = append(targets, one)
			stunned = stunned || !one.relays
		}
	}
	if len(targets) == 0 {
		e.say("stun", "none", nil)
		return s
	}
	p, err := newProber()
	if err != nil {
		e.say("stun", "blocked", values{"server": targets[0].address()})
		s.forbidden = true
		return s
	}
	s.prober, s.asked = p, len(targets)
	ctx, cancel := context.WithTimeout(ctx, min(stunWait, e.Timeout))
	defer cancel()
	var mu sync.Mutex
	var work sync.WaitGroup
	for _, one := range targets {
		work.Go(func() { e.sight(ctx, &s, &mu, one, stunned) })
	}
	work.Wait()
	s.forbidden = p.isForbidden() && !s.answers()
	var all []string
	for _, one := range targets {
		if stunned == !one.relays {
			all = append(all, one.address())
		}
	}
	e.say("stun", "ok", values{"servers": listed(all)}) // unless one of them was found wanting
	return s
}

// sight asks one server, and a second address of it, if it has one. mu guards s.
func (e *examination) sight(ctx context.Context, s *sightings, mu *sync.Mutex, one server, stunned bool) {
	fails := func(kind string, with values) {
		if stunned && one.relays {
			return // said of the TURN server
		}
		e.say("stun", kind, with)
	}
	with := values{"server": one.address(), "host": one.host, "port": one.port}
	to, err := resolve(ctx, one.host, one.port)
	if err != nil {
		mu.Lock()
		s.closed++
		mu.Unlock()
		fails("name", with)
		return
	}
	asking, closed := unlessRefused(ctx, to)
	answer, ok := s.prober.ask(asking, to)
	switch nobody := closed(); {
	case ok:
		s.take(mu, to, answer)
	case s.prober.isForbidden():
		fails("blocked", with)
		return
	case nobody:
		mu.Lock()
		s.closed++
		mu.Unlock()
		fails("closed", with)
		return
	default:
		fails("silent", with)
		return
	}
	if second, ok := other(answer); ok {
		if answer, ok := s.prober.ask(ctx, second); ok {
			s.take(mu, second, answer)
		}
	}
}

// take takes down what an answer says.
func (s *sightings) take(mu *sync.Mutex, by netip.AddrPort, answer *stun.Message) {
	seen, ok := mapped(answer)
	if !ok {
		return
	}
	mu.Lock()
	defer mu.Unlock()
	s.seen[by] = seen
	if conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(by)); err == nil { // nothing is sent
		own := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		s.local = netip.AddrPortFrom(own.Addr().Unmap(), s.prober.LocalAddr().(*net.UDPAddr).AddrPort().Port())
		conn.Close()
	}
}

// judgeNAT compares how different places see one socket (RFC 5780, section 4.3): one port for all of them is what direct connections need.
func (e *examination) judgeNAT(s sightings, relays bool) {
	ports := make(map[netip.AddrPort]bool)
	for _, a := range s.seen {
		ports[a] = true
	}
	switch {
	case len(s.seen) == 0:
		e.say("nat", "skipped", nil)
	case len(ports) == 1 && ports[s.local]:
		e.say("nat", "open", nil)
	case len(ports) > 1 && relays:
		e.say("nat", "symmetric", nil)
	case len(ports) > 1:
		e.say("nat", "alone", nil)
	case len(s.seen) > 1:
		e.say("nat", "cone", nil)
	default:
		e.say("nat", "unknown", nil)
	}
}
