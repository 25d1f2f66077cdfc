package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

const (
	inside  = "SNUG_DOCTOR_INSIDE" // names the other namespace, in a process that runs in one
	visited = "SNUG_DOCTOR_URL"    // has a process run the doctor at a hub, and nothing else
	trusted = "SNUG_DOCTOR_ROOTS"  // file of the authority that it trusts
	outer   = "203.0.113.1"        // an address in there
	guest   = "203.0.113.2"        // one in the other
	turnNow = "3478"
)

// inNamespace runs the rest of a test in a network namespace of its own, with these rules of nftables and a wire to another. It tells
// whether this is the process in there. It needs root.
func inNamespace(t *testing.T, rules string) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	t.Parallel()
	if _, err := exec.LookPath("nft"); err != nil || os.Getuid() != 0 {
		t.Skip("network namespaces need root, and nft")
	}
	here, there := fmt.Sprintf("snug-doctor-%d-%s", os.Getpid(), t.Name()), fmt.Sprintf("snug-doctor-%d-%s-guest", os.Getpid(), t.Name())
	command := func(stdin, line string) {
		t.Helper()
		args := strings.Fields(line)
		c := exec.Command(args[0], args[1:]...)
		c.Stdin = strings.NewReader(stdin)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	for _, name := range []string{here, there} {
		command("", "ip netns add "+name)
		t.Cleanup(func() { command("", "ip netns delete "+name) })
		command("", "ip -n "+name+" link set lo up")
	}
	command("", "ip -n "+here+" link add wire type veth peer name wire netns "+there)
	for name, address := range map[string]string{here: outer, there: guest} {
		command("", "ip -n "+name+" addr add "+address+"/24 dev wire")
		command("", "ip -n "+name+" link set wire up")
		command("", "ip -n "+name+" route add default dev wire")
	}
	command("table ip doctor {\n"+rules+"\n}", "ip netns exec "+here+" nft -f -")
	c := exec.Command("ip", "netns", "exec", here, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s")
	c.Env = append(os.Environ(), inside+"="+there)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	return false
}

// fromElsewhere runs the doctor in the other namespace.
func (l *lab) fromElsewhere(t *testing.T) (r Report) {
	t.Helper()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.issuer}), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("ip", "netns", "exec", os.Getenv(inside), os.Args[0])
	c.Env = append(os.Environ(), visited+"="+l.target.Hub.String(), trusted+"="+roots)
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// visitor runs the doctor at the hub that the environment names.
func visitor() error {
	data, err := os.ReadFile(os.Getenv(trusted))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	target, err := ParseTarget(os.Getenv(visited))
	if err != nil {
		return err
	}
	return json.MarshalWrite(os.Stdout, Run(context.Background(), target, Options{Idle: -1, Timeout: brief, TLS: &tls.Config{RootCAs: roots}}))
}

func outerLab(t *testing.T) *lab {
	return (&lab{name: outer, turn: turnOptions{at: outer, port: turnNow, ports: [2]uint16{50000, 50100}}}).start(t)
}

const dropIn, dropOut = "chain in { type filter hook input priority 0; %s; }", "chain out { type filter hook output priority 0; %s; }"

func TestFirewallOfThisMachine(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropOut, "udp dport 3478 drop")) {
		finds(t, outerLab(t).run(t, Options{Timeout: brief}), found{"stun": "blocked", "turn-udp": "blocked", "firewall": "own"})
	}
}

func TestUDPIsBlocked(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "udp dport 3478 drop")) {
		finds(t, outerLab(t).run(t, Options{Timeout: brief}), found{"stun": "silent", "turn-udp": "silent", "firewall": "udp"})
	}
}

func TestUDPIsRejected(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "udp dport 3478 reject")) {
		finds(t, outerLab(t).run(t, Options{Timeout: brief}), found{"stun": "closed", "turn-udp": "closed"})
	}
}

func TestPortsOfRelaysAreClosed(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "iifname wire udp dport 50000-50100 drop")) {
		finds(t, outerLab(t).fromElsewhere(t), found{"range": "closed"})
	}
}

func TestWrongAddressFromElsewhere(t *testing.T) {
	if inNamespace(t, "") {
		l := (&lab{name: outer, turn: turnOptions{at: outer, relay: "10.1.2.3", port: turnNow}}).start(t)
		finds(t, l.fromElsewhere(t), found{"turn-udp": "lost", "turn-tcp": "lost", "turn-tls": "lost", "range": "private"})
	}
}

func TestUDPIsBlockedElsewhere(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "iifname wire meta l4proto udp drop")) {
		finds(t, outerLab(t).fromElsewhere(t), found{"stun": "silent", "turn-udp": "silent", "firewall": "udp"})
	}
}

func TestHubBehindAClosedPort(t *testing.T) {
	if inNamespace(t, fmt.Sprintf(dropIn, "iifname wire meta l4proto tcp drop")) {
		finds(t, outerLab(t).fromElsewhere(t), found{"hub": "silent"})
	}
}

func TestNoTURNForOthers(t *testing.T) {
	if inNamespace(t, "") {
		l := (&lab{name: outer, none: true, turn: turnOptions{at: outer}}).start(t)
		finds(t, l.fromElsewhere(t), found{"stun": "none", "turn": "none"})
	}
}

func TestNothingIsFoundFromElsewhere(t *testing.T) {
	if inNamespace(t, "") {
		r := outerLab(t).fromElsewhere(t)
		finds(t, r, found{})
		if r.kind("range") != "ok" || r.kind("server-files") != "" {
			t.Errorf("found %v", r)
		}
	}
}
