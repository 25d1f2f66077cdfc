package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// lab is a server with a configuration file that a test rewrites, in a directory of its own.
type lab struct {
	*Server
	t           *testing.T
	log, states *logBuffer
	finish      func()
}

// begin runs a server with a configuration in snug.yaml; the listener is on a port of its own.
func begin(t *testing.T, text string) *lab {
	t.Helper()
	l := &lab{t: t, log: &logBuffer{}, states: &logBuffer{}}
	l.write("snug.yaml", text)
	load := func() (*config.Config, error) {
		return config.Load(config.Sources{File: "snug.yaml", Environment: []string{"SNUG_LISTEN=127.0.0.1:0"}})
	}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	l.Server = listen(t, c, Options{Load: load, Log: l.log, Notify: func(s string) { io.WriteString(l.states, s+" ") }})
	l.finish = run(t, l.Server)
	return l
}

func (l *lab) write(file, text string) {
	l.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// reload reloads, and returns what was logged meanwhile.
func (l *lab) reload() string {
	before := len(l.log.String())
	l.Reload()
	return l.log.String()[before:]
}

// dial joins the room lobby.
func (l *lab) dial(token string) (*signaling.Conn, error) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	invite, err := signaling.ParseInvite("http://" + l.gate.Addr().String() + "/r/lobby")
	if err != nil {
		l.t.Fatal(err)
	}
	conn, err := signaling.Dial(ctx, invite, signaling.Hello{Secret: signaling.NewSecret(), Name: "Ann", Kind: "go", Token: token}, nil)
	if err == nil {
		l.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func refusedWith(err error, code string) bool {
	var e *signaling.Error
	return errors.As(err, &e) && e.Code == code
}

func TestReloadSaysWhatItChanges(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "limits: {members: 1}\norigins: ['https://a.example']\n")
	if _, err := l.dial(""); err != nil {
		t.Fatal(err)
	}
	if _, err := l.dial(""); !refusedWith(err, signaling.CodeFull) {
		t.Errorf("a second member: %v", err)
	}
	l.write("snug.yaml", "limits: {members: 2, header: 8KiB}\norigins: ['https://a.example', 'https://b.example']\nadmin: {listen: '127.0.0.1:1'}\n")
	said := l.reload()
	for _, want := range []string{
		`level=INFO msg="the configuration has changed" key=limits.members from=1 to=2` + "\n",
		`level=INFO msg="the configuration has changed" key=origins from=https://a.example to="https://a.example, https://b.example"` + "\n",
		`level=WARN msg="this change needs a restart" key=limits.header from=16KiB to=8KiB` + "\n",
		`level=WARN msg="this change needs a restart" key=admin.listen from="" to=127.0.0.1:1` + "\n",
		`level=INFO msg="the configuration was reloaded, and the files that it names" changed=2 restart=2` + "\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it doesn't say %sbut\n%s", want, said)
		}
	}
	if strings.Count(said, "\n") != 5 {
		t.Errorf("it says %s", said)
	}
	if _, err := l.dial(""); err != nil {
		t.Errorf("a second member, now: %v", err)
	}
	if got := status(t, t.Context(), "http://"+l.gate.Addr().String()+"/v1/rooms/lobby", "https://b.example"); got != http.StatusUpgradeRequired {
		t.Errorf("from the new origin: %d", got)
	}
	// What waits for a restart is told again, what has changed isn't.
	if said := l.reload(); strings.Count(said, "has changed") != 0 || strings.Count(said, "needs a restart") != 2 {
		t.Errorf("the second time: %s", said)
	}
	l.write("snug.yaml", "limits: {members: 2}\norigins: ['https://a.example', 'https://b.example']\n")
	if said := l.reload(); !strings.Contains(said, "changed=0 restart=0") {
		t.Errorf("back as it was: %s", said)
	}
	if got := l.states.String(); got != "READY=1 "+strings.Repeat("RELOADING=1 READY=1 ", 3) {
		t.Errorf("the service manager heard %s", got)
	}
}

func TestWrongConfigurationsAreRefusedAsAWhole(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "limits: {members: 1}\n")
	if _, err := l.dial(""); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"limits: {members: 2, fram: 1}":                        `problem="snug.yaml:1: limits.fram: is no key: did you mean frame?"`,
		"limits: {members: 2}\nauth: {keys: nowhere.pem}":      "snug.yaml:2: auth.keys: ",
		"limits: {members: 2}\nadmin: {token_file: nowhere}":   "snug.yaml:2: admin.token_file: ",
		"limits: {members: 2}\nsession: {timeout: 2s}\n":       "snug.yaml:2: session.timeout: ",
		"limits: {members: 2}\ntls: {cert: nowhere}":           "snug.yaml:2: tls.cert: a certificate needs its key",
		"limits: {members: 2}\n" + strings.Repeat("#", 300000): "snug.yaml: is larger than 256KiB",
	} {
		l.write("snug.yaml", text)
		said := l.reload()
		if !strings.Contains(said, want) || !strings.Contains(said, `level=ERROR msg="the new configuration was refused as a whole; the one before stays in force" problems=1`) {
			t.Errorf("%.40s: it says %s", text, said)
		}
		if _, err := l.dial(""); !refusedWith(err, signaling.CodeFull) {
			t.Errorf("%.40s: a second member: %v", text, err)
		}
	}
	os.Remove("snug.yaml")
	if said := l.reload(); !strings.Contains(said, "snug.yaml: there is no such file.") {
		t.Errorf("without a file: %s", said)
	}
}

