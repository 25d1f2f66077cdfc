package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

const (
	minToken     = 16      // characters
	maxTokenFile = 4 << 10 // bytes
	refusalEvery = 10 * time.Second
	makeToken    = "openssl rand -hex 32"
)

// bearerToken is RFC 6750 §2.1, b64token.
var bearerToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// TokenFile is an [Options.Token] that reads a file anew each time, so that another
// token in it holds from the next request on. It is an error if there is no such file, if it
// isn't a regular one, or if it doesn't hold one token of 16 characters or more; space around it is
// left out. Call it once before listening, to find that out early. The error never holds the token.
func TokenFile(path string) func() (string, error) {
	return func() (string, error) {
		token, err := readToken(path)
		if err != nil {
			return "", fmt.Errorf("admin: token file %s: %w", path, err)
		}
		return token, nil
	}
}

func readToken(path string) (string, error) {
	// A pipe would block here, and be empty the second time.
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("there is no such file: make it with %s", makeToken)
	case err != nil:
		return "", causeOf(err)
	case !info.Mode().IsRegular():
		return "", errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", causeOf(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return "", causeOf(err)
	}
	return checkToken(strings.TrimSpace(string(text)))
}

func checkToken(token string) (string, error) {
	switch {
	case token == "":
		return "", fmt.Errorf("it is empty: fill it with %s", makeToken)
	case len(token) > maxTokenFile:
		return "", fmt.Errorf("it has more than %d bytes", maxTokenFile)
	case len(token) < minToken:
		return "", fmt.Errorf("the token is shorter than %d characters: make another with %s", minToken, makeToken)
	case !bearerToken.MatchString(token):
		return "", fmt.Errorf("it must hold one token of A-Z a-z 0-9 - . _ ~ + / and nothing else: make one with %s", makeToken)
	}
	return token, nil
}

// causeOf is err without the path, which is named already.
func causeOf(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// gate lets those in who have the token.
type gate struct {
	token  func() (string, error)
	logger *slog.Logger
	rarely rate.Sometimes // who guesses tokens doesn't fill the log
	next   http.Handler
}

func newGate(o Options, next http.Handler) http.Handler {
	if o.Token == nil {
		return http.HandlerFunc(off)
	}
	return &gate{token: o.Token, logger: o.Logger, rarely: rate.Sometimes{Interval: refusalEvery}, next: next}
}

func off(w http.ResponseWriter, _ *http.Request) {
	refuse(w, faultf(http.StatusForbidden, "off", "The admin API and the profiles are off. "+
		"To turn them on, write a token into a file (%s) and name that file in the hub's configuration, as admin.token_file.", makeToken))
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	want, err := g.token()
	if err == nil && want == "" {
		err = errors.New("admin: the token is empty")
	}
	if err != nil {
		g.rarely.Do(func() { g.logger.Error("the admin API lets nobody in: its token can't be read", "error", err) })
		refuse(w, faultf(http.StatusServiceUnavailable, "unavailable", "The hub can't read its token now; its log says why."))
		return
	}
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !equal(strings.TrimSpace(got), want) {
		g.refuse(w, scheme != "")
		return
	}
	g.next.ServeHTTP(w, r)
}

// refuse is RFC 6750 §3.
func (g *gate) refuse(w http.ResponseWriter, tried bool) {
	challenge, message := `Bearer realm="snug"`, "This needs the token of the admin API: send Authorization: Bearer TOKEN."
	if tried {
		challenge, message = challenge+`, error="invalid_token"`, "That isn't the token of the admin API."
		g.rarely.Do(func() { g.logger.Warn("somebody came to the admin API with a wrong token") })
	}
	w.Header().Set("WWW-Authenticate", challenge)
	refuse(w, faultf(http.StatusUnauthorized, "token", "%s", message))
}

// equal takes as long whatever a and b are: hashes have one length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
