package token_test

import (
	"math/big"
	"slices"
	"strings"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

const (
	refused   = signaling.CodeToken
	expired   = signaling.CodeExpired
	forbidden = signaling.CodeForbidden
)

// makings are all tokens of the golden file.
var makings = slices.Concat(makingsGranted, makingsForms, makingsHeaders, makingsKeys, makingsClaims, makingsTimes)

// with are plain claims and more.
func with(more string) string { return strings.TrimSuffix(plainClaims, "}") + "," + more + "}" }

// instead are plain claims with one exchanged.
func instead(claim, by string) string { return strings.Replace(plainClaims, claim, by, 1) }

var makingsGranted = []making{
	{name: "plain"},
	{name: "all claims", claims: with(`"nbf":1789999999,"iat":1789999999,"permissions":["join","kick","lock"]`), grant: goldenGrant{Permissions: []string{"join", "kick", "lock"}}},
	{name: "one more permission", claims: with(`"permissions":["kick","join"]`), grant: goldenGrant{Permissions: []string{"join", "kick"}}},
	{name: "unknown and repeated permissions", claims: with(`"permissions":["join","fly","join","JOIN","LOCK"]`)},
	{name: "no jti: the SHA-256 of the token is its id", claims: instead(`,"jti":"t1"`, ""), grant: goldenGrant{ID: "hash"}},
	{name: "empty jti: as without", claims: instead(`"t1"`, `""`), grant: goldenGrant{ID: "hash"}},
	{name: "jti of 128 bytes", claims: instead("t1", strings.Repeat("x", 128)), grant: goldenGrant{ID: strings.Repeat("x", 128)}},
	{name: "sub in Chinese", claims: instead(`ann`, "小明 👋🏽"), grant: goldenGrant{Identity: "小明 👋🏽"}},
	{name: "sub of 128 bytes", claims: instead(`ann`, strings.Repeat("x", 128)), grant: goldenGrant{Identity: strings.Repeat("x", 128)}},
	{name: "escapes in names and values", claims: instead(`"room":"lobby"`, `"\u0072oom":"lobb\u0079"`)},
	{name: "space in the JSON", claims: " {\n\t\"room\" : \"lobby\", \"sub\":\"ann\",\"exp\":1790003600 , \"jti\":\"t1\"}\r\n"},
	{name: "unknown claims are ignored", claims: with(`"iss":"https://example.org","later":{"a":[1,null]}`)},
	{name: "two audiences are ignored", claims: with(`"aud":["https://example.org","https://example.com"]`)},
	{name: "unknown header members are ignored", header: `{"alg":"EdDSA","kid":"a","typ":"at+jwt","cty":"x","jku":"https://example.org/keys","jwk":{"kty":"OKP"},"later":1}`},
}

// The form: three parts of base64url, 4,096 bytes.
var makingsForms = []making{
	{name: "none", change: func(string) string { return "" }, code: refused},
	{name: "no JWT", change: func(string) string { return "letmein" }, code: refused},
	{name: "points only", change: func(string) string { return ".." }, code: refused},
	{name: "two parts", change: func(s string) string { return s[:strings.LastIndex(s, ".")] }, code: refused},
	{name: "four parts", change: func(s string) string { return s + "." }, code: refused},
	{name: "encrypted (JWE)", change: func(s string) string { return s + ".AAAA.AAAA" }, code: refused},
	{name: "with Bearer", change: func(s string) string { return "Bearer " + s }, code: refused},
	{name: "in quotes", change: func(s string) string { return `"` + s + `"` }, code: refused},
	{name: "space at the end", change: func(s string) string { return s + " " }, code: refused},
	{name: "line feed in the signature", change: func(s string) string { return s[:len(s)-4] + "\n" + s[len(s)-4:] }, code: refused},
	{name: "carriage return at the end", change: func(s string) string { return s + "\r" }, code: refused},
	{name: "padding", change: func(s string) string { return s + "==" }, code: refused},
	{name: "base64 that isn't base64url", change: func(s string) string { return s[:len(s)-4] + "+/+/" }, code: refused},
	{name: "spare bits of the signature set", change: spareBits, code: refused},
	{name: "no signature", change: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }, code: refused},
	{name: "signature cut off", change: func(s string) string { return s[:len(s)-8] }, code: refused},
	{name: "signature too long", change: func(s string) string { return s + "AAAA" }, code: refused},
	{name: "signature spelled otherwise: S + L", change: otherS, code: refused},
	{name: "claims of another token", change: func(s string) string {
		other := rawToken(plainHeader, instead("lobby", "board"), keyA)
		return strings.Join([]string{strings.Split(s, ".")[0], strings.Split(other, ".")[1], strings.Split(s, ".")[2]}, ".")
	}, code: refused},
	{name: "4,096 bytes", claims: with(`"pad":"` + strings.Repeat("x", 2903) + `"`)},
	{name: "4,097 bytes", header: `{"alg":"EdDSA","typ":"JWT", "kid":"a"}`, claims: with(`"pad":"` + strings.Repeat("x", 2903) + `"`), code: refused},
}

