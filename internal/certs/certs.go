// Package certs gives a server its certificate: from two files, which it watches,
// or from an ACME server (RFC 8555), which it asks.
package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"
)

// Options say where a certificate comes from: either both files, or ACME.
type Options struct {
	CertFile string // PEM: the certificate first, then those of its issuers
	KeyFile  string // PEM, without a passphrase
	ACME     *ACME

	// Interval is how often is looked whether the files have changed, or whether a
	// certificate has to be renewed. Zero: a minute for files, ten for ACME.
	Interval time.Duration
}

// Certs is the certificate of a server. Its methods may be called by any
// number of goroutines.
type Certs struct{ source source }

// source is where a certificate comes from.
type source interface {
	certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	protocols() []string
	close()
}

// New reads the files, or begins to ask the ACME server. What goes on in the background
// ends with ctx, or with [Certs.Close]. A nil logger logs nothing. The error is a sentence.
//
// With ACME it doesn't wait for the certificate, which a listener with [Certs.TLSConfig]
// has to be there for: how that goes is logged. Until then handshakes fail.
func New(ctx context.Context, o Options, logger *slog.Logger) (*Certs, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	hasFiles := o.CertFile != "" || o.KeyFile != ""
	var s source
	var err error
	switch {
	case hasFiles && o.ACME != nil:
		return nil, errors.New("a certificate comes from files or from an ACME server, not from both: leave one out")
	case o.ACME != nil:
		s, err = newIssued(ctx, *o.ACME, o.Interval, logger)
	case o.CertFile == "":
		return nil, errors.New("the file of the certificate is missing: name it, and that of its key")
	case o.KeyFile == "":
		return nil, errors.New("the file of the certificate's key is missing: name it, too")
	default:
		s, err = newFiles(ctx, o.CertFile, o.KeyFile, o.Interval, logger)
	}
	if err != nil {
		return nil, err
	}
	return &Certs{s}, nil
}

// TLSConfig is for [tls.NewListener], and always gives the newest certificate.
//
// It doesn't offer HTTP/2. A WebSocket needs a connection of its own, which in HTTP/1.1
// it takes over (RFC 6455 §4.2.2); over HTTP/2 it would be a stream among others (RFC 8441), which Go's
// server doesn't do, and a browser that has an HTTP/2 connection may try. What else
// there is to fetch is three small files.
func (c *Certs) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     c.source.protocols(),
		GetCertificate: c.source.certificate,
	}
}

// Close ends what goes on in the background, and waits for it. It may be called again.
func (c *Certs) Close() error {
	c.source.close()
	return nil
}