// Whoever moves the hub to this machine and drops its keys would open it where it still is.
func TestReloadOpensNoHubByAccident(t *testing.T) {
	t.Chdir(t.TempDir())
	newKey(t, "keys.pem")
	os.WriteFile("snug.yaml", []byte("listen: '0.0.0.0:0'\nauth: {keys: keys.pem}\n"), 0o600)
	var log logBuffer
	load := func() (*config.Config, error) { return config.Load(config.Sources{File: "snug.yaml"}) }
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	s := listen(t, c, Options{Load: load, Log: &log})
	run(t, s)
	os.WriteFile("snug.yaml", []byte("listen: '127.0.0.1:8080'\n"), 0o600)
	s.Reload()
	if !strings.Contains(log.String(), "others can reach 0.0.0.0:0, and everybody among them could come in") || s.current() != c {
		t.Errorf("it says %s", log.String())
	}
}

func TestKeysAreReadAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	first := newKey(t, "keys.pem")
	l := begin(t, "auth: {keys: keys.pem}\n")
	if _, err := l.dial(""); !refusedWith(err, signaling.CodeToken) {
		t.Errorf("without a token: %v", err)
	}
	old := mint(t, first)
	if _, err := l.dial(old); err != nil {
		t.Errorf("with a token: %v", err)
	}
	second := newKey(t, "keys.pem")
	if said := l.reload(); !strings.Contains(said, "was reloaded, and the files") {
		t.Errorf("it says %s", said)
	}
	if _, err := l.dial(old); !refusedWith(err, signaling.CodeToken) {
		t.Errorf("with a token of the old key: %v", err)
	}
	if _, err := l.dial(mint(t, second)); err != nil {
		t.Errorf("with a token of the new key: %v", err)
	}
}

// newKey writes the public half of a new key to a file.
func newKey(t *testing.T, file string) ed25519.PrivateKey {
	t.Helper()
	public, private, _ := ed25519.GenerateKey(nil)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return private
}

func TestCertificatesAreReadAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	certificate(t, "one.example")
	l := begin(t, "tls: {cert: cert.pem, key: key.pem}\n")
	if got := l.shows(); got != "one.example" {
		t.Errorf("it shows %s", got)
	}
	if invite, err := l.Invite(); err != nil || !strings.HasPrefix(invite, "https://one.example:") {
		t.Errorf("the invite is %s, %v", invite, err)
	}
	certificate(t, "two.example")
	l.reload()
	if got := l.shows(); got != "two.example" {
		t.Errorf("after a reload it shows %s", got)
	}
	l.write("key.pem", "no key")
	if said := l.reload(); !strings.Contains(said, "snug.yaml:1: tls.cert: ") || !strings.Contains(said, "refused as a whole") {
		t.Errorf("with a broken key it says %s", said)
	}
	if got := l.shows(); got != "two.example" {
		t.Errorf("with a broken key it shows %s", got)
	}
	certificate(t, "three.example")
	os.Rename("cert.pem", "other.pem")
	l.write("snug.yaml", "tls: {cert: other.pem, key: key.pem}\n")
	if said := l.reload(); !strings.Contains(said, "key=tls.cert from=cert.pem to=other.pem") || l.shows() != "three.example" {
		t.Errorf("from another file it shows %s, and says %s", l.shows(), said)
	}
	l.write("snug.yaml", "")
	if said := l.reload(); strings.Count(said, "needs a restart") != 2 || l.shows() != "three.example" {
		t.Errorf("without TLS it says %s", said)
	}
}

func TestInviteIsToNoWildcard(t *testing.T) {
	t.Chdir(t.TempDir())
	certificate(t, "*.example.org")
	l := begin(t, "tls: {cert: cert.pem, key: key.pem}\n")
	if invite, err := l.Invite(); err != nil || !strings.HasPrefix(invite, "https://localhost:") {
		t.Errorf("the invite is %s, %v", invite, err)
	}
}

