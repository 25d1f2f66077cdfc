package peer

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/netchange"
	"github.com/pion/transport/v5/stdnet"
)

const (
	// maxAddresses bounds the sockets of a room. A machine with more has them from
	// containers, and each would be a candidate.
	maxAddresses = 32

	interfacePoll  = 500 * time.Millisecond // where the system tells of no change
	interfaceCheck = time.Minute            // where it does, in case it didn't
)

// interfaces is the machine's network, and tells when that may have changed.
type interfaces interface {
	transport.Net
	// wait returns when something may have changed, or ctx has ended.
	wait(ctx context.Context)
	close()
}

// openInterfaces are those of this machine, or of nic if that isn't nil.
func openInterfaces(nic transport.Net) (interfaces, error) {
	if nic != nil {
		return polledInterfaces{nic}, nil
	}
	d, err := netchange.NewDetector(netchange.WithPollInterval(interfacePoll), netchange.WithPlatformTimeout(interfaceCheck))
	if err == nil {
		return watchedInterfaces{d}, nil
	}
	system, err := stdnet.NewNet() // some sandboxes let nobody listen
	if err != nil {
		return nil, err
	}
	return polledInterfaces{freshNet{system}}, nil
}

// watchedInterfaces are told of by the system.
type watchedInterfaces struct{ *netchange.Detector }

func (w watchedInterfaces) wait(ctx context.Context) {
	if _, err := w.Check(ctx); err != nil {
		pause(ctx, interfacePoll) // it couldn't look; it will the next time
	}
}

func (w watchedInterfaces) close() { w.Detector.Close() }

// polledInterfaces have to be looked at.
type polledInterfaces struct{ transport.Net }

func (p polledInterfaces) wait(ctx context.Context) { pause(ctx, interfacePoll) }

func (p polledInterfaces) close() {}

// pause ends when the time has passed or ctx has ended.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// freshNet is the system's network. Stdnet's looks at the interfaces once.
type freshNet struct{ *stdnet.Net }

func (freshNet) Interfaces() ([]*transport.Interface, error) {
	now, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	return now.Interfaces()
}

type interfaceLister interface {
	Interfaces() ([]*transport.Interface, error)
}

// usableAddresses are those that a socket can be bound to so that others reach it, at most
// maxAddresses. Loopback ones are among them only if there is nothing else.
func usableAddresses(nic interfaceLister) []netip.Addr {
	all, err := nic.Interfaces()
	if err != nil {
		return nil
	}
	var usable, loopback []netip.Addr
	seen := make(map[netip.Addr]bool)
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, _ := i.Addrs() // none is an error
		for _, a := range addresses {
			address, ok := usableAddress(a)
			switch {
			case !ok || seen[address]:
				continue
			case i.Flags&net.FlagLoopback != 0 || address.IsLoopback():
				loopback = append(loopback, address)
			default:
				usable = append(usable, address)
			}
			seen[address] = true
		}
	}
	if len(usable) == 0 {
		usable = loopback
	}
	return usable[:min(len(usable), maxAddresses)]
}

// RFC 3879: deprecated, and not to be offered (RFC 8445 §5.1.1.1).
var siteLocal = netip.MustParsePrefix("fec0::/10")

// usableAddress leaves out what no candidate may be made of (RFC 8445 §5.1.1.1), and IPv6 link-local
// addresses, which mean nothing without the name of an interface.
func usableAddress(a net.Addr) (netip.Addr, bool) {
	var ip net.IP
	switch a := a.(type) {
	case *net.IPNet:
		ip = a.IP
	case *net.IPAddr:
		ip = a.IP
	}
	address, ok := netip.AddrFromSlice(ip)
	address = address.Unmap()
	switch {
	case !ok, address.IsUnspecified(), address.IsMulticast(), siteLocal.Contains(address):
		return address, false
	case address.Is6() && address.IsLinkLocalUnicast():
		return address, false
	}
	return address, true
}
