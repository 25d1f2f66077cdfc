package peer

import (
	"cmp"
	"slices"
	"time"
	"unicode/utf8"
)

// Bounds of what is remembered of a room's members.
const (
	maxPins     = 1024
	maxPinsFile = 2 << 20          // bytes
	maxPinText  = 128              // bytes of a name, or of a token's identity
	pinsVersion = 1                // of the file
	sightEvery  = 24 * 60 * 60     // seconds: sights are noted that often at most
	pinAge      = 30 * sightEvery  // seconds after which a pin gives way to another
	maxPinTime  = int64(1<<53 - 1) // seconds, as JavaScript counts
)

// pin is a member that was here before. Member ids change with each session, so it is the key that counts.
type pin struct {
	Key      publicKey `json:"key"`
	Name     string    `json:"name"`              // what it called itself last
	Identity string    `json:"identity"`          // whom its token named, or ""
	First    int64     `json:"first"`             // when it was seen, in seconds of Unix
	Seen     int64     `json:"seen"`              // likewise, last, give or take a day
	Verified int64     `json:"verified,omitzero"` // likewise, compared; 0: never
}

// sighting is a member who has proved that it holds a key.
type sighting struct {
	Key      publicKey `json:"key"`
	Name     string    `json:"name"`
	Identity string    `json:"identity"`
}

// standing is what is known of a member.
type standing string

const (
	standingUnverified standing = "unverified" // this key wasn't here before
	standingKnown      standing = "known"      // it was
	standingVerified   standing = "verified"   // and two people have compared its emoji
)

// recognized is what the pins say of a sighting.
type recognized struct {
	Standing standing `json:"standing"`
	// Changed tells that somebody else's key was seen under this name or token identity. A key that isn't
	// pinned yet stays so until it is accepted or verified.
	Changed bool `json:"changed,omitzero"`
	// WasVerified tells that such a key was verified.
	WasVerified bool `json:"wasVerified,omitzero"`
}

// pins are those of one room, in the order of their sight. The zero value has none.
type pins []pin

// see looks a member up, and remembers it unless it comes as somebody else. It tells whether the pins are other ones now.
func (p *pins) see(s sighting, now time.Time) (r recognized, changed bool) {
	s, second := s.bounded(), seconds(now)
	at := p.index(s.Key)
	r = p.recognize(s, at)
	switch {
	case r.Changed:
		return r, false
	case at < 0:
		return r, p.add(pin{s.Key, s.Name, s.Identity, second, second, 0}, false)
	}
	known := &(*p)[at]
	was := *known
	known.note(s)
	if *known == was && second < known.Seen+sightEvery {
		return r, false
	}
	known.Seen = max(second, known.Seen)
	return r, true
}

// accept remembers a member although others came under its name. It tells whether it could: there may be no room.
func (p *pins) accept(s sighting, now time.Time) bool { return p.keep(s, now, false) }

// verify remembers a member as verified. It tells whether it could.
func (p *pins) verify(s sighting, now time.Time) bool { return p.keep(s, now, true) }

// withdraw takes a verification back. It tells whether there was one.
func (p *pins) withdraw(key publicKey) bool {
	at := p.index(key)
	if at < 0 || (*p)[at].Verified == 0 {
		return false
	}
	(*p)[at].Verified = 0
	return true
}

func (p *pins) keep(s sighting, now time.Time, verified bool) bool {
	s, second := s.bounded(), seconds(now)
	at := p.index(s.Key)
	if at < 0 {
		if !p.add(pin{s.Key, s.Name, s.Identity, second, second, 0}, true) {
			return false
		}
		at = len(*p) - 1
	}
	known := &(*p)[at]
	known.note(s)
	known.Seen = max(second, known.Seen)
	if verified {
		known.Verified = known.Seen
	}
	return true
}

// note takes over what a member says of itself. What it doesn't say, or the hub leaves out, stays.
func (p *pin) note(s sighting) {
	p.Name, p.Identity = cmp.Or(s.Name, p.Name), cmp.Or(s.Identity, p.Identity)
}

func (p *pins) recognize(s sighting, at int) recognized {
	r := recognized{Standing: standingUnverified}
	var own pin
	if at >= 0 {
		own = (*p)[at]
		r.Standing = standingKnown
		if own.Verified > 0 {
			r.Standing = standingVerified
		}
	}
	for _, other := range *p {
		name := s.Name != "" && s.Name == other.Name && s.Name != own.Name
		identity := s.Identity != "" && s.Identity == other.Identity && s.Identity != own.Identity
		if other.Key != s.Key && (name || identity) {
			r.Changed = true
			r.WasVerified = r.WasVerified || other.Verified > 0
		}
	}
	return r
}

// add makes room where there is none: by forgetting who wasn't verified and hasn't been here for long, or, if somebody
// asks for it, not for the longest. So members who come with one key after the other drive nobody out.
func (p *pins) add(n pin, asked bool) bool {
	if len(*p) >= maxPins {
		oldest := -1
		for i, old := range *p {
			if old.Verified == 0 && (oldest < 0 || old.Seen < (*p)[oldest].Seen) {
				oldest = i
			}
		}
		if oldest < 0 || !asked && (*p)[oldest].Seen > n.Seen-pinAge {
			return false
		}
		*p = slices.Delete(*p, oldest, oldest+1)
	}
	*p = append(*p, n)
	return true
}

// bounded leaves out what is too long to be remembered, or no text.
func (s sighting) bounded() sighting {
	for _, text := range []*string{&s.Name, &s.Identity} {
		if len(*text) > maxPinText || !utf8.ValidString(*text) {
			*text = ""
		}
	}
	return s
}

// seconds are a pin's, also by a clock that was never set.
func seconds(now time.Time) int64 { return max(now.Unix(), 1) }

func (p *pins) index(key publicKey) int {
	return slices.IndexFunc(*p, func(known pin) bool { return known.Key == key })
}
