package explain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

func TestErrorIsASentence(t *testing.T) {
	lookup := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nowhere.invalid", IsNotFound: true}}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"of ours", errors.New("the room's name is missing"), "The room's name is missing."},
		{"with its package", errors.New("peer: closed"), "Closed."},
		{"with two packages", fmt.Errorf("peer: %w", errors.New("signaling: closed")), "Closed."},
		{"finished", errors.New("Stop!"), "Stop!"},
		{"in parentheses", errors.New("no (never)"), "No (never)"},
		{"beginning beyond ASCII", errors.New("éa va mal"), "Éa va mal."},
		{"ending beyond ASCII", errors.New("wait…"), "Wait…."},
		{"not UTF-8", errors.New("\xffa"), "\ufffda."},
		{"empty", errors.New(""), "Something went wrong, and nothing says what."},
		{"joined", errors.Join(&peer.GoneError{Name: "Ann", Cause: peer.CauseTimeout}, errors.New("peer: closed")),
			`The link to "Ann" is gone: no answer came. Closed.`},
		{"a name with escapes", &peer.GoneError{Name: "\x1b[2J\u202e\n", Cause: peer.CauseClosed},
			`The link to "\x1b[2J\u202e\n" is gone: the other side closed it.`},
		{"refused", fmt.Errorf("peer: %w", &signaling.Error{Code: signaling.CodeFull, Message: "This room is full."}), "This room is full."},
		{"refused with escapes", &signaling.Error{Message: "\x1b]0;x\x07Go\naway\u009b2J\u202e."}, "]0;xGo away2J."},
		{"refused without a word", &signaling.Error{Message: "\x1b\n"}, "The hub refused, and didn't say why. Try again later."},
		{"refused at length", &signaling.Error{Message: strings.Repeat("é", 1000)}, strings.Repeat("é", maxMessage)},
		{"not a hub", fmt.Errorf("%w (HTTP status 404 Not Found)", signaling.ErrNotHub),
			"Something answers at this address, but it is no snug hub. Check the invite, its port too. (HTTP status 404 Not Found)"},
		{"not a hub, with escapes", fmt.Errorf("%w (HTTP status 404 \x1b[2J)", signaling.ErrNotHub),
			"Something answers at this address, but it is no snug hub. Check the invite, its port too. (HTTP status 404 [2J)"},
		{"not a hub, for a cause", fmt.Errorf("peer: %w: %w", signaling.ErrNotHub, errors.New("EOF")),
			"Something answers at this address, but it is no snug hub. Check the invite, its port too. (EOF)"},
		{"not a hub, by what it says", fmt.Errorf("%w: %w", signaling.ErrNotHub, &signaling.Error{Code: signaling.CodeMalformed, Message: "That is no message."}),
			"Something answers at this address, but it is no snug hub. Check the invite, its port too. (That is no message. (malformed))"},
		{"unreachable", signaling.ErrUnreachable,
			"The hub can't be reached. Check the network, and that the hub is running (snug serve)."},
		{"unreachable, for a cause", fmt.Errorf("%w: %w", signaling.ErrUnreachable, errors.New("dial tcp: refused")),
			"The hub can't be reached. Check the network, and that the hub is running (snug serve). (dial tcp: refused)"},
		{"no such host", fmt.Errorf("%w: %w", signaling.ErrUnreachable, lookup),
			`There is no host named "nowhere.invalid". Check the invite, and the network.`},
		{"too late", errors.Join(fmt.Errorf("peer: %w", context.DeadlineExceeded)),
			"That took too long, and may not have arrived everywhere. Check the network."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Error(c.err); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
