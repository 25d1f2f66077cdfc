package doctor

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/stun/v4"
	"github.com/snug-chat/snug/signaling"
)

const maxServers = 16 // that are tried of those that a hub names

// server is one URL of those that members are told.
type server struct {
	host       string
	port       string
	way        string // overUDP, overTCP or overTLS
	relays     bool   // a TURN server
	username   string
	credential string
}

func (s server) address() string { return net.JoinHostPort(s.host, s.port) }

// serversOf reads the URLs. What is no URL of STUN or TURN is passed over, as browsers don't.
func serversOf(ice signaling.ICE) (all []server) {
	for _, one := range ice.Servers {
		for _, raw := range one.URLs {
			u, err := stun.ParseURI(raw)
			if err != nil || len(all) == maxServers {
				continue
			}
			s := server{host: strings.Trim(u.Host, "[]"), port: strconv.Itoa(u.Port), way: overUDP, username: one.Username, credential: one.Credential}
			s.relays = u.Scheme == stun.SchemeTypeTURN || u.Scheme == stun.SchemeTypeTURNS
			switch {
			case u.IsSecure() && u.Proto == stun.ProtoTypeUDP, u.IsSecure() && !s.relays:
				continue // DTLS, and STUN over TLS, which browsers don't do
			case u.IsSecure():
				s.way = overTLS
			case u.Proto == stun.ProtoTypeTCP:
				s.way = overTCP
			}
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// checkICE tries every server that members are told, over every transport.
func (e *examination) checkICE(ctx context.Context, ice signaling.ICE) {
	servers := serversOf(ice)
	var work sync.WaitGroup
	var seen sightings
	work.Go(func() { e.bounded(ctx, func(ctx context.Context) { seen = e.checkSTUN(ctx, servers) }) })
	t := e.checkTURN(ctx, servers)
	work.Wait()
	defer seen.close()
	e.bounded(ctx, func(ctx context.Context) { e.checkRange(ctx, append(t.good, t.lame...), &seen) })
	e.judgeNAT(seen, len(t.good) > 0)
	e.judgeFirewall(servers, seen, append(t.good, t.lame...))
}

// relays are TURN servers.
type relays struct {
	good []server // that relay
	lame []server // that give out relays to which nothing comes
}

// checkTURN tries the TURN servers.
func (e *examination) checkTURN(ctx context.Context, servers []server) (all relays) {
	var offered []string
	byWay := make(map[string][]server)
	for _, s := range servers {
		if s.relays {
			byWay[s.way] = append(byWay[s.way], s)
		}
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	for _, way := range ways {
		if len(byWay[way]) == 0 {
			kind := "none"
			if len(byWay) == 0 {
				kind = "off" // what that means is said once
			}
			e.say("turn-"+way, kind, nil)
			continue
		}
		offered = append(offered, strings.ToUpper(way))
		work.Go(func() {
			works := e.checkWay(ctx, way, byWay[way])
			mu.Lock()
			defer mu.Unlock()
			all.good, all.lame = append(all.good, works.good...), append(all.lame, works.lame...)
		})
	}
	e.say("turn", e.turnKind(len(offered) > 0), values{"ways": listed(offered)})
	work.Wait()
	return all
}

func (e *examination) turnKind(offered bool) string {
	switch {
	case offered:
		return "ok"
	case slices.ContainsFunc(e.ips, netip.Addr.IsLoopback):
		return "local"
	}
	return "none"
}

// checkWay tries all servers of one transport. What is wrong with one of them is wrong, unless the network here may be what keeps it away.
func (e *examination) checkWay(ctx context.Context, way string, servers []server) (all relays) {
	found := make([]relayed, len(servers))
	var work sync.WaitGroup
	for i, s := range servers {
		work.Go(func() {
			e.bounded(ctx, func(ctx context.Context) { found[i] = e.relay(ctx, s) })
		})
	}
	work.Wait()
	first, works := relayed{}, ""
	for i, f := range found {
		switch f.kind {
		case "ok":
			works = servers[i].address()
			all.good = append(all.good, servers[i])
		case "lost", "forbidden":
			all.lame = append(all.lame, servers[i])
		}
		if first.kind == "" || first.kind == "ok" && f.kind != "ok" {
			first = f
		}
	}
	if works != "" && unreached(first.kind) {
		first = relayed{"partly", first.with.and("good", works)}
	}
	e.say("turn-"+way, first.kind, first.with)
	return all
}

// unreached tells whether a case is that nothing came back.
func unreached(kind string) bool { return kind == "silent" || kind == "closed" || kind == "blocked" }

// judgeFirewall says what can be told of firewalls from how all transports went.
func (e *examination) judgeFirewall(servers []server, seen sightings, good []server) {
	streams := slices.ContainsFunc(good, func(s server) bool { return s.way != overUDP })
	switch {
	case len(servers) == 0:
		e.say("firewall", "skipped", nil)
	case seen.answers() || slices.ContainsFunc(good, func(s server) bool { return s.way == overUDP }):
		e.say("firewall", "ok", nil)
	case seen.forbidden:
		e.say("firewall", "own", nil)
	case seen.asked == 0:
		e.say("firewall", "skipped", nil)
	case streams && seen.closed < seen.asked:
		e.say("firewall", "udp", nil)
	case seen.closed < seen.asked:
		e.say("firewall", "dead", nil)
	default: // what isn't there says nothing about firewalls
		e.say("firewall", "skipped", nil)
	}
}
