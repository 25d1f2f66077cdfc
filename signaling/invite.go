package signaling

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const maxInvite = 2048 // bytes

// Invite is a link that lets somebody into a room: HUB/r/ROOM.
type Invite struct {
	Hub  *url.URL // the hub's address, http or https, without a slash at its end
	Room string
}

// ParseInvite reads an invite such as https://example.org/r/ROOM, or one below
// a path the hub is mounted at. What follows a ? or # isn't part of it. The error is
// a sentence for whoever typed it.
func ParseInvite(s string) (Invite, error) {
	if len(s) > maxInvite {
		return Invite{}, fmt.Errorf("this invite is %d bytes long; no invite is longer than %d", len(s), maxInvite)
	}
	u, err := url.Parse(strings.TrimSpace(s))
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
	return Invite{Hub: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: prefix}, Room: room}, nil
}

// String is the invite as it is given to people.
func (i Invite) String() string { return i.Hub.JoinPath("r", i.Room).String() }

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
