package peer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// hexBytes are bytes in hexadecimal.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func (f fingerprint) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, f[:]), nil }
func (f *fingerprint) UnmarshalText(text []byte) error {
	if n, err := hex.Decode(f[:], text); err != nil || n != len(f) {
		return errors.New("no fingerprint")
	}
	return nil
}

type vectorEnd struct {
	ID          string      `json:"id"`
	Key         publicKey   `json:"key"`
	Fingerprint fingerprint `json:"fingerprint"`
}

func (e vectorEnd) end() verifyEnd { return verifyEnd{e.ID, e.Key, e.Fingerprint} }

type descriptionVector struct {
	Name, Room, From, To, Role, Offer, Own string
	Seed, Transcript                       hexBytes
	N, Carrier                             uint32
	Fingerprint                            fingerprint
	Identity                               proof
}

type helloVector struct {
	Name, Room, From, To string
	Seed, Transcript     hexBytes
	Carrier              uint32
	Own, Other           fingerprint
	OtherKey             publicKey
	Identity             proof
}

type codeVector struct {
	Name, Room             string
	A, B                   vectorEnd
	NonceA, NonceB, Commit nonce
	Bound                  hexBytes
	Code                   code
}

type fingerprintVector struct {
	Name, SDP, Error string
	Fingerprint      fingerprint
}

type identityVectors struct {
	About string
	Keys  []struct {
		Name string
		Seed hexBytes
		Key  publicKey
	}
	Descriptions []descriptionVector
	Hellos       []helloVector
	Codes        []codeVector
	Refused      []struct {
		Name       string
		Transcript hexBytes
		Identity   proof
	}
	Weak         []hexBytes
	Fingerprints []fingerprintVector
	Proofs       []struct {
		Name, Text string
		Error      bool
	}
}

// vectors are computed by scripts/identity_vectors.py.
func vectors(t testing.TB) (v identityVectors) {
	t.Helper()
	data, err := os.ReadFile("../signaling/testdata/identity.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v, json.MatchCaseInsensitiveNames(true), json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if len(v.Keys) < 2 || len(v.Descriptions) < 4 || len(v.Hellos) < 2 || len(v.Codes) < 4 || len(v.Refused) < 8 || len(v.Weak) != 14 || len(v.Fingerprints) < 30 || len(v.Proofs) < 15 {
		t.Fatal("vectors are missing")
	}
	return v
}

// Whoever has Python's cryptography computes the vectors again.
func TestVectorsAreWhatTheScriptGives(t *testing.T) {
	if err := exec.Command("python3", "-c", "import cryptography").Run(); err != nil {
		t.Skip("needs python3 with the package cryptography")
	}
	got, err := exec.CommandContext(t.Context(), "python3", "../scripts/identity_vectors.py").Output()
	want, readErr := os.ReadFile("../signaling/testdata/identity.json")
	if err != nil || readErr != nil || !bytes.Equal(got, want) {
		t.Errorf("identity.json isn't what scripts/identity_vectors.py writes: %v, %v", err, readErr)
	}
}

func identityFrom(seed []byte) *identity {
	private := ed25519.NewKeyFromSeed(seed)
	return &identity{private, publicKey(private.Public().(ed25519.PublicKey))}
}

func TestKeysAreThoseOfTheVectors(t *testing.T) {
	for _, v := range vectors(t).Keys {
		if id := identityFrom(v.Seed); id.key != v.Key {
			t.Errorf("%s: got %x", v.Name, id.key)
		}
	}
}

func TestDescriptionsAreSignedAndChecked(t *testing.T) {
	for _, v := range vectors(t).Descriptions {
		t.Run(v.Name, func(t *testing.T) {
			d := description{v.Room, v.From, v.To, v.Role, v.N, v.Carrier, v.Offer, v.Own}
			text, f, err := d.transcript()
			if err != nil || !bytes.Equal(text, v.Transcript) || f != v.Fingerprint {
				t.Fatalf("got %x, %x, %v", text, f, err)
			}
			if p, err := d.sign(identityFrom(v.Seed)); err != nil || p != v.Identity { // Ed25519 draws no numbers
				t.Errorf("signed as %+v, %v", p, err)
			}
			if f, err := d.check(v.Identity); err != nil || f != v.Fingerprint {
				t.Errorf("checked: %x, %v", f, err)
			}
			others := []description{d, d, d, d, d, d, d, d}
			others[0].room += "x"
			others[1].from, others[1].to = d.to, d.from
			others[2].to += "x"
			others[3].role = map[string]string{signalOffer: signalAnswer, signalAnswer: signalOffer}[d.role]
			others[4].n--
			others[5].carrier++
			others[6].offer += "a=x\r\n"
			others[7].own += "a=x\r\n"
			for i, other := range others {
				if _, err := other.check(v.Identity); !errors.Is(err, errProof) {
					t.Errorf("change %d: %v", i, err)
				}
			}
		})
	}
}

