package signaling

import (
	"slices"
	"time"
)

// shownToken is a token that a session came with, or took later.
type shownToken struct {
	id      string
	expires time.Time // zero: never
}

// end is until when a kick has to hold it.
func (t shownToken) end() time.Time {
	if t.expires.IsZero() {
		return time.Now().Add(holdSecret)
	}
	return t.expires
}

// show gives s what a token grants. The tokens before it are remembered while they are valid: a kick has to hold them,
// too, or the member comes back with an older one. Of too many, those that last longest are.
func (s *session) show(grant Grant) {
	if old := s.grant; old.TokenID != "" && old.TokenID != grant.TokenID {
		s.shown = append(s.shown, shownToken{old.TokenID, old.Expires})
	}
	s.grant = grant
	now := time.Now()
	s.shown = slices.DeleteFunc(s.shown, func(t shownToken) bool { return t.id == grant.TokenID || t.end().Before(now) })
	if len(s.shown) >= maxShown {
		first := slices.MinFunc(s.shown, func(a, b shownToken) int { return a.end().Compare(b.end()) })
		s.shown = slices.DeleteFunc(s.shown, func(t shownToken) bool { return t == first })
	}
}

// tokens are all that s has shown, that of its grant too.
func (s *session) tokens() []shownToken {
	if s.grant.TokenID == "" {
		return s.shown
	}
	return append(slices.Clone(s.shown), shownToken{s.grant.TokenID, s.grant.Expires})
}
