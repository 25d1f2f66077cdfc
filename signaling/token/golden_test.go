package token_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

const goldenFile = "../testdata/tokens.json"

var update = flag.Bool("update", false, "write "+goldenFile+" anew")

// golden is the file of tokens that hubs and backends of any language can be tested with.
type golden struct {
	About  string          `json:"about"`
	Now    int64           `json:"now"`
	MaxAge int64           `json:"maxAge"`
	Leeway int64           `json:"leeway"`
	Keys   json.RawMessage `json:"keys"`
	Cases  []goldenCase    `json:"cases"`
}

type goldenCase struct {
	Name  string       `json:"name"`
	Token string       `json:"token"`
	Room  string       `json:"room"`
	Grant *goldenGrant `json:"grant,omitempty"`
	Code  string       `json:"code,omitempty"`
}

type goldenGrant struct {
	Identity    string   `json:"identity"`
	ID          string   `json:"id"`
	Expires     int64    `json:"expires"` // ms
	Permissions []string `json:"permissions"`
}

const aboutGoldens = "Tokens (PROTOCOL.md, section 8) at the time `now` in seconds, for a hub with these `keys`: whoever comes with `token` to `room` gets `grant`, whose `id` is what a kick holds, or is refused with `code`. The keys are for tests alone; the first is that of RFC 8037, appendix A."

// now is the time in these tests.
var now = time.Unix(1790000000, 0)

// Keys to sign with.
var (
	keyA    = ed25519.NewKeyFromSeed(unbase64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")) // RFC 8037, appendix A.1
	keyB    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0xb}, ed25519.SeedSize))
	unknown = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0xc}, ed25519.SeedSize))
)

// goldenKeys have two keys for tokens, and some for other things.
var goldenKeys = `{"keys":[` +
	`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + base64url(public(keyA)) + `"},` +
	`{"kty":"RSA","kid":"rsa","n":"AQAB","e":"AQAB"},` +
	`{"kty":"OKP","crv":"Ed25519","kid":"b","use":"sig","alg":"EdDSA","x":"` + base64url(public(keyB)) + `"},` +
	`{"kty":"OKP","crv":"Ed25519","kid":"c","use":"enc","x":"` + base64url(public(unknown)) + `"}]}`

func TestGoldenTokens(t *testing.T) {
	g := readGoldens(t)
	a := goldenAuthorizer(t, g)
	for _, c := range g.Cases {
		t.Run(c.Name, func(t *testing.T) {
			grant, err := a.Authorize(t.Context(), signaling.AuthRequest{Room: c.Room, Token: c.Token})
			if c.Grant != nil {
				if err != nil {
					t.Fatal(err)
				}
				got := goldenGrant{grant.Identity, grant.TokenID, grant.Expires.UnixMilli(), grant.Permissions.Names()}
				if !reflect.DeepEqual(got, *c.Grant) {
					t.Errorf("%+v instead of %+v", got, *c.Grant)
				}
				return
			}
			checkRefusal(t, err, c.Code, c.Token)
			if grant != (signaling.Grant{}) {
				t.Errorf("refused, and granted %+v", grant)
			}
		})
	}
}

// checkRefusal checks what a client is told, and that nothing of the token is in it.
func checkRefusal(t *testing.T, err error, code, tok string) {
	t.Helper()
	var refusal *signaling.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is no refusal with %s", err, code)
	}
	if refusal.Code != code || refusal.Final != (code != signaling.CodeExpired) {
		t.Errorf("%+v instead of %s", refusal, code)
	}
	if m := refusal.Message; len(m) < 20 || len(m) > 200 || !strings.HasSuffix(m, ".") || strings.ContainsFunc(m, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("this is no sentence: %q", m)
	}
	for part := range strings.SplitSeq(tok, ".") {
		if len(part) > 8 && strings.Contains(refusal.Message, part[:8]) {
			t.Errorf("%q holds a part of the token", refusal.Message)
		}
	}
}

// TestGoldenTokensAreTheseTests fails if the file isn't what this test makes of the cases below. With
// -update it writes the file.
func TestGoldenTokensAreTheseTests(t *testing.T) {
	var b strings.Builder
	encode := func(v any) string {
		var one bytes.Buffer
		e := json.NewEncoder(&one)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(one.String())
	}
	b.WriteString("{\n  \"about\": " + encode(aboutGoldens) + ",\n  \"now\": 1790000000,\n  \"maxAge\": 86400,\n  \"leeway\": 60,\n  \"keys\": " + goldenKeys + ",\n  \"cases\": [\n")
	for i, c := range makings {
		comma := ","
		if i == len(makings)-1 {
			comma = ""
		}
		b.WriteString("    " + encode(c.golden()) + comma + "\n")
	}
	b.WriteString("  ]\n}\n")
	if *update {
		if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != b.String() {
		t.Errorf("%s is out of date: run go test -run GoldenTokens -update", goldenFile)
	}
}

func readGoldens(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) < len(makings) || len(g.Cases) == 0 {
		t.Fatalf("%d cases", len(g.Cases))
	}
	return g
}

func goldenAuthorizer(t testing.TB, g golden) *token.Authorizer {
	t.Helper()
	keys, err := token.ParseKeys(goldenFile, g.Keys)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(g.Now, 0)
	return token.NewAuthorizer(keys, &token.Options{MaxAge: time.Duration(g.MaxAge) * time.Second, Now: func() time.Time { return at }})
}

// making is how a golden token is made, by hand: no library would make most of them.
type making struct {
	name   string
	header string // "": one that names key a
	claims string // "": plain ones
	key    ed25519.PrivateKey
	change func(string) string // what is done to the signed token
	code   string              // "": it is granted
	grant  goldenGrant         // what isn't that of plain claims
}

const (
	plainHeader = `{"alg":"EdDSA","typ":"JWT","kid":"a"}`
	plainClaims = `{"room":"lobby","sub":"ann","exp":1790003600,"jti":"t1"}`
)

func (m making) golden() goldenCase {
	if m.header == "" {
		m.header = plainHeader
	}
	if m.claims == "" {
		m.claims = plainClaims
	}
	if m.key == nil {
		m.key = keyA
	}
	signed := rawToken(m.header, m.claims, m.key)
	if m.change != nil {
		signed = m.change(signed)
	}
	c := goldenCase{Name: m.name, Token: signed, Room: "lobby", Code: m.code}
	if m.code == "" {
		g := m.grant
		orElse(&g.Identity, "ann")
		orElse(&g.ID, "t1")
		if g.ID == "hash" {
			sum := sha256.Sum256([]byte(signed))
			g.ID = base64url(sum[:])
		}
		orElse(&g.Expires, 1790003600000)
		if g.Permissions == nil {
			g.Permissions = []string{"join"}
		}
		c.Grant = &g
	}
	return c
}

func orElse[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// rawToken signs any header and claims.
func rawToken(header, claims string, key ed25519.PrivateKey) string {
	input := base64url([]byte(header)) + "." + base64url([]byte(claims))
	return input + "." + base64url(ed25519.Sign(key, []byte(input)))
}

// hmacWith signs a token anew with HS256 and a secret that everybody knows.
func hmacWith(secret []byte) func(string) string {
	return func(signed string) string {
		input := signed[:strings.LastIndex(signed, ".")]
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + base64url(mac.Sum(nil))
	}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }
