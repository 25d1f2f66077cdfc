package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/transport/v5"
)

// serverWait bounds how long a server's name is looked up, and how long a connection to it may take. Pion
// can't be closed meanwhile; the system would try for two minutes.
const serverWait = 5 * time.Second

// errOwnReflexive keeps Pion from opening sockets to ask STUN servers: the mux's are asked from.
var errOwnReflexive = errors.New("peer: reflexive candidates come from the mux")

// agentNet is what Pion's ICE agents see of the network.
type agentNet struct {
	transport.Net
	system bool // the machine's own
}

// Interfaces have the addresses that the mux has too: that one knows when loopback is worth while.
func (n agentNet) Interfaces() ([]*transport.Interface, error) {
	all, err := n.Net.Interfaces()
	if err != nil {
		return nil, err
	}
	usable := make(map[netip.Addr]bool)
	for _, a := range usableAddresses(n.Net) {
		usable[a] = true
	}
	var kept []*transport.Interface
	for _, i := range all {
		only := transport.NewInterface(i.Interface)
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if address, ok := usableAddress(a); ok && usable[address] {
				only.AddAddress(a)
			}
		}
		kept = append(kept, only)
	}
	return kept, nil
}

// ListenUDP refuses a socket at no address: Pion opens one for each server and link to learn how it is seen.
// It has no other use for one, and no switch for this.
func (n agentNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	if local == nil || local.IP == nil || local.IP.IsUnspecified() {
		return nil, errOwnReflexive
	}
	return n.Net.ListenUDP(network, local)
}

// ResolveUDPAddr is bounded where Pion asks for one family.
func (n agentNet) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	if !n.bounded(network) {
		return n.Net.ResolveUDPAddr(network, address)
	}
	a, err := n.lookUp(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return net.UDPAddrFromAddrPort(a), nil
}

// ResolveTCPAddr is bounded likewise.
func (n agentNet) ResolveTCPAddr(network, address string) (*net.TCPAddr, error) {
	if !n.bounded(network) {
		return n.Net.ResolveTCPAddr(network, address)
	}
	a, err := n.lookUp(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return net.TCPAddrFromAddrPort(a), nil
}

// DialTCP connects to a TURN server.
func (n agentNet) DialTCP(network string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	if !n.system || local != nil {
		return n.Net.DialTCP(network, local, remote)
	}
	conn, err := (&net.Dialer{Timeout: serverWait}).Dial(network, remote.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

func (n agentNet) bounded(network string) bool {
	return n.system && (strings.HasSuffix(network, "4") || strings.HasSuffix(network, "6"))
}

// lookUp is a server's address in one family: network is udp4, tcp6 or the like.
func (n agentNet) lookUp(ctx context.Context, network, hostPort string) (netip.AddrPort, error) {
	if !n.system {
		a, err := n.Net.ResolveUDPAddr(network, hostPort)
		if err != nil {
			return netip.AddrPort{}, err
		}
		return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), uint16(a.Port)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, serverWait)
	defer cancel()
	host, digits, err := net.SplitHostPort(hostPort)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip"+network[len(network)-1:], host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(found[0].Unmap(), uint16(port)), nil
}
