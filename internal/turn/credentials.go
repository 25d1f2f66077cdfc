package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// Credential is what a client shows a TURN server.
type Credential struct {
	Username string
	Password string
	Expires  time.Time // whole seconds
}

// NewCredential makes one that any server with the same secret takes until it expires: coturn's
// use-auth-secret, draft-uberti-behave-turn-rest. The name is EXPIRY:TAG, in seconds since 1970, and the password its
// HMAC-SHA1 in base64. The tag stands for a session and tells neither room nor member: a name is sent in the clear, and who
// knows the name of an open room can come in.
func NewCredential(secret []byte, room, member string, expires time.Time) Credential {
	expires = expires.Add(time.Second - 1).Truncate(time.Second) // up
	name := strconv.FormatInt(expires.Unix(), 10) + ":" + tagOf(secret, room, member)
	return Credential{Username: name, Password: password(secret, name), Expires: expires}
}

// tagOf is 22 characters of base64url.
func tagOf(secret []byte, room, member string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("session\x00" + room + "\x00" + member)) // neither of the two has a zero byte in it
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func password(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// maxUsername is more than any name that this package makes: 20 digits, a colon, a tag.
const maxUsername = 64

// parse takes a username apart.
func parse(username string) (expires time.Time, tag string, ok bool) {
	digits, tag, ok := strings.Cut(username, ":")
	if !ok || len(username) > maxUsername || strings.Trim(digits, "0123456789") != "" {
		return time.Time{}, "", false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return time.Unix(n, 0), tag, err == nil
}

// authenticate is Pion's question for the key of a name (RFC 8489, section 9.2). That the request is signed with
// it is checked after this, in constant time, and that an allocation belongs to the same session, too.
//
// An allocation needs a credential that holds. What there is already may be kept up with one that has
// expired, as long as its session lives: a member gets a new one before that, but a client can't exchange the one of an
// allocation, and a link that works mustn't end because of the clock. It ends with the session, or at its greatest age.
func (s *Server) authenticate(a *turn.RequestAttributes) (session string, key []byte, ok bool) {
	expires, tag, ok := parse(a.Username)
	switch {
	case !ok:
		s.stats.refuse(RefusedCredential)
		return "", nil, false
	case !s.lives(tag):
		s.stats.refuse(RefusedSession)
		return "", nil, false
	case a.Method == stun.MethodAllocate && time.Now().After(expires):
		s.stats.refuse(RefusedExpired)
		return "", nil, false
	}
	return tag, turn.GenerateAuthKey(a.Username, a.Realm, password(s.secret, a.Username)), true
}