var makingsHeaders = []making{
	{name: "alg none, no signature", header: `{"alg":"none"}`, change: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }, code: refused},
	{name: "alg none, signed", header: `{"alg":"none","kid":"a"}`, code: refused},
	{name: "alg None", header: `{"alg":"None","kid":"a"}`, code: refused},
	{name: "HS256 with the public key as secret", header: `{"alg":"HS256","kid":"a"}`, change: hmacWith(public(keyA)), code: refused},
	{name: "HS256 with the public key in PEM as secret", header: `{"alg":"HS256"}`, change: hmacWith(pemOf(keyA)), code: refused},
	{name: "EdDSA said, HS256 done", change: hmacWith(public(keyA)), code: refused},
	{name: "alg RS256", header: `{"alg":"RS256","kid":"a"}`, code: refused},
	{name: "alg ES256", header: `{"alg":"ES256","kid":"a"}`, code: refused},
	{name: "alg in another case", header: `{"alg":"eddsa","kid":"a"}`, code: refused},
	{name: "alg of RFC 9864", header: `{"alg":"Ed25519","kid":"a"}`, code: refused},
	{name: "alg missing", header: `{"typ":"JWT","kid":"a"}`, code: refused},
	{name: "alg null", header: `{"alg":null,"kid":"a"}`, code: refused},
	{name: "alg a list", header: `{"alg":["EdDSA"],"kid":"a"}`, code: refused},
	{name: "alg twice", header: `{"alg":"EdDSA","alg":"EdDSA","kid":"a"}`, code: refused},
	{name: "alg twice, none first", header: `{"alg":"none","\u0061lg":"EdDSA","kid":"a"}`, code: refused},
	{name: "kid twice", header: `{"alg":"EdDSA","kid":"b","kid":"a"}`, code: refused},
	{name: "something unknown twice", header: `{"alg":"EdDSA","kid":"a","later":1,"later":1}`, code: refused},
	{name: "crit", header: `{"alg":"EdDSA","kid":"a","crit":["exp"],"exp":1}`, code: refused},
	{name: "crit, empty", header: `{"alg":"EdDSA","kid":"a","crit":[]}`, code: refused},
	{name: "crit null", header: `{"alg":"EdDSA","kid":"a","crit":null}`, code: refused},
	{name: "b64 false", header: `{"alg":"EdDSA","kid":"a","b64":false,"crit":["b64"]}`, code: refused},
	{name: "header null", header: `null`, code: refused},
	{name: "header a list", header: `[{"alg":"EdDSA"}]`, code: refused},
	{name: "header no JSON", header: `alg: EdDSA`, code: refused},
	{name: "header with more behind it", header: plainHeader + `{}`, code: refused},
}

