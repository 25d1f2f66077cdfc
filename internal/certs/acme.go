package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
)

const (
	renewInterval = 10 * time.Minute
	retryInterval = 10 * time.Minute // after what certmagic doesn't try again by itself: a full disk
)

// ACME says which names a certificate is for, and whom to ask for it. Using it agrees to
// the terms of the ACME server. Each name gets a certificate of its own.
//
// Names are proved over TLS (tls-alpn-01, RFC 8737), on port 443 of each, which the
// listener has to be reached at. No other port is used.
type ACME struct {
	Domains   []string // such as hub.example.org; at least one. The first is for clients that name none
	Email     string   // where the ACME server may write to; may be empty
	Directory string   // the ACME server's URL; empty: Let's Encrypt
	Storage   string   // the folder for keys and certificates; made if missing. To be kept
	CAFile    string   // PEM: whom to trust as ACME server; empty: whom the system trusts
	Listen    string   // HOST:PORT that the listener has; empty: :443
}

// issued is a certificate from an ACME server.
type issued struct {
	domains []string
	cache   *certmagic.Cache
	config  *certmagic.Config
	logger  *slog.Logger

	stop    context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
}

func newIssued(ctx context.Context, o ACME, every time.Duration, logger *slog.Logger) (*issued, error) {
	template, err := o.issuer()
	if err != nil {
		return nil, err
	}
	if err := prepare(o.Storage); err != nil {
		return nil, err
	}
	if every <= 0 {
		every = renewInterval
	}
	s := &issued{domains: o.Domains, logger: logger}
	s.configure(o, template, every)
	ctx, s.stop = context.WithCancel(ctx)
	for _, domain := range o.Domains {
		s.running.Go(func() { s.manage(ctx, domain) })
	}
	return s, nil
}

func (s *issued) configure(o ACME, template certmagic.ACMEIssuer, every time.Duration) {
	log := zap.New(&certmagicLog{logger: s.logger})
	var made atomic.Pointer[certmagic.Config]
	s.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return made.Load(), nil },
		RenewCheckInterval: every,
		Logger:             log,
	})
	s.config = certmagic.New(s.cache, certmagic.Config{
		DefaultServerName: o.Domains[0],
		Storage:           &certmagic.FileStorage{Path: o.Storage},
		OCSP:              certmagic.OCSPConfig{DisableStapling: true}, // fetched before a certificate is used, and hardly any has it now
		OnEvent:           s.on,
		Logger:            log,
	})
	template.Logger = log
	s.config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(s.config, template)}
	made.Store(s.config)
}

// Check tells what is wrong with the options. Nobody is asked for anything.
func (o ACME) Check() error {
	_, err := o.issuer()
	return err
}

// issuer checks the options, and is what certmagic wants to have of them.
func (o ACME) issuer() (certmagic.ACMEIssuer, error) {
	template := certmagic.ACMEIssuer{
		CA: certmagic.LetsEncryptProductionCA, Email: o.Email, Agreed: true, DisableHTTPChallenge: true,
	}
	if len(o.Domains) == 0 {
		return template, errors.New("an ACME server gives certificates for names: name at least one domain, such as hub.example.org")
	}
	for _, domain := range o.Domains {
		if err := checkDomain(domain); err != nil {
			return template, err
		}
	}
	if o.Directory != "" {
		u, err := url.Parse(o.Directory)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return template, fmt.Errorf("%q is no address of an ACME server: it should look like %s", o.Directory, certmagic.LetsEncryptProductionCA)
		}
		template.CA = o.Directory
	}
	if o.Listen != "" {
		host, port, err := net.SplitHostPort(o.Listen)
		number, wrong := strconv.ParseUint(port, 10, 16)
		if err != nil || wrong != nil {
			return template, fmt.Errorf("%q is no address that a listener has: it should be HOST:PORT", o.Listen)
		}
		template.ListenHost, template.AltTLSALPNPort = host, int(number)
	}
	if o.CAFile == "" {
		return template, nil
	}
	authorities, err := readChain(o.CAFile, "ACME server's certificate")
	if err != nil {
		return template, err
	}
	template.TrustedRoots = x509.NewCertPool()
	for _, c := range authorities {
		template.TrustedRoots.AddCert(c)
	}
	return template, nil
}

func checkDomain(domain string) error {
	switch {
	case domain == "":
		return errors.New("a domain is empty: write its name, such as hub.example.org")
	case strings.ContainsAny(domain, "/: "):
		return fmt.Errorf("%q is no domain: write the name alone, such as hub.example.org", domain)
	case strings.Contains(domain, "*"):
		return fmt.Errorf("%q stands for many names, which only DNS can prove: name each, or have certificates in files", domain)
	case net.ParseIP(domain) != nil:
		return fmt.Errorf("%s is an address, and certificates are for names: write one that leads here", domain)
	case !certmagic.SubjectQualifiesForCert(domain):
		return fmt.Errorf("%q is no domain that there are certificates for: write a name such as hub.example.org", domain)
	}
	return nil
}

func prepare(folder string) error {
	if folder == "" {
		return errors.New("certificates from an ACME server need a folder that they are kept in: name one")
	}
	err := os.MkdirAll(folder, 0o700)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the folder for certificates, %s, may not be made: make it, and give it to the user that runs this", folder)
	case err != nil:
		return fmt.Errorf("the folder for certificates, %s, can't be made: %w", folder, err)
	}
	return nil
}

func (s *issued) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.config.GetCertificate(hello)
}

func (s *issued) protocols() []string { return []string{"http/1.1", acmez.ACMETLS1Protocol} }

// close waits for what this package has begun, and for certmagic's own loop. A renewal that is
// under way is told to end.
func (s *issued) close() {
	s.closing.Do(func() {
		s.stop()
		s.running.Wait()
		s.cache.Stop()
	})
}

// manage has a certificate taken from the folder, or got, or renewed if it is overdue. From then on certmagic
// renews it.
func (s *issued) manage(ctx context.Context, domain string) {
	for {
		err := s.obtain(ctx, domain)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.logger.Error("certificates can't be had now; trying again later", "domain", domain, "error", err, "retry", retryInterval)
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryInterval):
		}
	}
}

func (s *issued) obtain(ctx context.Context, domain string) error {
	kept, err := s.config.CacheManagedCertificate(ctx, domain)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := s.config.ObtainCertAsync(ctx, domain); err != nil {
			return err
		}
		_, err = s.config.CacheManagedCertificate(ctx, domain)
		return err
	case err != nil:
		return err
	}
	s.logger.Info("a certificate was kept from before", "domain", domain, "until", kept.Leaf.NotAfter)
	if !kept.NeedsRenewal(s.config) {
		return nil
	}
	if err := s.config.RenewCertAsync(ctx, domain, false); err != nil {
		return err
	}
	return s.cache.RenewManagedCertificates(ctx) // which takes the renewed one from the folder
}
