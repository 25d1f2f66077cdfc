package signaling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// matrix is what each role gets for each message, and after the bar what another member sees of it. Roles are
// permissions; "open" is a member of a hub without tokens, and "no token" somebody who comes to one with tokens.
const matrix = `
role      ; signal   ; ack ; ping   ; pong ; report ; token               ; kick                                    ; lock                ; hello                      ; unknown
open      ; | signal ; |   ; pong | ; |    ; |      ; granted join |      ; error forbidden |                       ; error forbidden |   ; ended order | left timeout ; error unknown-type |
join      ; | signal ; |   ; pong | ; |    ; |      ; granted join |      ; error forbidden |                       ; error forbidden |   ; ended order | left timeout ; error unknown-type |
join+kick ; | signal ; |   ; pong | ; |    ; |      ; granted join+kick | ; left kicked, kicked token | ended kicked ; error forbidden |   ; ended order | left timeout ; error unknown-type |
join+lock ; | signal ; |   ; pong | ; |    ; |      ; granted join+lock | ; error forbidden |                       ; locked | locked     ; ended order | left timeout ; error unknown-type |
join+kick+lock ; | signal ; | ; pong | ; | ; |      ; granted join+kick+lock | ; left kicked, kicked token | ended kicked ; locked | locked ; ended order | left timeout ; error unknown-type |
kick+lock ; forbidden ; forbidden ; forbidden ; forbidden ; forbidden ; forbidden ; forbidden ; forbidden ; forbidden ; forbidden
no token  ; token     ; token     ; token     ; token     ; token     ; token     ; token     ; token     ; token     ; token
`

// messages are one of each type. %s is another member's id.
var messages = map[string]string{
	"signal":  `{"type":"signal","to":"%s","body":{"type":"offer"}}`,
	"ack":     `{"type":"ack","received":0}`,
	"ping":    `{"type":"ping"}`,
	"pong":    `{"type":"pong"}`,
	"token":   `{"type":"token","token":"renewed"}`,
	"kick":    `{"type":"kick","id":"%s"}`,
	"lock":    `{"type":"lock","locked":true}`,
	"report":  `{"type":"report","outcome":"opened","path":"lan","time":12,"family":"go"}`,
	"hello":   goodHello,
	"unknown": `{"type":"sing"}`,
}

// roles let into a hub who says as a token what it may: "ann:join+kick", or "ann:join+kick:id". "renewed" is
// another one of ann, with the permissions in the field.
type roles struct{ renewed string }

func (r roles) authorize(_ context.Context, q AuthRequest) (Grant, error) {
	text := q.Token
	if text == "renewed" {
		text = "ann:" + r.renewed
	}
	parts := strings.Split(text, ":")
	if len(parts) < 2 {
		return Grant{}, refusef(CodeToken, "A token is needed.")
	}
	g := Grant{Identity: parts[0], TokenID: text, Permissions: ParsePermissions(strings.Split(parts[1], "+"))}
	if len(parts) > 2 {
		g.TokenID = parts[2]
	}
	return g, nil
}