// shows is whom the certificate is for.
func (l *lab) shows() string {
	l.t.Helper()
	conn, err := tls.Dial("tcp", l.gate.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
}

// certificate writes cert.pem and key.pem.
func certificate(t *testing.T, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAdminIsOnItsOwnListener(t *testing.T) {
	t.Chdir(t.TempDir())
	const first, second = "the first token of all", "the-second-token-of-all"
	os.WriteFile("token", []byte(second), 0o600)
	l := begin(t, "admin: {listen: '127.0.0.1:0', token_file: token}\n")
	base := "http://" + l.admin.listener.Addr().String()
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/v1/stats": 401, "/debug/pprof/": 401, "/v1/rooms/lobby": 401, "/": 404} {
		if got := status(t, t.Context(), base+path, ""); got != want {
			t.Errorf("%s: %d, not %d", path, got, want)
		}
	}
	r, _ := http.NewRequest("GET", base+"/v1/rooms", nil)
	r.Header.Set("Authorization", "Bearer "+second)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("with the token: %s", answer.Status)
	}
	os.WriteFile("token", []byte(first), 0o600) // spaces
	if said := l.reload(); !strings.Contains(said, "snug.yaml:1: admin.token_file: ") || strings.Contains(said, first) {
		t.Errorf("with a wrong token file it says %s", said)
	}
}

func TestAdminWaitsForARestart(t *testing.T) {
	t.Chdir(t.TempDir())
	l := begin(t, "")
	l.write("token", "0123456789abcdef")
	l.write("snug.yaml", "admin: {listen: '127.0.0.1:1', token_file: token}\n")
	if said := l.reload(); !strings.Contains(said, `"this change needs a restart" key=admin.listen from="" to=127.0.0.1:1`) || strings.Contains(said, "ERROR") {
		t.Errorf("it says %s", said)
	}
}

func TestAdminThatOthersReachIsWarnedOf(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	for admin, warned := range map[string]bool{
		"{listen: '127.0.0.1:0', token_file: '" + token + "'}": false,
		"{listen: '0.0.0.0:0'}":                                false, // numbers only
		"{listen: '0.0.0.0:0', token_file: '" + token + "'}":   true,
	} {
		var out logBuffer
		s := listen(t, configured(t, "admin: "+admin), Options{Log: &out})
		s.Close()
		if got := strings.Contains(out.String(), "level=WARN msg=\"the admin listener speaks plain HTTP, and others can reach it"); got != warned {
			t.Errorf("%s: %s", admin, out.String())
		}
	}
}

func TestCheckReadsTheFilesThatAreNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	certificate(t, "a.example")
	newKey(t, "keys.pem")
	os.WriteFile("token", []byte(strings.Repeat("t", 32)), 0o600)
	os.WriteFile("bad", []byte("bad"), 0o600)
	check := func(text string) error {
		os.WriteFile("snug.yaml", []byte(text), 0o600)
		c, err := config.Load(config.Sources{File: "snug.yaml", Data: "data"})
		if err != nil {
			t.Fatal(err)
		}
		return Check(c)
	}
	for _, fine := range []string{"", "tls: {cert: cert.pem, key: key.pem}\nauth: {keys: keys.pem}\nadmin: {listen: '127.0.0.1:0', token_file: token}", "tls: {acme: {domains: [a.example], ca: cert.pem}}"} {
		if err := check(fine); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
	for wrong, parts := range map[string][]string{
		"auth: {keys: bad}\nadmin: {listen: '127.0.0.1:0', token_file: bad}\ntls: {cert: bad, key: key.pem}": {"snug.yaml:1: auth.keys: ", "snug.yaml:2: admin.token_file: ", "snug.yaml:3: tls.cert: "},
		"tls: {cert: cert.pem, key: nowhere.pem}":                                                            {"snug.yaml:1: tls.cert: ", "nowhere.pem"},
		"tls: {acme: {domains: [a.example], ca: bad}}":                                                       {"snug.yaml:1: tls.acme.ca: bad holds no certificate: it should be PEM"},
		"tls: {acme: {domains: [a.example], ca: nowhere}}":                                                   {"snug.yaml:1: tls.acme.ca: the file of the ACME server's certificate isn't there: nowhere."},
		"auth: {keys: nowhere}\ntls: {cert: nowhere, key: x}\n#":                                             {"snug.yaml:1: auth.keys: ", "snug.yaml:2: tls.cert: "},
	} {
		err := check(wrong)
		if err == nil || strings.Count("\n"+err.Error(), "\nsnug.yaml:") != strings.Count(strings.Join(parts, ""), "snug.yaml:") {
			t.Errorf("%s: %v", wrong, err)
			continue
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("it doesn't say %s: %v", part, err)
			}
		}
		for line := range strings.Lines(err.Error()) {
			if line = strings.TrimSpace(line); !strings.HasSuffix(line, ".") || strings.HasSuffix(line, "..") || strings.Contains(line, "token: ") {
				t.Errorf("this is no sentence: %s", line)
			}
		}
	}
}

// mint makes a token for the room lobby.
func mint(t *testing.T, key ed25519.PrivateKey) string {
	t.Helper()
	signed, err := token.Sign(key, "", token.Claims{Room: "lobby", Subject: "ann", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
