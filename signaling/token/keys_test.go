package token_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/snug-chat/snug/signaling/token"
)

func TestKeysOfFiles(t *testing.T) {
	a, b := string(pemOf(keyA)), string(pemOf(keyB))
	jwkA := `{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public(keyA)) + `"}`
	for _, c := range []struct {
		name, text string
		count      int
		ids        []string
	}{
		{"one in PEM", a, 1, nil},
		{"two in PEM", a + b, 2, nil},
		{"PEM with Windows line ends", strings.ReplaceAll(a+b, "\n", "\r\n"), 2, nil},
		{"PEM with text around", "the old one\n" + a + "\n\nthe new one, of May:\n" + b + "end", 2, nil},
		{"PEM without a line feed at the end", strings.TrimSpace(a), 1, nil},
		{"JWKS", goldenKeys, 2, []string{"a", "b"}},
		{"JWKS with space around", "\n " + goldenKeys + "\n", 2, []string{"a", "b"}},
		{"JWKS, no kid", `{"keys":[` + jwkA + `],"later":1}`, 1, nil},
		{"JWKS, all that fits", `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public(keyA)) + `","use":"sig","alg":"EdDSA","key_ops":["verify"],"x5c":["x"],"kid":"k"}]}`, 1, []string{"k"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := token.ParseKeys("file", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if keys.Len() != c.count || !reflect.DeepEqual(keys.IDs(), c.ids) {
				t.Errorf("%d keys, %q", keys.Len(), keys.IDs())
			}
		})
	}
}

