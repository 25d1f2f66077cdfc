package doctor

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/snug-chat/snug/signaling"
)

const (
	here     = "127.0.0.1"
	patience = 10 * time.Second // for what answers, on a busy machine
	brief    = 5 * time.Second  // where something doesn't
	secret   = "password of the tests"
)

// TestMain fails if a goroutine is left when all has ended.
func TestMain(m *testing.M) {
	if os.Getenv(visited) != "" {
		if err := visitor(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if left := leftGoroutines(10 * time.Second); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines are the stacks of those that are ours or Pion's, and don't end in time.
func leftGoroutines(patience time.Duration) string {
	buffer := make([]byte, 4<<20)
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		var left []string
		for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			ours := strings.Contains(stack, "snug-chat/snug/") || strings.Contains(stack, "github.com/pion/")
			if ours && !strings.Contains(stack, "leftGoroutines") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

// lab is a hub with a TURN server. Its fields are set before start.
type lab struct {
	name    string                          // of the host that the certificate is for; empty: plain HTTP
	until   time.Time                       // its end; zero: in 90 days
	between func(http.Handler) http.Handler // a proxy
	hub     signaling.Options
	turn    turnOptions
	none    bool // no TURN server

	target Target
	roots  *x509.CertPool
	issuer []byte // DER
	ice    []signaling.ICEServer
}

// turnOptions are what may be wrong with a TURN server.
type turnOptions struct {
	relay    string    // the address that it gives out; empty: here
	at       string    // where it is; empty: here
	password string    // that it takes; empty: the one that the hub gives out
	port     string    // of it, for UDP and TCP; empty: any
	ports    [2]uint16 // of relays; zero: any
}

// start starts both, and ends them with the test.
func (l *lab) start(t *testing.T) *lab {
	t.Helper()
	if l.until.IsZero() {
		l.until = time.Now().Add(90 * 24 * time.Hour)
	}
	certificate := l.certificate(t)
	if !l.none {
		l.ice = l.turn.start(t, certificate)
	}
	l.hub.ICE = func(signaling.AuthRequest, signaling.Grant) signaling.ICE { return signaling.ICE{Servers: l.ice} }
	if l.hub.PingInterval == 0 {
		l.hub.PingInterval = time.Second
	}
	hub := signaling.NewHub(&l.hub)
	var handler http.Handler = hub
	if l.between != nil {
		handler = l.between(hub)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = nil
	if l.turn.at != "" {
		server.Listener.Close()
		var err error
		if server.Listener, err = net.Listen("tcp", l.turn.at+":0"); err != nil {
			t.Fatal(err)
		}
	}
	if l.name != "" {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := hub.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	l.target = Target{Hub: u}
	return l
}

// certificate is one for l.name, or here, of an authority that l.roots hold.
func (l *lab) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	issuer, issuerKey := issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Authority of the tests"}, IsCA: true,
		NotAfter: time.Now().Add(time.Hour * 24 * 365), BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	l.roots = x509.NewCertPool()
	l.roots.AddCert(issuer)
	l.issuer = issuer.Raw
	name := cmp.Or(l.name, l.turn.at, here)
	wanted := &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: l.until}
	if ip := net.ParseIP(name); ip != nil {
		wanted.IPAddresses = []net.IP{ip}
	} else {
		wanted.DNSNames = []string{name}
	}
	leaf, key := issue(t, wanted, issuer, issuerKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func issue(t *testing.T, wanted, by *x509.Certificate, byKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by, byKey = wanted, key
	}
	wanted.SerialNumber, wanted.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-90*24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, wanted, by, key.Public(), byKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

// start starts a TURN server over UDP, TCP and TLS, and says how members reach it.
func (o turnOptions) start(t *testing.T, certificate tls.Certificate) []signaling.ICEServer {
	t.Helper()
	o.at, o.password = cmp.Or(o.at, here), cmp.Or(o.password, secret)
	o.relay = cmp.Or(o.relay, o.at)
	o.port = cmp.Or(o.port, "0")
	datagrams, err := net.ListenPacket("udp4", o.at+":"+o.port)
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp4", o.at+":"+o.port)
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Listen("tcp4", o.at+":0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	var relays turn.RelayAddressGenerator = &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP(o.relay), Address: o.at}
	if o.ports[0] != 0 {
		relays = &turn.RelayAddressGeneratorPortRange{RelayAddress: net.ParseIP(o.relay), Address: o.at, MinPort: o.ports[0], MaxPort: o.ports[1]}
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "tests",
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, o.password), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: datagrams, RelayAddressGenerator: relays}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: streams, RelayAddressGenerator: relays}, {Listener: secure, RelayAddressGenerator: relays}},
		LoggerFactory:     &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return []signaling.ICEServer{
		{URLs: []string{"stun:" + datagrams.LocalAddr().String()}},
		{URLs: []string{"turn:" + datagrams.LocalAddr().String() + "?transport=udp", "turn:" + streams.Addr().String() + "?transport=tcp",
			"turns:" + secure.Addr().String() + "?transport=tcp"}, Username: "member", Credential: secret},
	}
}

// run runs the doctor at the lab.
func (l *lab) run(t *testing.T, o Options) Report {
	t.Helper()
	if o.TLS == nil {
		o.TLS = &tls.Config{RootCAs: l.roots}
	}
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	if o.Idle == 0 {
		o.Idle = -1 // which most tests don't wait for
	}
	return Run(t.Context(), l.target, o)
}

// found are the cases of what isn't fine.
type found map[string]string

// finds fails unless exactly this isn't fine.
func finds(t *testing.T, r Report, want found) {
	t.Helper()
	got := found{}
	for _, one := range r.Results {
		switch {
		case one.What == "" || strings.ContainsAny(one.What+one.Means+one.Mend, "{}"):
			t.Errorf("%s (%s) says %q %q %q", one.ID, one.Kind, one.What, one.Means, one.Mend)
		case one.Status == Failed || one.Status == Warning:
			got[one.ID] = one.Kind
			if one.Means == "" || one.Mend == "" {
				t.Errorf("%s (%s) doesn't say what it means, or how to mend it", one.ID, one.Kind)
			}
		}
	}
	if !maps.Equal(got, want) {
		var all strings.Builder
		r.Plain(&all)
		t.Errorf("found %v, want %v:\n%s", got, want, all.String())
	}
}

// kind is the case of a check.
func (r Report) kind(id string) string {
	for _, one := range r.Results {
		if one.ID == id {
			return one.Kind
		}
	}
	return ""
}

// strangers are authorities that nothing of the tests comes from.
func (l *lab) strangers(t *testing.T) *x509.CertPool {
	t.Helper()
	l.certificate(t)
	return l.roots
}
