package token

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const alg = "EdDSA" // RFC 8037; no other

// jwk is a JSON Web Key: RFC 7517, section 4, and RFC 8037, section 2.
type jwk struct {
	Kty    string         `json:"kty"`
	Crv    string         `json:"crv"`
	X      string         `json:"x"`
	D      jsontext.Value `json:"d"`
	Kid    string         `json:"kid"`
	Use    *string        `json:"use"`
	Alg    *string        `json:"alg"`
	KeyOps []string       `json:"key_ops"`
}

// parseJWKS reads a set of keys and takes those that can check tokens.
func parseJWKS(data []byte) (*Keys, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, explainJSON(data, err)
	}
	if set.Keys == nil {
		return nil, errors.New(`it is no JWKS: the member "keys" is missing`)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("it holds %d keys; %d are allowed", len(set.Keys), maxKeys)
	}
	k := &Keys{}
	var passed []string
	for i, raw := range set.Keys {
		public, why, err := parseJWK(raw)
		if err == nil && why == "" {
			err = k.add(public)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d %w", i+1, err)
		}
		if why != "" {
			passed = append(passed, fmt.Sprintf("key %d is %s", i+1, why))
		}
	}
	if len(k.keys) == 0 {
		return nil, noneLeft(passed)
	}
	return k, nil
}

// parseJWK is one key, or why it can't check tokens: that continues "the key is …". The
// error continues a sentence that begins with the key.
func parseJWK(raw jsontext.Value) (key Key, why string, err error) {
	var j jwk
	if raw.Kind() != '{' {
		return Key{}, "", errors.New("is no object")
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return Key{}, "", fmt.Errorf("can't be read: %w", explainJSON(raw, err))
	}
	if j.D != nil {
		return Key{}, "", errPrivate
	}
	if why := j.unfit(); why != "" {
		return Key{}, why, nil
	}
	x, err := base64.RawURLEncoding.Strict().DecodeString(j.X)
	if err != nil || strings.ContainsAny(j.X, "\r\n") {
		return Key{}, "", errors.New("has an x that is no base64url")
	}
	return Key{ID: j.Kid, Public: ed25519.PublicKey(x)}, "", nil
}

// unfit says why a key can't check tokens, "" if it can.
func (j *jwk) unfit() string {
	switch {
	case j.Kty != "OKP" || j.Crv != "Ed25519":
		return fmt.Sprintf("none for Ed25519 (%s)", strings.TrimSpace(fmt.Sprintf("%.20s %.20s", j.Kty, j.Crv)))
	case j.Use != nil && *j.Use != "sig":
		return fmt.Sprintf("for another use (%.20s)", *j.Use)
	case j.Alg != nil && *j.Alg != alg:
		return fmt.Sprintf("for another algorithm (%.20s)", *j.Alg)
	case j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify"):
		return "not for verifying (key_ops)"
	}
	return ""
}

// noneLeft is the error of a set without a key that can check tokens.
func noneLeft(passed []string) error {
	if len(passed) == 0 {
		return errors.New("its list of keys is empty")
	}
	const shown = 3
	more := ""
	if len(passed) > shown {
		more = fmt.Sprintf(", and %d more", len(passed)-shown)
		passed = passed[:shown]
	}
	return fmt.Errorf("it holds no key for tokens: %s%s", strings.Join(passed, ", "), more)
}

// explainJSON says what is wrong with a JSON text, and where.
func explainJSON(data []byte, err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(data[:min(int(syntax.ByteOffset), len(data))], []byte("\n"))
		return fmt.Errorf("line %d is no JSON: %.200s", line, strings.TrimPrefix(syntax.Err.Error(), "jsontext: "))
	case errors.As(err, &semantic):
		return fmt.Errorf("%.60q has the wrong type", strings.TrimPrefix(string(semantic.JSONPointer), "/"))
	}
	return errors.New("it is no JSON")
}
