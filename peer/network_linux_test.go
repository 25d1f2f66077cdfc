package peer

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"golang.org/x/sys/unix"
)

// inNamespace runs the test again as a process that has a network of its own, with loopback and two
// ends of a virtual cable that are up, one and two.
func inNamespace(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv("SNUG_TEST_NAMESPACE") == t.Name() {
		ip(t, "link set lo up")
		ip(t, "link add one type veth peer name two")
		ip(t, "link set one up")
		ip(t, "link set two up")
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may make a network namespace")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs iproute2")
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=1m")
	again.Env = append(os.Environ(), "SNUG_TEST_NAMESPACE="+t.Name())
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := again.CombinedOutput()
	t.Logf("in a namespace:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

func ip(t *testing.T, arguments string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", arguments, err, out)
	}
}

// watched is a network whose changes are told to a channel.
func watched(t *testing.T, o *Options) (*network, <-chan struct{}) {
	t.Helper()
	n := openNetwork(t, o)
	changes := make(chan struct{}, 64)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.watch(t.Context(), func() { changes <- struct{}{} })
	}()
	t.Cleanup(func() {
		n.close() // ends the watch
		<-ended
	})
	return n, changes
}

// awaitAddresses waits until the network offers exactly these addresses.
func awaitAddresses(t *testing.T, n *network, changes <-chan struct{}, want ...string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	slices.Sort(want)
	for {
		got := listening(n)
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-changes:
		case <-deadline:
			t.Fatalf("offers %v, want %v", got, want)
		}
	}
}

func listening(n *network) []string {
	var all []string
	for _, a := range n.addresses() {
		all = append(all, a.Addr().String())
	}
	slices.Sort(all)
	return all
}

func TestSocketsFollowAddresses(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	n, changes := watched(t, &Options{Port: 5000})
	awaitAddresses(t, n, changes, "127.0.0.1", "::1") // nothing else is there

	ip(t, "address add 10.1.0.1/24 dev one")
	awaitAddresses(t, n, changes, "10.1.0.1")
	ip(t, "address add 2001:db8::1/64 dev one nodad")
	awaitAddresses(t, n, changes, "10.1.0.1", "2001:db8::1")
	// One that the system still examines can't be bound for a second or so.
	ip(t, "address add 2001:db8::2/64 dev two")
	awaitAddresses(t, n, changes, "10.1.0.1", "2001:db8::1", "2001:db8::2")
	for _, a := range n.addresses() {
		if a.Port() != 5000 {
			t.Errorf("%v has another port than 5000", a)
		}
	}

	ip(t, "address del 2001:db8::2/64 dev two")
	awaitAddresses(t, n, changes, "10.1.0.1", "2001:db8::1")
	ip(t, "address del 10.1.0.1/24 dev one")
	awaitAddresses(t, n, changes, "2001:db8::1")
	ip(t, "link set one down")
	awaitAddresses(t, n, changes, "127.0.0.1", "::1")
	if bound := sockets(t); slices.Contains(bound, netip.MustParseAddrPort("10.1.0.1:5000")) {
		t.Errorf("sockets of addresses that are gone are left: %v", bound)
	}
}

// sockets are those of this network that are bound to UDP port 5000.
func sockets(t *testing.T) []netip.AddrPort {
	out, err := exec.Command("ss", "-Hnulp").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var all []netip.AddrPort
	for line := range strings.Lines(string(out)) {
		for _, f := range strings.Fields(line) {
			if a, err := netip.ParseAddrPort(f); err == nil && a.Port() == 5000 {
				all = append(all, a)
			}
		}
	}
	return all
}

func TestLinkMovesToAnotherAddress(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, "address add 10.1.0.1/24 dev one")
	ann, annChanges := watched(t, nil)
	bob, bobChanges := watched(t, nil)
	p := newRTCPair(t, ann, bob)
	p.mustOpen()
	p.exchange("at the first address")

	ip(t, "address del 10.1.0.1/24 dev one")
	awaitAddresses(t, ann, annChanges, "127.0.0.1", "::1")
	awaitAddresses(t, bob, bobChanges, "127.0.0.1", "::1")
	// What is written while there is no way is late, not lost: nothing below may end the transport.
	for range 100 {
		if err := p.ends[0].write(t.Context(), dataReliable, []byte("on no address")); err != nil {
			t.Fatal(err)
		}
	}
	ip(t, "address add 10.2.0.1/24 dev two")
	up := time.Now()
	awaitAddresses(t, ann, annChanges, "10.2.0.1")
	awaitAddresses(t, bob, bobChanges, "10.2.0.1")
	p.negotiate(true)
	buf := make([]byte, 100)
	for range 100 {
		if n, err := p.ends[1].read(dataReliable, buf); err != nil || string(buf[:n]) != "on no address" {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
	}
	t.Logf("goes on %v after the address is there", time.Since(up).Round(time.Millisecond))
	p.exchange("at the second address")
}

func TestLinkGoesOnWhenItsAddressIsBack(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, "address add 10.1.0.1/24 dev one")
	ann, annChanges := watched(t, nil)
	bob, bobChanges := watched(t, nil)
	p := newRTCPair(t, ann, bob)
	p.mustOpen()
	ip(t, "address del 10.1.0.1/24 dev one")
	awaitAddresses(t, ann, annChanges, "127.0.0.1", "::1")
	awaitAddresses(t, bob, bobChanges, "127.0.0.1", "::1")
	ip(t, "address add 10.1.0.1/24 dev two")
	p.exchange("without a restart")
}

// A firewall that drops says nothing, and the system goes on trying for two minutes.
func TestSilentTURNServerIsGivenUp(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, "address add 10.1.0.1/24 dev one")
	ip(t, "neighbour add 10.1.0.99 lladdr 02:00:00:00:00:99 dev one")
	n := openNetwork(t, nil)
	n.use([]signaling.ICEServer{{
		URLs:     []string{"turn:10.1.0.99?transport=tcp", "turns:10.1.0.99", "turn:10.1.0.99"},
		Username: "u", Credential: "c",
	}})
	p := newRTCPair(t, n, openNetwork(t, nil))
	start := time.Now()
	if _, err := p.ends[0].offer(false); err != nil {
		t.Fatal(err)
	}
	for c := range p.ends[0].candidates {
		if c == nil {
			break
		}
	}
	if d := time.Since(start); d > 2*serverWait {
		t.Errorf("gathered for %v", d)
	}
	if got, want := p.ends[0].facts(), (facts{candidates: 1, turn: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestBuffersAreLarge(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may have buffers beyond the system's limit")
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	growBuffers(conn)
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		for _, option := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
			// The kernel doubles what it is asked for: socket(7).
			if size, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, option); err != nil || size != 2*socketBuffer {
				t.Errorf("%d bytes, %v", size, err)
			}
		}
	})
}
