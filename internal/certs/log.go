package certs

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap/zapcore"
)

// on logs what becomes of certificates. It is called by certmagic.
func (s *issued) on(ctx context.Context, event string, data map[string]any) error {
	domain, _ := data["identifier"].(string)
	switch event {
	case "cert_obtaining":
		s.logger.Info("getting a certificate", "domain", domain)
	case "cert_obtained":
		path, _ := data["certificate_path"].(string)
		s.logger.Info("got a certificate", "domain", domain, "until", s.until(ctx, path))
	case "cert_failed":
		err, _ := data["error"].(error)
		if ctx.Err() != nil {
			return nil
		}
		s.logger.Error("got no certificate; trying again later", "domain", domain, "error", reason(err))
	}
	return nil
}

// until is when the certificate ends that is kept at path in the folder; zero if that isn't known.
func (s *issued) until(ctx context.Context, path string) time.Time {
	chain, _ := s.config.Storage.Load(ctx, path)
	block, _ := pem.Decode(chain)
	if block == nil {
		return time.Time{}
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return c.NotAfter
}

// reason is what the ACME server says, or the error that kept it from saying something.
func reason(err error) string {
	var problem acme.Problem
	var untrusted x509.UnknownAuthorityError
	switch {
	case errors.As(err, &untrusted):
		return "the ACME server isn't trusted: name the file of the authority that its certificate is from"
	case !errors.As(err, &problem):
		return err.Error()
	}
	if len(problem.Subproblems) > 0 {
		problem = problem.Subproblems[0].Problem
	}
	if problem.Detail != "" {
		return problem.Detail
	}
	return problem.Error()
}

// certmagicLog passes certmagic's warnings and errors on at debug level. What an operator should know,
// issued.on says better. Of their fields only the error goes along: others may be tokens.
type certmagicLog struct{ logger *slog.Logger }

func (l *certmagicLog) Enabled(level zapcore.Level) bool { return level >= zapcore.WarnLevel }

func (l *certmagicLog) With([]zapcore.Field) zapcore.Core { return l }

func (l *certmagicLog) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if l.Enabled(e.Level) {
		return checked.AddCore(e, l)
	}
	return checked
}

func (l *certmagicLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			l.logger.Debug("certmagic: "+e.Message, "error", err)
			return nil
		}
	}
	l.logger.Debug("certmagic: " + e.Message)
	return nil
}

func (l *certmagicLog) Sync() error { return nil }