// entry tries to enter the lab's room.
func (l *lab) entry(s Secret, token string) (*Conn, error) {
	l.t.Helper()
	c, err := Dial(l.t.Context(), l.invite, Hello{Secret: s, Kind: "go", Token: token}, l.dial)
	if err == nil {
		l.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// in enters it.
func (l *lab) in(s Secret, token string) *seen {
	l.t.Helper()
	c, err := l.entry(s, token)
	if err != nil {
		l.t.Fatal(err)
	}
	return watch(c)
}

// seen is a connection and what came on it.
type seen struct {
	*Conn
	mu    sync.Mutex
	notes []string
}

func watch(c *Conn) *seen {
	s := &seen{Conn: c}
	go func() {
		for {
			m, err := c.Receive(context.Background())
			s.note(m, err)
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *seen) note(m Message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *Error
	switch m := m.(type) {
	case nil:
		if errors.As(err, &e) {
			s.notes = append(s.notes, "ended "+e.Code)
		} else {
			s.notes = append(s.notes, "ended")
		}
	case *Error:
		s.notes = append(s.notes, "error "+m.Code)
	case Granted:
		s.notes = append(s.notes, "granted "+strings.Join(m.Permissions, "+"))
	case Kicked:
		s.notes = append(s.notes, "kicked "+string(m.Holds))
	case RosterChange:
		for _, d := range m.Left {
			s.notes = append(s.notes, "left "+d.Reason)
		}
		if m.Locked != nil {
			s.notes = append(s.notes, map[bool]string{true: "locked", false: "unlocked"}[*m.Locked])
		}
	case Ack:
	default:
		s.notes = append(s.notes, m.messageType())
	}
}

// took is what came since the last time, once everything has.
func (s *seen) took() string {
	synctest.Wait()
	time.Sleep(2 * mergeWait) // in virtual time
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.notes, ", ")
	s.notes = nil
	return all
}

// say sends a message as it stands. Over HTTP that may fail because the hub ends the connection for it.
func (s *seen) say(message string) {
	s.writing <- struct{}{}
	defer release(s.writing)
	s.wire.write([]byte(message), time.Now().Add(writeWait))
}

// cell is what a role gets for a message.
func cell(t *testing.T, transport, role, message string) string {
	o := &Options{Authorize: roles{role}.authorize}
	token := "ann:" + role
	switch role {
	case "open":
		o.Authorize, token = nil, ""
	case "no token":
		token = ""
	}
	l := newBubbleLab(t, o)
	l.dial.Transport = transport
	other := l.in(NewSecret(), "bob:join:bob")
	c, err := l.entry(NewSecret(), token)
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	} else if err != nil {
		t.Fatal(err)
	}
	actor := watch(c)
	other.took()
	actor.took()
	text := messages[message]
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, other.Welcome().You)
	}
	actor.say(text)
	return actor.took() + " | " + other.took()
}

func TestPermissionMatrix(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	columns := strings.Split(lines[0], ";")[1:]
	for _, line := range lines[1:] {
		cells := strings.Split(line, ";")
		role := strings.TrimSpace(cells[0])
		for i, want := range cells[1:] {
			message := strings.TrimSpace(columns[i])
			for _, transport := range []string{TransportWebSocket, TransportHTTP} {
				synctest.Test(t, func(t *testing.T) {
					got := cell(t, transport, role, message)
					if strings.TrimSpace(got) != strings.TrimSpace(want) {
						t.Errorf("%s says %s over %s: %q, want %q", role, message, transport, got, want)
					}
				})
			}
		}
	}
}

// Before the hello, only a hello is in order.
func TestNothingComesBeforeTheHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		for name, text := range messages {
			if name == "hello" {
				continue
			}
			ws := l.raw(Subprotocol)
			say(ws, strings.ReplaceAll(text, "%s", NewSecret().MemberID()))
			refusedWith(t, ws, CodeOrder)
		}
	})
}

// What a session may do goes on from the token that it has now.
func TestRenewalChangesWhatASessionMayDo(t *testing.T) {
	for name, c := range map[string]struct{ renewed, want string }{
		"more":     {"ann:join+kick", "granted join+kick, left kicked, kicked token"},
		"less":     {"ann:join", "granted join, error forbidden"},
		"no join":  {"ann:kick", "error forbidden, ended forbidden"},
		"another":  {"cem:join+kick", "ended token"},
		"no token": {"", "ended token"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, &Options{Authorize: roles{}.authorize})
				bob := l.in(NewSecret(), "bob:join")
				ann := l.in(NewSecret(), map[bool]string{true: "ann:join+kick", false: "ann:join"}[name == "less"])
				ann.took()
				bob.took()
				ann.say(fmt.Sprintf(`{"type":"token","token":%q}`, c.renewed))
				synctest.Wait()
				if strings.HasPrefix(c.want, "granted") {
					ann.say(fmt.Sprintf(messages["kick"], bob.Welcome().You))
				}
				if got := ann.took(); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}
