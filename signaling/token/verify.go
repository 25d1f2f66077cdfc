package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/snug-chat/snug/signaling"
)

// header is what the hub reads of a JOSE header: RFC 7515, section 4.
type header struct {
	Alg  jsontext.Value `json:"alg"`
	Kid  jsontext.Value `json:"kid"`
	Crit jsontext.Value `json:"crit"`
}

// received are the claims of a token. They stay empty if it has none.
type received struct {
	jwt.RegisteredClaims // not used: jwt asks for its methods
	claims               *Claims
	err                  error
}

// UnmarshalJSON decodes the claims. Its own error is kept, since jwt's says more than a client has to know.
func (r *received) UnmarshalJSON(data []byte) error {
	c, err := parseClaims(data)
	r.claims, r.err = &c, err
	return err
}

// verify checks who made a token, and that it is made as section 8 says; not if it is valid now and
// here. An error is a refusal.
func verify(keys *Keys, token string) (*Claims, error) {
	kid, err := parseHeader(token)
	if err != nil {
		return nil, refusef(signaling.CodeToken, "This is no token that the hub takes: %v.", err)
	}
	var r received
	candidates := func(*jwt.Token) (any, error) {
		var set jwt.VerificationKeySet
		for _, key := range keys.named(kid) {
			set.Keys = append(set.Keys, key)
		}
		return set, nil
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	_, err = parser.ParseWithClaims(token, &r, candidates)
	switch {
	case r.err != nil:
		return nil, refusef(signaling.CodeToken, "The hub doesn't take the claims of this token: %v.", r.err)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return nil, refusef(signaling.CodeToken, "This token isn't signed with a key of this hub.")
	case err != nil || r.claims == nil:
		return nil, refusef(signaling.CodeToken, "This is no token that the hub takes: it is damaged.")
	}
	return r.claims, nil
}

// parseHeader checks the form of a token, and its header as strictly as claims, and returns the key's id, "" if
// there is none. Nothing of the token is in its errors.
func parseHeader(token string) (kid string, err error) {
	if len(token) > maxSize {
		return "", fmt.Errorf("it is %d bytes long; %d are allowed", len(token), maxSize)
	}
	if strings.ContainsFunc(token, outside) {
		return "", errors.New("it isn't base64url")
	}
	var h header
	first, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil || json.Unmarshal(data, &h) != nil {
		return "", errors.New("its header is no JSON object, or names something twice")
	}
	var d decoder
	switch method := d.text("alg", h.Alg, true); {
	case d.err != nil:
		return "", fmt.Errorf("its %w", d.err)
	case method != alg:
		return "", fmt.Errorf("its algorithm must be %s", alg)
	case h.Crit != nil: // RFC 7515, section 4.1.11: the hub understands no extension
		return "", errors.New("it needs an extension (crit)")
	}
	kid = d.text("kid", h.Kid, false)
	return kid, d.err
}

// outside are characters that stand in no token. Base64 decoders pass over line feeds: two spellings of one
// token would be two, and a kick could hold the one only.
func outside(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
}
