package signaling

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

const (
	maxInvite = 2048 // bytes
	keySize   = 32   // bytes of a room's key
)

// Invite is a link that lets somebody into a room: HUB/r/ROOM, or, for a sealed one, HUB/r/ROOM#KEY. Only
// [Invite.String] shows the key.
type Invite struct {
	Hub  *url.URL // the hub's address, http or https, without a slash at its end
	Room string
	Key  string // of a sealed room: 32 bytes in base64url. No hub is told it. Empty: there is none
}

// ParseInvite reads an invite such as https://example.org/r/ROOM, or one below
// a path the hub is mounted at. What follows a ? isn't part of it, and what follows a # is its key. Whether that is the
// room's isn't known here: see package peer. The error is a sentence for whoever typed it, and never holds the key.
func ParseInvite(s string) (Invite, error) {
	if len(s) > maxInvite {
		return Invite{}, fmt.Errorf("this invite is %d bytes long; no invite is longer than %d", len(s), maxInvite)
	}
	s, key, _ := strings.Cut(strings.TrimSpace(s), "#")
	u, err := url.Parse(s)
	if err != nil {
		return Invite{}, fmt.Errorf("%.80q is no invite: it should look like http://localhost:8080/r/ROOM", s)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Invite{}, fmt.Errorf("%.80q is no invite: it should begin with http:// or https:// and look like http://localhost:8080/r/ROOM", s)
	}
	prefix, room, found := cutLast(u.Path, "/r/")
	if !found {
		return Invite{}, fmt.Errorf("%.80q names no room: an invite ends in /r/ROOM", s)
	}
	if err := CheckRoom(room); err != nil {
		return Invite{}, err
	}
	if key != "" && !isKey(key) {
		return Invite{}, errors.New("the key of this invite, the part behind the #, is damaged: ask for the whole link again")
	}
	return Invite{Hub: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: prefix}, Room: room, Key: key}, nil
}

func isKey(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == keySize && !strings.ContainsAny(s, "\r\n") // which the decoder passes over
}

// Sealed tells whether the room is a sealed one, by its name: those need a key.
func (i Invite) Sealed() bool { return strings.HasPrefix(i.Room, "~") }

// String is the invite as it is given to people, with its key.
func (i Invite) String() string {
	if i.Key == "" {
		return i.public()
	}
	return i.public() + "#" + i.Key
}

// public is the invite without its key.
func (i Invite) public() string { return i.Hub.JoinPath("r", i.Room).String() }

// GoString hides the key from debugging output.
func (i Invite) GoString() string { return "invite to " + i.public() }

// LogValue hides the key from logs.
func (i Invite) LogValue() slog.Value { return slog.StringValue(i.public()) }

// endpoint is the URL of the room's WebSocket.
func (i Invite) endpoint() (*url.URL, error) {
	if i.Hub == nil {
		return nil, errors.New("signaling: the invite names no hub")
	}
	if err := CheckRoom(i.Room); err != nil {
		return nil, err
	}
	return i.Hub.JoinPath("v1", "rooms", i.Room), nil
}

// NewRoomName draws a name that can't be guessed: 60 random bits, such as
// k7wq-4fmx-3tba.
func NewRoomName() string {
	t := strings.ToLower(rand.Text()) // base32, 5 bits a character
	return t[:4] + "-" + t[4:8] + "-" + t[8:12]
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
