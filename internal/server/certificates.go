package server

import (
	"context"
	"crypto/tls"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/snug-chat/snug/internal/certs"
	"github.com/snug-chat/snug/internal/config"
)

// certificates are what a listener shows. They can be replaced by others from elsewhere.
type certificates struct {
	server  *Server
	current atomic.Pointer[issued]
}

type issued struct {
	from  config.TLS
	certs *certs.Certs
	tls   *tls.Config
}

// encrypt has the listener speak TLS if the configuration says so.
func (s *Server) encrypt() error {
	if !s.started.TLS.On() {
		return nil
	}
	first, err := s.issue(s.started)
	if err != nil {
		return err
	}
	s.tls = &certificates{server: s}
	s.tls.current.Store(first)
	if !s.started.TURNEnabled() { // or relay does it, and sorts
		s.listener = tls.NewListener(s.listener, s.tls.config())
	}
	return nil
}

// config is for listeners, and always shows the newest certificate.
func (t *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.current.Load().tls, nil },
	}
}

// issue gets certificates from where c says. Its error is [config.Problems].
func (s *Server) issue(c *config.Config) (*issued, error) {
	o := certs.Options{CertFile: c.TLS.Cert, KeyFile: c.TLS.Key}
	key, logger := "tls.cert", s.logs.logger
	if a := c.TLS.ACME; len(a.Domains) > 0 {
		key, logger = "tls.acme.domains", s.logs.told // nobody gets through before there is one
		o.ACME = &certs.ACME{Domains: a.Domains, Email: a.Email, Directory: a.Directory, Storage: a.Storage, CAFile: a.CA, Listen: s.gate.Addr().String()}
	}
	got, err := certs.New(context.Background(), o, logger) // until it is closed
	if err != nil {
		return nil, config.Problems{fault(c, err, key)}
	}
	shown := got.TLSConfig()
	if s.started.TURNEnabled() {
		shown.NextProtos = append(shown.NextProtos, protocolTURN)
	}
	return &issued{c.TLS, got, shown}, nil
}

// prepare gets what c says for a reload, and returns what puts it into force. Nothing has changed before that is called.
func (t *certificates) prepare(c *config.Config) (commit func(), err error) {
	if t == nil || !c.TLS.On() {
		return func() {}, nil // a restart will do it
	}
	now := t.current.Load()
	if reflect.DeepEqual(now.from, c.TLS) && c.TLS.Cert == "" {
		return func() {}, nil // by ACME: nothing to read
	}
	next, err := t.server.issue(c)
	if err != nil {
		return nil, err
	}
	return func() {
		t.current.Store(next)
		now.certs.Close()
	}, nil
}

// close ends what renews them.
func (t *certificates) close() {
	if t != nil {
		t.current.Load().certs.Close()
	}
}

// name is a host that the certificate is for; empty if there is none.
func (t *certificates) name() string {
	if t == nil {
		return ""
	}
	now := t.current.Load()
	if len(now.from.ACME.Domains) > 0 {
		return now.from.ACME.Domains[0]
	}
	pair, err := now.tls.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || pair.Leaf == nil {
		return ""
	}
	for _, name := range pair.Leaf.DNSNames {
		if !strings.HasPrefix(name, "*.") { // which stands for many
			return name
		}
	}
	return ""
}
