package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/snug-chat/snug/peer"
)

// verifying compares emoji with other members, by commands. Its methods may be called by any goroutine.
type verifying struct {
	room *peer.Room

	mu       sync.Mutex
	with     string           // the name of whom it is compared with
	compared *peer.Comparison // nil: nothing waits for an answer
}

const verifyHelp = "/verify NAME  compare emoji, to know that nobody is in between\n/no NAME  don't"

// isVerifying tells whether a line is one of these commands.
func isVerifying(text string) bool {
	command, _, _ := strings.Cut(text, " ")
	return command == "/verify" || command == "/no" || text == "/match" || text == "/differ"
}

// do does what a line commands, and returns what to show. It may wait for people.
func (v *verifying) do(ctx context.Context, text string) (string, error) {
	command, who, _ := strings.Cut(text, " ")
	switch command {
	case "/match":
		return v.answer(ctx, true)
	case "/differ":
		return v.answer(ctx, false)
	}
	link, err := v.find(strings.TrimSpace(who))
	if err != nil {
		return "", err
	}
	if command == "/no" {
		link.StopVerify()
		return "", nil
	}
	c, err := link.Verify(ctx)
	if err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.with, v.compared = name(link.Member()), c
	return show(c, v.with), nil
}

// find is the link to the one member of a name.
func (v *verifying) find(who string) (*peer.Link, error) {
	var found *peer.Link
	for _, m := range v.room.Members() {
		l := v.room.Link(m.ID)
		if l == nil || name(m) != who {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("more than one here is called %s: ask which of them to change their name", who)
		}
		found = l
	}
	if found == nil {
		return nil, errors.New("nobody here has that name: /who shows who is here")
	}
	return found, nil
}

func show(c *peer.Comparison, with string) string {
	var all []string
	for _, e := range c.Emoji {
		all = append(all, e.Symbol+" "+e.English+" "+e.Chinese)
	}
	return "Does " + with + " see the same, in this order? Ask by voice.\n  " + strings.Join(all, "\n  ") + "\n/match if they are the same, /differ if not."
}

func (v *verifying) answer(ctx context.Context, same bool) (string, error) {
	v.mu.Lock()
	c, with := v.compared, v.with
	v.compared = nil
	v.mu.Unlock()
	if c == nil {
		return "", errors.New("there is nothing to compare: /verify NAME begins")
	}
	if err := c.Answer(ctx, same); err != nil {
		return "", err
	}
	if same {
		return with + " is verified: nobody is in between.", nil
	}
	return "Don't trust this link: somebody may be between you and " + with + ". Tell them, by another way.", nil
}

// standing is what is known of a member, in words.
func standing(m peer.Member) string {
	switch m.Standing {
	case peer.StandingUnverified:
		return ", not verified"
	case peer.StandingKnown:
		return ", known"
	case peer.StandingVerified:
		return ", verified"
	case peer.StandingChanged:
		return ", WITH ANOTHER KEY than who had this name before: make sure who it is, with /verify"
	}
	return ""
}
