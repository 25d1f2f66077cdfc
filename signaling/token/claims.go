package token

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// Limits of what a token says. Sizes are in bytes.
const (
	maxSubject = 128
	maxID      = 128
	maxTime    = 253402300799 // s; the end of the year 9999
)

// Claims are what a token says: PROTOCOL.md, section 8. Times are told in whole seconds.
type Claims struct {
	Room      string    // the one room it is for; required
	Subject   string    // the identity, shown to all members: 1 to 128 bytes without control characters; required
	Expires   time.Time // when it stops being valid; required. A hub bounds how far away that may be: 24 hours
	NotBefore time.Time // when it starts being valid; zero: not said
	IssuedAt  time.Time // when it was made; zero: not said
	// ID is what a kick holds until the token expires, up to 128 bytes. Tokens of one person for one room
	// should have the same, or else a newer one ends the kick. Empty: a kick holds this very token.
	ID string
	// Permissions are what the session may do. Zero: join. Who may not join can't
	// do anything else.
	Permissions signaling.Permissions
}

// check says why no hub would take these claims.
func (c *Claims) check() error {
	if err := signaling.CheckRoom(c.Room); err != nil {
		return err
	}
	if err := checkSubject(c.Subject); err != nil {
		return err
	}
	for _, t := range []time.Time{c.Expires, c.NotBefore, c.IssuedAt} {
		if !t.IsZero() && (t.Unix() < 0 || t.Unix() > maxTime) {
			return fmt.Errorf("a token can't name the year %d", t.Year())
		}
	}
	if c.Expires.IsZero() {
		return errors.New("it isn't said when the token expires")
	}
	return checkID(c.ID)
}

func checkSubject(s string) error {
	if s == "" {
		return errors.New("sub is empty")
	}
	if len(s) > maxSubject {
		return fmt.Errorf("sub is %d bytes long; %d are allowed", len(s), maxSubject)
	}
	if !utf8.ValidString(s) {
		return errors.New("sub is no UTF-8")
	}
	for _, r := range s {
		if r < 0x20 || 0x7f <= r && r <= 0x9f {
			return fmt.Errorf("sub holds the control character %U", r)
		}
	}
	return nil
}

func checkID(id string) error {
	if len(id) > maxID {
		return fmt.Errorf("jti is %d bytes long; %d are allowed", len(id), maxID)
	}
	if !utf8.ValidString(id) {
		return errors.New("jti is no UTF-8")
	}
	return nil
}

// parseClaims decodes the claims of a token strictly, as the hub decodes messages: names are told apart by
// case; duplicate names, invalid UTF-8, wrong types and missing claims are errors. Claims that the hub doesn't
// know are ignored. The errors are for people, and repeat nothing of the token.
func parseClaims(data []byte) (Claims, error) {
	var raw struct {
		Room        jsontext.Value `json:"room"`
		Subject     jsontext.Value `json:"sub"`
		Expires     jsontext.Value `json:"exp"`
		NotBefore   jsontext.Value `json:"nbf"`
		IssuedAt    jsontext.Value `json:"iat"`
		ID          jsontext.Value `json:"jti"`
		Permissions jsontext.Value `json:"permissions"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return Claims{}, errors.New("they are no JSON object, or name something twice")
	}
	var d decoder
	c := Claims{
		Room:        d.text("room", raw.Room, true),
		Subject:     d.text("sub", raw.Subject, true),
		Expires:     d.time("exp", raw.Expires, true),
		NotBefore:   d.time("nbf", raw.NotBefore, false),
		IssuedAt:    d.time("iat", raw.IssuedAt, false),
		ID:          d.text("jti", raw.ID, false),
		Permissions: d.permissions(raw.Permissions),
	}
	if d.err != nil {
		return Claims{}, d.err
	}
	if err := checkSubject(c.Subject); err != nil {
		return Claims{}, err
	}
	return c, checkID(c.ID)
}

// decoder decodes claims and keeps the first error.
type decoder struct{ err error }

// value decodes what is there into v, and refuses what has another kind than kind.
func (d *decoder) value(name string, raw jsontext.Value, kind jsontext.Kind, v any, required bool) (there bool) {
	switch {
	case d.err != nil:
	case raw == nil && required:
		d.err = errors.New(name + " is missing")
	case raw == nil:
	case raw.Kind() != kind, json.Unmarshal(raw, v) != nil:
		d.err = errors.New(name + " has the wrong type")
	default:
		return true
	}
	return false
}

func (d *decoder) text(name string, raw jsontext.Value, required bool) (s string) {
	d.value(name, raw, '"', &s, required)
	return s
}

// time decodes a NumericDate: RFC 7519, section 2. It may have a fraction, of which ms count.
func (d *decoder) time(name string, raw jsontext.Value, required bool) time.Time {
	var s float64
	if !d.value(name, raw, '0', &s, required) {
		return time.Time{}
	}
	if s < 0 || s > maxTime {
		d.err = errors.New(name + " is out of range")
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Floor(s * 1000)))
}

func (d *decoder) permissions(raw jsontext.Value) signaling.Permissions {
	names := []string{}
	var all []jsontext.Value
	if !d.value("permissions", raw, '[', &all, false) {
		return signaling.PermitJoin
	}
	for _, one := range all {
		names = append(names, d.text("permissions", one, true))
	}
	return signaling.ParsePermissions(names)
}