func TestKeysOfFilesRefused(t *testing.T) {
	a := string(pemOf(keyA))
	private, err := token.MarshalPrivate(keyA)
	if err != nil {
		t.Fatal(err)
	}
	jwks := func(members string) string { return `{"keys":[` + members + `]}` }
	jwk := func(more string) string {
		return `{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public(keyA)) + `"` + more + `}`
	}
	for _, c := range []struct{ name, text, say string }{
		{"empty", "", "it holds no key"},
		{"no keys", "hello\n", "neither a PEM block nor a JWKS"},
		{"binary", "\x00\xff\xfe", "it holds no key"},
		{"private", string(private), "the key in line 1 is a private one: it belongs where tokens are made"},
		{"private, second", a + string(private), "the key in line 4 is a private one"},
		{"private and encrypted", fixture(t, "encrypted.pem"), "is a private one"},
		{"private of OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "is a private one"},
		{"certificate", fixture(t, "certificate.pem"), `line 1 is a "CERTIFICATE"; a public key's block is named "PUBLIC KEY"`},
		{"RSA", a + "\n" + fixture(t, "rsa.pub.pem"), "the key in line 5 is none for Ed25519 (RSA)"},
		{"P-256", fixture(t, "p256.pub.pem"), "is none for Ed25519 (ECDSA)"},
		{"X25519", fixture(t, "x25519.pub.pem"), "is none for Ed25519 (ECDH)"},
		{"damaged base64", strings.Replace(a, "MCow", "M*ow", 1) + string(pemOf(keyB)), "the PEM block that begins in line 1 isn't whole"},
		{"the end missing", "\n" + strings.Replace(a, "-----END", "-----", 1), "the PEM block that begins in line 2 isn't whole"},
		{"the end missing, another behind", "\n" + strings.Replace(a, "-----END", "-----", 1) + a, "the PEM block that begins in line 2 isn't whole"},
		{"no DER", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "the key in line 1 isn't encoded as a public key is"},
		{"zeros in PEM", zerosPEM, "the key in line 1 is no Ed25519 key"},
		{"65 in PEM", strings.Repeat(a, 65), "the key in line 193 is one too many: 64 are allowed"},
		{"too long", strings.Repeat(" ", 64<<10) + a, "is longer than 65536 bytes"},
		{"JWKS that ends", "{\n\n\"keys\":[", "line 3 is no JSON: unexpected EOF"},
		{"JWKS with a comma", "{\"keys\":[\n" + jwk("") + ",\n]}", "line 2 is no JSON"},
		{"JWKS with more behind", jwks(jwk("")) + "\n\n{}", "line 3 is no JSON"},
		{"JWKS that names keys twice", `{"keys":[],"keys":[` + jwk("") + `]}`, "duplicate"},
		{"JWKS that isn't UTF-8", "{\"keys\":[],\"a\":\"\xff\"}", "line 1 is no JSON: invalid UTF-8"},
		{"JWKS with a key that says something twice", jwks(jwk(`,"kty":"OKP"`)), "duplicate"},
		{"a key and no set", jwk(""), `it is no JWKS: the member "keys" is missing`},
		{"keys null", `{"keys":null}`, `the member "keys" is missing`},
		{"keys an object", `{"keys":{}}`, `"keys" has the wrong type`},
		{"empty JWKS", `{"keys":[]}`, "its list of keys is empty"},
		{"key null", jwks(jwk("") + ",null"), "key 2 is no object"},
		{"kid a number", jwks(jwk(`,"kid":1`)), `key 1 can't be read: "kid" has the wrong type`},
		{"private in JWKS", jwks(jwk("") + "," + jwk(`,"d":"AAAA"`)), "key 2 is a private one"},
		{"private RSA in JWKS", jwks(jwk("") + `,{"kty":"RSA","d":"AAAA"}`), "key 2 is a private one"},
		{"x missing", jwks(`{"kty":"OKP","crv":"Ed25519"}`), "key 1 has 0 bytes; an Ed25519 key has 32"},
		{"x too short", jwks(`{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`), "key 1 has 3 bytes"},
		{"x padded", jwks(`{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public(keyA)) + `="}`), "key 1 has an x that is no base64url"},
		{"x with a line feed", jwks(`{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public(keyA)) + `\n"}`), "key 1 has an x that is no base64url"},
		{"one kid twice", jwks(jwk(`,"kid":"k"`) + `,{"kty":"EC"},` + jwk(`,"kid":"k"`)), `key 3 has the kid "k", as another one has`},
		{"none left", jwks(`{"kty":"RSA"},` + jwk(`,"use":"enc"`) + "," + jwk(`,"alg":"ES256"`) + "," + jwk(`,"key_ops":["sign"]`)),
			"it holds no key for tokens: key 1 is none for Ed25519 (RSA), key 2 is for another use (enc), key 3 is for another algorithm (ES256), and 1 more"},
		{"not for verifying", jwks(jwk(`,"key_ops":[]`)), "key 1 is not for verifying (key_ops)"},
		{"another curve", jwks(`{"kty":"OKP","crv":"X25519","x":"AAAA"}`), "key 1 is none for Ed25519 (OKP X25519)"},
		{"65 in JWKS", jwks(strings.Repeat(jwk("")+",", 64) + jwk("")), "it holds 65 keys; 64 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := token.ParseKeys("backend.pem", []byte(c.text))
			if err == nil {
				t.Fatalf("taken: %d", keys.Len())
			}
			if s := err.Error(); !strings.HasPrefix(s, `token: the key file "backend.pem"`) || !strings.Contains(s, c.say) || strings.Contains(s, "\n") || len(s) > 400 {
				t.Errorf("%q doesn't say %q", s, c.say)
			}
		})
	}
}

const zerosPEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n"

// With a public key of small order some signature holds for every message: no private key is needed.
func TestKeysThatAnybodySignsForAreRefused(t *testing.T) {
	for _, c := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"0200000000000000000000000000000000000000000000000000000000000000", // no point
	} {
		key, err := hex.DecodeString(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := token.NewKeys(token.Key{Public: key}); err == nil || !strings.Contains(err.Error(), "key 1 is no Ed25519 key") {
			t.Errorf("%s: %v", c, err)
		}
		if _, err := token.MarshalPublic(key); err == nil {
			t.Errorf("%s was marshaled", c)
		}
	}
}

func TestKeysOfAProgram(t *testing.T) {
	good := token.Key{ID: "k", Public: public(keyA)}
	if keys, err := token.NewKeys(good, token.Key{Public: public(keyB)}); err != nil || keys.Len() != 2 {
		t.Error(keys, err)
	}
	for say, keys := range map[string][]token.Key{
		"no keys":                                {},
		`key 2 has the kid "k"`:                  {good, good},
		"key 1 has 0 bytes":                      {{}},
		"key 65 is one too many: 64 are allowed": make65(),
	} {
		if _, err := token.NewKeys(keys...); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v instead of %s", err, say)
		}
	}
}

func make65() (keys []token.Key) {
	for i := range 65 {
		keys = append(keys, token.Key{ID: fmt.Sprint(i), Public: public(keyA)})
	}
	return keys
}

func TestFilesThatCanNotBeRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 64<<10+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, say := range map[string]string{
		filepath.Join(dir, "missing"): "can't be read: ",
		dir:                           "can't be read: ",
		large:                         "is longer than 65536 bytes",
	} {
		_, errKeys := token.ReadKeys(file)
		_, errPrivate := token.ReadPrivateKey(file)
		for _, err := range []error{errKeys, errPrivate} {
			if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("token: the key file %q %s", file, say)) || strings.Count(err.Error(), file) != 1 {
				t.Errorf("%v doesn't say %q", err, say)
			}
		}
	}
}

// What OpenSSL wrote is read, and written again byte for byte.
func TestKeysOfOpenSSL(t *testing.T) {
	private, err := token.ReadPrivateKey("testdata/openssl.pem")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := token.MarshalPrivate(private); err != nil || string(text) != fixture(t, "openssl.pem") {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := token.MarshalPublic(public(private)); err != nil || string(text) != fixture(t, "openssl.pub.pem") {
		t.Errorf("%s, %v", text, err)
	}
	if keys, err := token.ReadKeys("testdata/openssl.pub.pem"); err != nil || keys.Len() != 1 {
		t.Errorf("%v, %v", keys, err)
	}
}

func TestPrivateKeysRefused(t *testing.T) {
	for _, c := range []struct{ name, text, say string }{
		{"empty", "", "it holds no key"},
		{"public", fixture(t, "openssl.pub.pem"), "the key in line 1 is a public one; tokens are signed with the private one"},
		{"encrypted", fixture(t, "encrypted.pem"), "the key in line 1 is encrypted: decrypt it with openssl pkey"},
		{"two", fixture(t, "openssl.pem") + fixture(t, "openssl.pem"), "it holds 2 keys"},
		{"certificate", fixture(t, "certificate.pem"), `is a "CERTIFICATE"`},
		{"no DER", "\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the key in line 2 isn't encoded as a private key is"},
		{"too long", strings.Repeat(" ", 64<<10+1), "it is longer than 65536 bytes"},
	} {
		_, err := token.ParsePrivateKey("key.pem", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), `token: the key file "key.pem": `) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := token.MarshalPrivate(ed25519.PrivateKey("short")); err == nil {
		t.Error("a short key was marshaled")
	}
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
