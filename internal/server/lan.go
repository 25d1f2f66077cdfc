package server

import (
	"errors"
	"net"
	"slices"
)

// lanAddress is the address at which others in the local network reach this
// machine: a private IPv4 one if there is one, on an interface that is up.
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
	return choose(found)
}

func choose(found []net.IP) (string, error) {
	if len(found) == 0 {
		return "", errors.New("this machine is in no network: connect it to one, or leave --lan out")
	}
	slices.SortStableFunc(found, func(a, b net.IP) int { return preference(a) - preference(b) })
	return found[0].String(), nil
}

func preference(ip net.IP) int {
	switch {
	case ip.To4() != nil && ip.IsPrivate():
		return 0
	case ip.To4() != nil:
		return 1
	}
	return 2
}