func TestHellosAreSignedAndChecked(t *testing.T) {
	for _, v := range vectors(t).Hellos {
		t.Run(v.Name, func(t *testing.T) {
			h := helloView{v.Room, v.From, v.To, v.Carrier, v.Own, v.Other, v.OtherKey}
			if !bytes.Equal(h.transcript(), v.Transcript) {
				t.Fatalf("got %x", h.transcript())
			}
			id := identityFrom(v.Seed)
			if p := h.sign(id); p != v.Identity {
				t.Errorf("signed as %+v", p)
			}
			if err := h.check(v.Identity, id.key); err != nil {
				t.Error(err)
			}
			if err := h.check(v.Identity, v.OtherKey); !errors.Is(err, errProof) {
				t.Errorf("another key than the description's: %v", err)
			}
			others := []helloView{h, h, h, h, h, h}
			others[0].room += "x"
			others[1].from, others[1].to = h.to, h.from
			others[2].carrier++
			others[3].own[0] ^= 1
			others[4].other[31] ^= 1
			others[5].otherKey[7] ^= 1
			for i, other := range others {
				if err := other.check(v.Identity, id.key); !errors.Is(err, errProof) {
					t.Errorf("change %d: %v", i, err)
				}
			}
		})
	}
}

func TestForgedSignaturesAreRefused(t *testing.T) {
	v := vectors(t)
	for _, r := range v.Refused {
		if err := r.Identity.check(r.Transcript); !errors.Is(err, errProof) {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	for _, w := range v.Weak {
		if !publicKey(w).weak() {
			t.Errorf("%x is of small order", w)
		}
	}
	for _, k := range v.Keys {
		if k.Key.weak() {
			t.Errorf("%s's key is sound", k.Name)
		}
	}
}

func TestProofsAreDecodedStrictly(t *testing.T) {
	for _, v := range vectors(t).Proofs {
		p, err := decodeProof(jsontext.Value(v.Text))
		if (err != nil) != v.Error {
			t.Errorf("%s: got %+v, %v", v.Name, p, err)
		}
	}
}

func TestCodesAreThoseOfTheVectors(t *testing.T) {
	for _, v := range vectors(t).Codes {
		for _, view := range []verifyView{{v.Room, v.A.end(), v.B.end()}, {v.Room, v.B.end(), v.A.end()}} {
			bound := view.bound()
			if !bytes.Equal(bound[:], v.Bound) || view.commit(v.NonceA) != v.Commit {
				t.Errorf("%s: bound %x, commit %x", v.Name, bound, view.commit(v.NonceA))
			}
			if got := view.code(v.NonceA, v.NonceB); got != v.Code {
				t.Errorf("%s: code %v", v.Name, got)
			}
		}
	}
}

var fingerprintErrors = map[string]error{"none": errNoFingerprint, "malformed": errFingerprint, "many": errManyFingerprints}

func TestFingerprintsOfDescriptions(t *testing.T) {
	for _, v := range vectors(t).Fingerprints {
		f, err := fingerprintOf(v.SDP)
		if !errors.Is(err, fingerprintErrors[v.Error]) || err == nil && f != v.Fingerprint {
			t.Errorf("%s: got %x, %v", v.Name, f, err)
		}
		d := description{own: v.SDP, offer: v.SDP}
		if _, signErr := d.sign(newIdentity()); (signErr == nil) != (v.Error == "") {
			t.Errorf("%s: signed: %v", v.Name, signErr)
		}
	}
}

func FuzzFingerprints(f *testing.F) {
	for _, v := range vectors(f).Fingerprints {
		f.Add(v.SDP)
	}
	f.Fuzz(func(t *testing.T, sdp string) {
		found, err := fingerprintOf(sdp)
		if err != nil {
			return
		}
		line := fingerprintLine + string(bytes.ToUpper([]byte(colons(found))))
		if again, err := fingerprintOf(sdp + "\r\n" + line); err != nil || again != found {
			t.Errorf("%q has %x; said once more: %x, %v", sdp, found, again, err)
		}
		found[0] ^= 1
		if _, err := fingerprintOf(sdp + "\n" + fingerprintLine + colons(found)); !errors.Is(err, errManyFingerprints) {
			t.Errorf("%q and another: %v", sdp, err)
		}
	})
}

func colons(f fingerprint) string {
	var b []byte
	for i := range f {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, f[i:i+1])
	}
	return string(b)
}

func FuzzDecodeProof(f *testing.F) {
	for _, v := range vectors(f).Proofs {
		f.Add([]byte(v.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodeProof(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(p)
		if again, decodeErr := decodeProof(text); err != nil || decodeErr != nil || again != p {
			t.Errorf("%s became %s, %v, %v", data, text, err, decodeErr)
		}
		p.check(data)
	})
}
