package conformance

import (
	"crypto/ed25519"
	"flag"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
	"github.com/snug-chat/snug/signaling/token"
)

var (
	hubURL   = flag.String("hub", "", "hold the hub at this `URL` to PROTOCOL.md, in place of ours")
	keyFile  = flag.String("key", "", "sign tokens with the Ed25519 key in this PEM (PKCS #8) `file`")
	keyID    = flag.String("kid", "", "the key's `id`, for tokens' heads")
	patience = flag.Duration("patience", defaultPatience, "skip rules that would wait for longer")
)

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "16") // rules mostly wait
	m.Run()
}

// quick are options of our hub with short times, so that what they rule can be seen.
func quick() *signaling.Options {
	return &signaling.Options{PingInterval: 500 * time.Millisecond, PongTimeout: 3 * time.Second, Grace: 3 * time.Second}
}

func TestHub(t *testing.T) {
	t.Parallel()
	o := &Options{Patience: *patience, KeyID: *keyID}
	if *keyFile != "" {
		key, err := token.ReadPrivateKey(*keyFile)
		if err != nil {
			t.Fatal(err)
		}
		o.Key = key
	}
	url := *hubURL
	if url == "" {
		url = signalingtest.NewHub(t, quick()).URL
	}
	Run(t, url, o)
}

func TestHubWithTokens(t *testing.T) {
	if *hubURL != "" {
		t.Skip("another hub is held to PROTOCOL.md")
	}
	t.Parallel()
	key := token.GenerateKey()
	keys, err := token.NewKeys(token.Key{ID: "k1", Public: key.Public().(ed25519.PublicKey)})
	if err != nil {
		t.Fatal(err)
	}
	o := quick()
	o.Authorize = token.NewAuthorizer(keys, nil).Authorize
	Run(t, signalingtest.NewHub(t, o).URL, &Options{Patience: *patience, Key: key, KeyID: "k1"})
}
