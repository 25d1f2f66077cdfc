package server

import (
	"net"
	"net/netip"
)

const (
	// udpBuffer is how much may wait in a socket of TURN, in bytes, each way. All clients share it; the kernel gives as much of that as it may.
	udpBuffer = 4 << 20
	// maxUDP is how many sockets there are at most, one for each address.
	maxUDP = 64
)

// listenUDP listens at HOST:PORT. Where that is every address of this machine, each gets a socket of its own, with the same port: one
// socket for all would answer from the address that the route prefers, and a client takes no answer from another one than it
// asked. What this machine gets later, it listens on after a restart.
func listenUDP(at string, local []netip.Addr) ([]net.PacketConn, error) {
	all, err := net.ListenPacket("udp", at) // also finds out whether the port is free
	if err != nil {
		return nil, err
	}
	bound := all.LocalAddr().(*net.UDPAddr).AddrPort()
	if !bound.Addr().IsUnspecified() {
		return []net.PacketConn{roomy(all)}, nil
	}
	all.Close()
	var each []net.PacketConn
	for _, ip := range local {
		if len(each) == maxUDP || ip.IsLinkLocalUnicast() || ip.Is6() && bound.Addr().Is4() {
			continue
		}
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, bound.Port())))
		if err == nil { // else it is being taken away, or isn't there yet
			each = append(each, roomy(c))
		}
	}
	if len(each) > 1 {
		return each, nil
	}
	for _, c := range each {
		c.Close()
	}
	if all, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(bound)); err != nil {
		return nil, err
	}
	return []net.PacketConn{roomy(all)}, nil
}

func roomy(c net.PacketConn) net.PacketConn {
	if u, ok := c.(*net.UDPConn); ok {
		u.SetReadBuffer(udpBuffer)
		u.SetWriteBuffer(udpBuffer)
	}
	return c
}
