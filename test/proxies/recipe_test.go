//go:build proxies

// Package proxies tests the recipes in packaging with the proxies that they are for.
package proxies

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 20 * time.Second // for one thing to happen

// recipe is a file in packaging.
type recipe struct {
	file string
	name string // the site's, as the recipe has it
	path string // below which the hub is
	// prepare writes the proxy's configuration around the recipe, and returns the command that runs it.
	prepare func(t *testing.T, s *site, recipe string) *exec.Cmd
}

var recipes = []recipe{
	{"nginx.conf", "hub.example.org", "", nginx},
	{"nginx-subpath.conf", "example.org", "/snug", nginx},
	{"Caddyfile", "hub.example.org", "", caddy},
	{"Caddyfile.subpath", "example.org", "/snug", caddy},
}

// each runs a test with each recipe.
func each(t *testing.T, test func(t *testing.T, r recipe)) {
	t.Helper()
	t.Parallel()
	for _, r := range recipes {
		t.Run(r.file, func(t *testing.T) {
			t.Parallel()
			test(t, r)
		})
	}
}

// site is a proxy that runs.
type site struct {
	recipe
	dir     string // of its own
	port    string
	hub     string // address
	ca      string // file; written by the proxy or by nginx's preparation
	trusted *tls.Config
}

// edit changes a line of a recipe.
type edit struct{ old, new string }

// serve runs the proxy of a recipe before the hub at an address. Of the recipe only what
// names the machine is changed, and the edits.
func serve(t *testing.T, r recipe, hub string, edits ...edit) *site {
	t.Helper()
	s := &site{recipe: r, dir: t.TempDir(), port: freePort(t), hub: hub}
	content, err := os.ReadFile(filepath.Join("..", "..", "packaging", r.file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, e := range append(edits, edit{"127.0.0.1:8080", hub}) {
		if !strings.Contains(text, e.old) {
			t.Fatalf("%s doesn't hold %q", r.file, e.old)
		}
		text = strings.ReplaceAll(text, e.old, e.new)
	}
	start(t, r.prepare(t, s, text))
	s.wait(t)
	return s
}

func nginx(t *testing.T, s *site, recipe string) *exec.Cmd {
	t.Helper()
	s.ca = filepath.Join(s.dir, "cert.pem")
	key := filepath.Join(s.dir, "key.pem")
	writePair(t, s.ca, key, s.name)
	live := "/etc/letsencrypt/live/" + s.name
	recipe = strings.NewReplacer(
		"listen 443 ssl;", "listen 127.0.0.1:"+s.port+" ssl;", "listen [::]:443 ssl;", "",
		live+"/fullchain.pem", s.ca, live+"/privkey.pem", key,
	).Replace(recipe)
	write(t, s.dir, "snug.conf", recipe)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // who may enter the test's folder
	}
	write(t, s.dir, "nginx.conf", fmt.Sprintf(`%s
daemon off;
pid nginx.pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	include snug.conf;
}
`, user))
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where users don't look
	}
	return exec.Command(program, "-p", s.dir, "-c", "nginx.conf", "-e", "stderr")
}

func caddy(t *testing.T, s *site, recipe string) *exec.Cmd {
	t.Helper()
	// Its own authority in place of one that asks the internet, and nothing on well-known ports.
	s.ca = filepath.Join(s.dir, "caddy", "pki", "authorities", "local", "root.crt")
	write(t, s.dir, "snug", strings.Replace(recipe, "\n"+s.name+" {", "\n"+s.name+":"+s.port+" {", 1))
	write(t, s.dir, "Caddyfile", `{
	admin off
	auto_https disable_redirects
	local_certs
	skip_install_trust
	default_bind 127.0.0.1
	log {
		level WARN
	}
}
import snug
`)
	c := exec.Command("caddy", "run", "--config", filepath.Join(s.dir, "Caddyfile"))
	c.Env = append(os.Environ(), "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
	return c
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// start runs a proxy until the test ends.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var said buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatalf("%v: make setup installs it", err)
	}
	t.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		ended := make(chan struct{})
		go func() { defer close(ended); c.Wait() }()
		select {
		case <-ended:
		case <-time.After(patience):
			c.Process.Kill()
			<-ended
			t.Errorf("%s doesn't end", c.Path)
		}
		if t.Failed() {
			t.Logf("%s: %s", c.Path, said.String())
		}
	})
}

// wait waits until the proxy answers, and learns whom to trust.
func (s *site) wait(t *testing.T) {
	t.Helper()
	until(t, "the proxy to answer", func() bool {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return false
		}
		s.trusted = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: s.name}
		s.trusted.RootCAs.AppendCertsFromPEM(pem)
		conn, err := tls.Dial("tcp", "127.0.0.1:"+s.port, s.trusted)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// origin is the site's, as a browser says it.
func (s *site) origin() string { return "https://" + s.name + ":" + s.port }

// url is one below the path of the hub.
func (s *site) url(path string) string { return s.origin() + s.path + path }

// client comes from an address of this machine.
func (s *site) client(t *testing.T, from string) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: s.trusted.Clone(), DialContext: s.dialer(from), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Timeout: 2 * patience, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// buffer may be written to and read by different goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
