package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/snug-chat/snug/internal/admin"
	"github.com/snug-chat/snug/internal/certs"
	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// parts are what a configuration names files for, as far as they can be made before anything changes.
type parts struct {
	authorize  func(context.Context, signaling.AuthRequest) (signaling.Grant, error) // nil: the hub is open
	adminToken func() (string, error)                                                // nil: there is no admin API
	iceSecret  string                                                                // of other people's TURN servers, or the password
}

// read reads the files that c names, but for certificates. Its error is [config.Problems].
func read(c *config.Config) (p parts, err error) {
	var problems config.Problems
	if c.Auth.Keys != "" {
		keys, err := token.ReadKeys(c.Auth.Keys)
		if err != nil {
			problems = append(problems, fault(c, err, "auth.keys"))
		}
		p.authorize = token.NewAuthorizer(keys, &token.Options{MaxAge: c.Auth.MaxAge}).Authorize
	}
	if c.Admin.TokenFile != "" {
		p.adminToken = admin.TokenFile(c.Admin.TokenFile)
		if _, err := p.adminToken(); err != nil {
			problems = append(problems, fault(c, err, "admin.token_file"))
		}
	}
	for key, file := range map[string]string{"ice.secret_file": c.ICE.SecretFile, "ice.password_file": c.ICE.PasswordFile} {
		if file == "" {
			continue
		}
		if p.iceSecret, err = readSecret(file); err != nil {
			problems = append(problems, fault(c, err, key))
		}
	}
	return p, problems.Err()
}

// maxSecret is how large the file of a secret may be, in bytes.
const maxSecret = 4 << 10

// readSecret reads a line. The error never holds it.
func readSecret(file string) (string, error) {
	// A pipe would block here, and be empty the second time.
	switch info, err := os.Stat(file); {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("there is no file %s", file)
	case err != nil || !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no file that can be read", file)
	case info.Size() > maxSecret:
		return "", fmt.Errorf("%s has more than %d bytes, and no secret has", file, maxSecret)
	}
	text, err := os.ReadFile(file)
	secret := strings.TrimSpace(string(text))
	switch {
	case errors.Is(err, os.ErrPermission):
		return "", fmt.Errorf("%s may not be read: give the user that runs this the right to", file)
	case err != nil:
		return "", fmt.Errorf("%s can't be read", file)
	case secret == "" || strings.ContainsAny(secret, "\r\n\x00"):
		return "", fmt.Errorf("%s must hold one line", file)
	}
	return secret, nil
}

// Check finds out whether the files that c names are there, and hold what they should. Its error is [config.Problems].
func Check(c *config.Config) error {
	_, err := read(c)
	problems, _ := err.(config.Problems)
	switch t := c.TLS; {
	case t.Cert != "":
		pair, err := certs.New(context.Background(), certs.Options{CertFile: t.Cert, KeyFile: t.Key}, nil)
		if err != nil {
			problems = append(problems, fault(c, err, "tls.cert"))
			break
		}
		pair.Close()
	case t.ACME.CA != "":
		if err := (certs.ACME{Domains: t.ACME.Domains, CAFile: t.ACME.CA}).Check(); err != nil {
			problems = append(problems, fault(c, err, "tls.acme.ca"))
		}
	}
	return problems.Err()
}

// fault is what is wrong with a file that a key names. Which package found it is of no interest.
func fault(c *config.Config, err error, key string) *config.Problem {
	text := err.Error()
	for _, pkg := range []string{"admin: ", "certs: ", "token: "} {
		text = strings.TrimPrefix(text, pkg)
	}
	return c.Problem("%s", []any{text}, key)
}

// hubOptions are what c means for the hub.
func (s *Server) hubOptions(c *config.Config, p parts) *signaling.Options {
	return &signaling.Options{
		Origins:        c.Origins,
		Hosts:          s.hosts(c),
		ICE:            s.ice(c, p),
		Ended:          s.turn.end,
		Authorize:      p.authorize,
		Duplicates:     c.Auth.Duplicates,
		TrustedProxies: c.Proxies,
		Logger:         s.logs.logger,
		LogAddresses:   c.Log.Addresses,
		Limits:         c.Limits.HubLimits,
		PingInterval:   c.Session.Ping,
		PongTimeout:    c.Session.Timeout,
		HelloTimeout:   c.Session.Hello,
		Grace:          c.Session.Grace,
	}
}

// hosts are the names by which the hub is called; none if that can be any. What listens on this machine's own address in plain
// HTTP, and has no proxy before it, nobody calls by another name than this machine's, but for pages whose name was pointed here.
func (s *Server) hosts(c *config.Config) []string {
	local := config.Loopback(s.started.Listen) && !s.started.LAN
	if len(c.Hosts) == 0 && local && !s.started.TLS.On() && len(c.Proxies) == 0 {
		return []string{"localhost"}
	}
	return c.Hosts
}
