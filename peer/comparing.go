package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Emoji is one of those that two people compare.
type Emoji struct{ Symbol, English, Chinese string }

// VerifyError is why there is nothing to compare, or nothing more.
type VerifyError struct {
	// Reason is stopped (here), cancelled (there), timeout, differs, broken, moved, busy or early.
	Reason string
}

func (e *VerifyError) Error() string { return "peer: " + verifyReasons[e.Reason] }

var verifyReasons = map[string]string{
	string(endedStopped):   "comparing was stopped here",
	string(endedCancelled): "the other side doesn't want to compare now",
	string(endedTimeout):   "nobody answered for five minutes",
	string(endedDiffers):   "the emoji differ: somebody may be in between, so don't trust this link",
	string(endedBroken):    "the other side, or somebody in between, didn't keep to the exchange; try again",
	string(endedMoved):     "the connection has changed; try again",
	"busy":                 "this member is being compared already, or was a moment ago",
	"early":                "the link isn't live yet",
}

// errOpenRoom is returned where there are no keys.
var errOpenRoom = errors.New("peer: members of a room without a key can't be verified")

// Comparison is what two people have to compare. Each of its methods may be called by any goroutine.
type Comparison struct {
	Emoji [codeLength]Emoji
	link  *Link
	own   *verifyCall
}

// verifyCall is one call of Verify.
type verifyCall struct {
	code chan code
	done chan struct{} // closed when nothing more will come of it
	err  error         // why; set before
}

// comparing is what a link knows of comparing emoji, owned by run.
type comparing struct {
	machine *verification // nil before the other side has proved who it is
	own     *verifyCall   // nil: nobody here waits
}

func drawNonce() (n [nonceSize]byte) {
	rand.Read(n[:])
	return n
}

// Verify compares seven emoji with the person at the link's other end, if both want to: it asks the other side, or agrees if that
// has asked ([VerifyAsked]), and returns when there is something to compare, by voice or in sight, after which [Comparison.Answer] is
// called. In each step the other side has five minutes; if ctx ends sooner, the exchange is stopped. The error
// is a [*VerifyError], a [*GoneError] or ctx's. It works in sealed rooms only.
func (l *Link) Verify(ctx context.Context) (*Comparison, error) {
	if l.room.trust == nil {
		return nil, errOpenRoom
	}
	table, err := emojiTable()
	if err != nil {
		return nil, err
	}
	e := &verifyCall{code: make(chan code, 1), done: make(chan struct{})}
	l.mail.post(func() { l.beginVerify(e) })
	select {
	case c := <-e.code:
		found := &Comparison{link: l, own: e}
		for i, at := range c {
			found.Emoji[i] = Emoji(table[at])
		}
		return found, nil
	case <-e.done:
		return nil, e.err
	case <-l.gone:
		return nil, l.goneError()
	case <-ctx.Done():
		l.mail.post(func() {
			if l.comparing.own == e {
				l.compare(verifyEvent{Type: verifyCancel})
			}
		})
		return nil, ctx.Err()
	}
}

// Answer tells whether the emoji are the same on both sides. If they are, the member's key is remembered as verified; that is taken back if the
// other side says within five minutes that they differ. The error is that of [Link.Verify], if the exchange has ended.
func (c *Comparison) Answer(ctx context.Context, same bool) error {
	answer := verifyEvent{Type: verifyDiffer}
	if same {
		answer.Type = verifyMatch
	}
	taken := make(chan error, 1)
	c.link.mail.post(func() {
		if c.link.comparing.own != c.own {
			taken <- c.own.err
			return
		}
		c.link.comparing.own = nil
		c.link.compare(answer)
		c.own.end(&VerifyError{"busy"})
		taken <- nil
	})
	select {
	case err := <-taken:
		return err
	case <-c.link.gone:
		return c.link.goneError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// StopVerify tells the other side that nobody here wants to compare, or to go on.
func (l *Link) StopVerify() {
	l.mail.post(func() { l.compare(verifyEvent{Type: verifyCancel}) })
}

// Accept has a member of [StandingChanged] be known from now on: somebody has made sure that it is who it says, by another way.
func (l *Link) Accept() {
	if l.room.trust.standing(l.id) == StandingChanged {
		l.room.consult(l, accepted)
	}
}

func (l *Link) beginVerify(e *verifyCall) {
	v := l.comparing.machine
	switch {
	case v == nil:
		e.end(&VerifyError{"early"})
	case v.state != verifyIdle && v.state != verifyAsked:
		e.end(&VerifyError{"busy"})
	default:
		l.comparing.own = e
		l.compare(verifyEvent{Type: verifyBegin})
	}
}

// heardVerify takes what the other side says about comparing.
func (l *Link) heardVerify(message jsontext.Value) {
	l.compare(verifyEvent{Type: verifyHeard, Message: message})
}

// compare tells the machine what has happened, and does what it says.
func (l *Link) compare(e verifyEvent) {
	if l.comparing.machine == nil {
		return
	}
	for _, a := range l.comparing.machine.step(time.Since(l.began), e) {
		switch a.Do {
		case verifySend:
			l.sayVerify(a.Message.encode())
		case verifyShow:
			l.showVerify(a)
		case verifyPin:
			l.room.consult(l, verified)
		case verifyWithdraw:
			l.room.consult(l, withdrawn)
		}
	}
}

// sayVerify is for what is rare and short: the control channel has room at once, unless the carrier is about to end.
func (l *Link) sayVerify(message []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	if err := l.writeControl(ctx, message); err != nil {
		l.options().Logger.Debug("a message about verifying wasn't sent", "member", l.id, "error", err)
	}
}

func (l *Link) showVerify(a verifyAction) {
	l.room.mu.Lock()
	l.asks = a.State == verifyAsked
	l.room.notify()
	l.room.mu.Unlock()
	own := l.comparing.own
	switch {
	case own == nil:
	case a.Code != nil:
		own.code <- *a.Code
	case a.State == verifyIdle:
		l.comparing.own = nil
		own.end(&VerifyError{string(a.Ended)})
	}
}

func (e *verifyCall) end(why error) {
	e.err = why
	close(e.done)
}

// Format is short: an error or a log that has a comparison in it must not tell what is compared.
func (*Comparison) Format(s fmt.State, _ rune) { fmt.Fprint(s, "a comparison") }
