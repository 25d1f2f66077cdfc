package conformance

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

var (
	hubURL   = flag.String("hub", "", "hold the hub at this `URL` to PROTOCOL.md, in place of ours")
	keyFile  = flag.String("key", "", "sign tokens with the Ed25519 key in this PEM (PKCS #8) `file`")
	keyID    = flag.String("kid", "", "the key's `id`, for tokens' heads")
	patience = flag.Duration("patience", defaultPatience, "skip rules that would wait for longer")
)

func TestHub(t *testing.T) {
	o := &Options{Patience: *patience, KeyID: *keyID}
	if *keyFile != "" {
		key, err := readKey(*keyFile)
		if err != nil {
			t.Fatal(err)
		}
		o.Key = key
	}
	url := *hubURL
	if url == "" {
		// Short times, so that what they rule can be seen; as many joins as rules need.
		hub := signalingtest.NewHub(t, &signaling.Options{
			PingInterval: 500 * time.Millisecond,
			PongTimeout:  2 * time.Second,
			Grace:        3 * time.Second,
			Limits:       signaling.HubLimits{Joins: signaling.Rate{PerSecond: 1000, Burst: 10_000}, Connections: 10_000},
		})
		url = hub.URL
	}
	Run(t, url, o)
}

func readKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New(file + " holds no Ed25519 key")
	}
	return ed, nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "16") // rules mostly wait
	m.Run()
}