var makingsKeys = []making{
	{name: "another key by its kid", header: `{"alg":"EdDSA","kid":"b"}`, key: keyB},
	{name: "no kid: all keys are tried", header: `{"alg":"EdDSA"}`, key: keyB},
	{name: "a key that the hub doesn't have, no kid", header: `{"alg":"EdDSA"}`, key: unknown, code: refused},
	{name: "a key that the hub doesn't have, kid of one it has", key: unknown, code: refused},
	{name: "kid of another key", header: `{"alg":"EdDSA","kid":"b"}`, code: refused},
	{name: "kid unknown", header: `{"alg":"EdDSA","kid":"z"}`, code: refused},
	{name: "kid in another case", header: `{"alg":"EdDSA","kid":"A"}`, code: refused},
	{name: "kid of a key for another use", header: `{"alg":"EdDSA","kid":"c"}`, key: unknown, code: refused},
	{name: "kid a number", header: `{"alg":"EdDSA","kid":1}`, code: refused},
	{name: "kid null", header: `{"alg":"EdDSA","kid":null}`, code: refused},
	{name: "a key of its own in the header", header: `{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public(unknown)) + `"}}`, key: unknown, code: refused},
}

var makingsClaims = []making{
	{name: "another room", claims: instead("lobby", "board"), code: refused},
	{name: "the room in another case", claims: instead("lobby", "Lobby"), code: refused},
	{name: "the room and a space", claims: instead("lobby", "lobby "), code: refused},
	{name: "room *", claims: instead("lobby", "*"), code: refused},
	{name: "room missing", claims: instead(`"room":"lobby",`, ""), code: refused},
	{name: "room empty", claims: instead("lobby", ""), code: refused},
	{name: "room null", claims: instead(`"lobby"`, "null"), code: refused},
	{name: "room a list", claims: instead(`"lobby"`, `["lobby"]`), code: refused},
	{name: "room twice", claims: with(`"room":"lobby"`), code: refused},
	{name: "room twice, once in escapes", claims: with(`"\u0072oom":"board"`), code: refused},
	{name: "names of claims in another case", claims: `{"Room":"lobby","Sub":"ann","Exp":1790003600}`, code: refused},
	{name: "sub missing", claims: instead(`"sub":"ann",`, ""), code: refused},
	{name: "sub empty", claims: instead("ann", ""), code: refused},
	{name: "sub a number", claims: instead(`"ann"`, "7"), code: refused},
	{name: "sub null", claims: instead(`"ann"`, "null"), code: refused},
	{name: "sub of 129 bytes", claims: instead("ann", strings.Repeat("x", 129)), code: refused},
	{name: "sub with a line feed", claims: instead("ann", `a\nn`), code: refused},
	{name: "sub with U+0085", claims: instead("ann", "a\u0085n"), code: refused},
	{name: "sub with half a surrogate", claims: instead("ann", `\ud83d`), code: refused},
	{name: "sub that isn't UTF-8", claims: instead("ann", "a\xffn"), code: refused},
	{name: "jti a number", claims: instead(`"t1"`, "1"), code: refused},
	{name: "jti null", claims: instead(`"t1"`, "null"), code: refused},
	{name: "jti of 129 bytes", claims: instead("t1", strings.Repeat("x", 129)), code: refused},
	{name: "permissions a string", claims: with(`"permissions":"join"`), code: refused},
	{name: "permissions null", claims: with(`"permissions":null`), code: refused},
	{name: "permissions an object", claims: with(`"permissions":{"join":true}`), code: refused},
	{name: "permissions with a number", claims: with(`"permissions":["join",1]`), code: refused},
	{name: "permissions with null", claims: with(`"permissions":["join",null]`), code: refused},
	{name: "no permissions", claims: with(`"permissions":[]`), code: forbidden},
	{name: "kick only", claims: with(`"permissions":["kick"]`), code: forbidden},
	{name: "unknown permissions only", claims: with(`"permissions":["fly","Join"]`), code: forbidden},
	{name: "something unknown twice in a claim", claims: with(`"later":{"a":1,"a":1}`), code: refused},
	{name: "claims null", claims: "null", code: refused},
	{name: "claims a string", claims: `"lobby"`, code: refused},
	{name: "claims a list", claims: "[" + plainClaims + "]", code: refused},
	{name: "claims with more behind them", claims: plainClaims + "{}", code: refused},
	{name: "claims that are no JSON", claims: `{'room':'lobby'}`, code: refused},
	{name: "another token as claims", claims: rawToken(plainHeader, plainClaims, keyA), code: refused},
}

// exp has plain claims expire at another time.
func exp(at string) string { return instead("1790003600", at) }

var makingsTimes = []making{
	{name: "expires in a second", claims: exp("1790000001"), grant: goldenGrant{Expires: 1790000001000}},
	{name: "expires in a fraction of a second", claims: exp("1790000000.25"), grant: goldenGrant{Expires: 1790000000250}},
	{name: "exp with an exponent", claims: exp("1.7900036e9")},
	{name: "expires now", claims: exp("1790000000"), code: expired},
	{name: "expired a second ago", claims: exp("1789999999"), code: expired},
	{name: "expired long ago", claims: exp("0"), code: expired},
	{name: "expires as far away as the clocks allow", claims: exp("1790086460"), grant: goldenGrant{Expires: 1790086460000}},
	{name: "expires too far away", claims: exp("1790086461"), code: refused},
	{name: "exp in milliseconds", claims: exp("1790003600000"), code: refused},
	{name: "exp huge", claims: exp("1e300"), code: refused},
	{name: "exp no float", claims: exp("1e400"), code: refused},
	{name: "exp negative", claims: exp("-1"), code: refused},
	{name: "exp missing", claims: instead(`"exp":1790003600,`, ""), code: refused},
	{name: "exp a string", claims: exp(`"1790003600"`), code: refused},
	{name: "exp null", claims: exp("null"), code: refused},
	{name: "nbf as clocks may differ", claims: with(`"nbf":1790000060`)},
	{name: "not yet valid", claims: with(`"nbf":1790000061`), code: refused},
	{name: "nbf a string", claims: with(`"nbf":"1789999999"`), code: refused},
	{name: "iat as clocks may differ", claims: with(`"iat":1790000060`)},
	{name: "made in the future", claims: with(`"iat":1790000061`), code: refused},
	{name: "iat a boolean", claims: with(`"iat":true`), code: refused},
	{name: "iat null", claims: with(`"iat":null`), code: refused},
}

// spareBits changes bits at the end of a signature that say nothing.
func spareBits(signed string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, signed[len(signed)-1])
	return signed[:len(signed)-1] + alphabet[last|1:last|1+1]
}

// otherS adds the order of the group to S: RFC 8032, section 5.1.7, has it refused.
func otherS(signed string) string {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	cut := strings.LastIndex(signed, ".") + 1
	signature := unbase64(signed[cut:])
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	s = new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(s)
	slices.Reverse(s)
	return signed[:cut] + base64url(append(signature[:32:32], s...))
}

func pemOf(keys ...[]byte) []byte {
	var all []byte
	for _, key := range keys {
		one, err := token.MarshalPublic(public(key))
		if err != nil {
			panic(err)
		}
		all = append(all, one...)
	}
	return all
}
