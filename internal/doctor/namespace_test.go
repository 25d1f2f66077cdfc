package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	inside  = "SNUG_DOCTOR_INSIDE" // set in a process that runs in a namespace
	outer   = "203.0.113.1"        // an address in there
	turnNow = "3478"
)

// inNamespace runs the rest of a test in a network namespace of its own, with these rules of nftables. It tells whether this is the
// process in there. It needs root.
func inNamespace(t *testing.T, rules string) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	t.Parallel()
	if _, err := exec.LookPath("nft"); err != nil || os.Getuid() != 0 {
		t.Skip("network namespaces need root, and nft")
	}
	name := fmt.Sprintf("snug-doctor-%d-%s", os.Getpid(), t.Name())
	command := func(stdin string, args ...string) {
		t.Helper()
		c := exec.Command(args[0], args[1:]...)
		c.Stdin = strings.NewReader(stdin)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	command("", "ip", "netns", "add", name)
	t.Cleanup(func() { command("", "ip", "netns", "delete", name) })
	command("", "ip", "-n", name, "link", "set", "lo", "up")
	command("", "ip", "-n", name, "addr", "add", outer+"/24", "dev", "lo")
	command("table ip doctor {\n"+rules+"\n}", "ip", "netns", "exec", name, "nft", "-f", "-")
	c := exec.Command("ip", "netns", "exec", name, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s")
	c.Env = append(os.Environ(), inside+"=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	return false
}

func outerLab(t *testing.T) *lab {
	return (&lab{name: outer, turn: turnOptions{at: outer, port: turnNow, ports: [2]uint16{50000, 50100}}}).start(t)
}

const dropIn, dropOut = "chain in { type filter hook input priority 0; %s; }", "chain out { type filter hook output priority 0; %s; }"

func TestFirewallOfThisMachine(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropOut, "udp dport 3478 drop")) {
		finds(t, outerLab(t).run(t, Options{}), found{"stun": "blocked", "turn-udp": "blocked", "firewall": "own"})
	}
}

func TestUDPIsBlocked(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "udp dport 3478 drop")) {
		finds(t, outerLab(t).run(t, Options{}), found{"stun": "silent", "turn-udp": "silent", "firewall": "udp"})
	}
}

func TestUDPIsRejected(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "udp dport 3478 reject")) {
		finds(t, outerLab(t).run(t, Options{}), found{"stun": "closed", "turn-udp": "closed"})
	}
}

func TestPortsOfRelaysAreClosed(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "udp sport != 50000-50100 udp dport 50000-50100 drop")) {
		finds(t, outerLab(t).run(t, Options{Timeout: 10 * time.Second}), found{"range": "closed"})
	}
}

func TestNoTURNForOthers(t *testing.T) {
	if inNamespace(t, "") {
		l := (&lab{name: outer, none: true, turn: turnOptions{at: outer}}).start(t)
		finds(t, l.run(t, Options{}), found{"stun": "none", "turn": "none"})
	}
}

func TestNothingIsFoundFromOutside(t *testing.T) {
	if inNamespace(t, "") {
		finds(t, outerLab(t).run(t, Options{}), found{})
	}
}
