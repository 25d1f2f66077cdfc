package peer

import (
	"encoding/hex"
	"errors"
	"strings"
)

// fingerprint is the SHA-256 of the certificate that a side of a link uses for DTLS.
type fingerprint [32]byte

// Why a description's fingerprint isn't taken.
var (
	errNoFingerprint    = errors.New("peer: sdp: no fingerprint")
	errFingerprint      = errors.New("peer: sdp: a fingerprint that isn't SHA-256")
	errManyFingerprints = errors.New("peer: sdp: different fingerprints")
)

const fingerprintLine = "a=fingerprint:sha-256 "

// fingerprintOf is the one that all of a description's fingerprint lines say (RFC 8122 §5), at session
// and media level. Of several a peer couldn't tell which one DTLS took, so they are refused. Whatever else
// speaks of a fingerprint is refused too, lest a WebRTC implementation reads a line that this doesn't.
func fingerprintOf(sdp string) (fingerprint, error) {
	var found *fingerprint
	for line := range strings.FieldsFuncSeq(sdp, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if !strings.Contains(strings.ToLower(line), "fingerprint") {
			continue
		}
		f, err := readFingerprint(line)
		if err != nil {
			return f, err
		}
		if found != nil && *found != f {
			return f, errManyFingerprints
		}
		found = &f
	}
	if found == nil {
		return fingerprint{}, errNoFingerprint
	}
	return *found, nil
}

func readFingerprint(line string) (f fingerprint, err error) {
	const size = len(fingerprintLine)
	if len(line) != size+3*len(f)-1 || !strings.EqualFold(line[:size], fingerprintLine) {
		return f, errFingerprint
	}
	for i := range f {
		at := size + 3*i
		if _, err := hex.Decode(f[i:i+1], []byte(line[at:at+2])); err != nil || i > 0 && line[at-1] != ':' {
			return f, errFingerprint
		}
	}
	return f, nil
}
