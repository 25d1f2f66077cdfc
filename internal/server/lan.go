package server

import (
	"errors"
	"net"
	"slices"
)

// lanAddress is the address at which others in the local network reach this
// machine: a private IPv4 one if there is one, on an interface that is up. Of several, it is the one that this
// machine goes out by: others may be networks of virtual machines and containers in it.
func lanAddress() (string, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	var found []net.IP
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
				found = append(found, n.IP)
			}
		}
	}
	return choose(found, outward())
}

// outward is the address that this machine talks to the world from; nil if it doesn't. Nothing is sent.
func outward() net.IP {
	conn, err := net.Dial("udp4", "192.0.2.1:9") // an example's address (RFC 5737) is as far away as any
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP
}

func choose(found []net.IP, outward net.IP) (string, error) {
	if len(found) == 0 {
		return "", errors.New("this machine is in no network: connect it to one, or leave --lan out")
	}
	slices.SortStableFunc(found, func(a, b net.IP) int { return preference(a, outward) - preference(b, outward) })
	return found[0].String(), nil
}

// preference is the less, the better.
func preference(ip, outward net.IP) int {
	switch {
	case ip.To4() != nil && ip.IsPrivate() && ip.Equal(outward):
		return 0
	case ip.To4() != nil && ip.IsPrivate():
		return 1
	case ip.To4() != nil:
		return 2
	}
	return 3
}
