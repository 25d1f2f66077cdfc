package signaling

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// refusedFor fails unless err is a refusal with this code, final or not, as its close code says.
func refusedFor(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code || e.Final != (closeCodes[code] >= finalCloseMin) {
		t.Errorf("%s: %v, want %s", what, err, code)
		return
	}
	if !e.Final && e.Retry == 0 {
		t.Errorf("%s: nobody is told when to try again", what)
	}
}

// entersIf fails unless a session is let in, or refused with a code.
func (l *lab) entersIf(t *testing.T, what string, s Secret, token, code string) {
	t.Helper()
	c, err := l.entry(s, token)
	switch {
	case code != "":
		refusedFor(t, what, err, code)
	case err != nil:
		t.Errorf("%s: %v", what, err)
	default:
		c.Close()
	}
}

// everyTransport runs a test in a bubble, with a hub that asks for tokens.
func everyTransport(t *testing.T, o Options, test func(*testing.T, *lab)) {
	for _, transport := range []string{TransportWebSocket, TransportHTTP} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o.Authorize = roles{}.authorize
				l := newBubbleLab(t, &o)
				l.dial.Transport = transport
				test(t, l)
			})
		})
	}
}

func TestKicks(t *testing.T) {
	kick := func(id string) string { return fmt.Sprintf(messages["kick"], id) }
	everyTransport(t, Options{}, func(t *testing.T, l *lab) {
		bob := l.in(NewSecret(), "bob:join+kick")
		secret := NewSecret()
		ann := l.in(secret, "ann:join:1")
		id := ann.Welcome().You
		bob.took()

		// Nobody, whoever that was, and a word that is no id.
		for _, nobody := range []string{NewSecret().MemberID(), "nobody", ""} {
			bob.say(kick(nobody))
			if got := bob.took(); got != "kicked nothing" {
				t.Errorf("kicking %q: %q", nobody, got)
			}
		}

		// A member that is away.
		ann.abandon()
		if l.dial.Transport == TransportHTTP {
			time.Sleep(2 * defaultPongTimeout)
		}
		bob.took()
		l.seated(2, 1)
		bob.say(kick(id))
		if got := bob.took(); got != "left kicked, kicked token" {
			t.Errorf("kicking a member that is away: %q", got)
		}
		l.seated(1, 0)
		for _, back := range []struct {
			what, token, code string
			secret            Secret
		}{
			{"same secret, same token", "ann:join:1", CodeKicked, secret},
			{"same secret, newer token", "ann:join:2", CodeKicked, secret},
			{"new secret, same token", "ann:join:1", CodeKicked, NewSecret()},
			{"new secret, newer token with the same id", "ann:join+lock:1", CodeKicked, NewSecret()},
			{"new secret, newer token", "ann:join:2", "", NewSecret()},
			{"somebody else", "cem:join:3", "", NewSecret()},
		} {
			l.entersIf(t, back.what, back.secret, back.token, back.code)
		}
		_, err := Dial(t.Context(), l.invite, Hello{Secret: secret, Kind: "go", Token: "ann:join:2", Session: ann.Welcome().Session}, l.dial)
		refusedFor(t, "resuming", err, CodeKicked)

		// A kick holds in its room only.
		elsewhere := &lab{t: t, hub: l.hub, dial: l.dial, invite: Invite{Hub: l.invite.Hub, Room: "board"}}
		elsewhere.entersIf(t, "another room", secret, "ann:join:1", "")

		// A session doesn't become that of a kicked token, either.
		again := l.in(NewSecret(), "ann:join:2")
		again.say(`{"type":"token","token":"ann:join:1"}`)
		if got := again.took(); got != "ended kicked" {
			t.Errorf("renewing with what was kicked: %q", got)
		}

		// Oneself.
		bob.took()
		bob.say(kick(bob.Welcome().You))
		if got := bob.took(); got != "ended kicked" {
			t.Errorf("kicking oneself: %q", got)
		}
	})
}

// A token that the session had before it was renewed is as good a way back, so a kick holds that, too.
func TestKicksHoldTheTokensThatASessionHadBefore(t *testing.T) {
	everyTransport(t, Options{}, func(t *testing.T, l *lab) {
		bob := l.in(NewSecret(), "bob:join+kick")
		secret := NewSecret()
		ann := l.in(secret, "ann:join:1")
		for _, newer := range []string{"ann:join:2", "ann:join:3"} {
			ann.say(fmt.Sprintf(`{"type":"token","token":%q}`, newer))
			if got := ann.took(); got != "granted join" {
				t.Fatalf("renewing: %q", got)
			}
		}
		again, err := Dial(t.Context(), l.invite, Hello{Secret: secret, Kind: "go", Token: "ann:join:4", Session: ann.Welcome().Session}, l.dial)
		if err != nil {
			t.Fatal(err)
		}
		other := l.in(NewSecret(), "ann:join:2") // somebody else with one of these
		ann.took()
		bob.took()
		bob.say(fmt.Sprintf(messages["kick"], again.Welcome().You))
		if got := bob.took(); got != "left kicked, left kicked, kicked token" {
			t.Errorf("the one who kicks: %q", got)
		}
		if got := other.took(); !strings.Contains(got, "ended kicked") {
			t.Errorf("the other one: %q", got)
		}
		for _, token := range []string{"ann:join:1", "ann:join:2", "ann:join:3", "ann:join:4"} {
			l.entersIf(t, token, NewSecret(), token, CodeKicked)
		}
		l.entersIf(t, "one that it never had", NewSecret(), "ann:join:5", "")
	})
}

func TestOfTheTokensBeforeThoseThatLastLongestAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s session
		for i := range 3 * maxShown {
			s.show(Grant{TokenID: fmt.Sprint(i), Expires: time.Now().Add(time.Duration(1+i%3) * time.Hour)})
		}
		if n := len(s.tokens()); n != maxShown {
			t.Errorf("%d are remembered", n)
		}
		for _, token := range s.tokens() {
			if left := time.Until(token.expires); left < 2*time.Hour && token.id != s.grant.TokenID {
				t.Errorf("one that ends in %v is remembered", left)
			}
		}
		time.Sleep(4 * time.Hour) // in virtual time
		if s.show(Grant{TokenID: "last"}); len(s.tokens()) != 1 {
			t.Errorf("what has ended is remembered: %v", s.tokens())
		}
	})
}

// In an open hub the operator kicks, and the same person can come in again with a new secret.
func TestKickInAnOpenHubHoldsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		secret := NewSecret()
		ann, bob := l.in(secret, ""), l.in(NewSecret(), "")
		bob.took()
		if holds := l.hub.Kick("lobby", ann.Welcome().You); holds != HoldsSession {
			t.Errorf("holds %s", holds)
		}
		if got := ann.took(); got != "ended kicked" {
			t.Errorf("the kicked one: %q", got)
		}
		if got := bob.took(); got != "left kicked" {
			t.Errorf("the other one: %q", got)
		}
		l.entersIf(t, "same secret", secret, "", CodeKicked)
		l.entersIf(t, "new secret", NewSecret(), "", "")
		time.Sleep(holdSecret - time.Minute) // in virtual time
		l.entersIf(t, "same secret, nearly a day later", secret, "", CodeKicked)
		time.Sleep(2 * time.Minute)
		l.entersIf(t, "same secret, a day later", secret, "", "")
	})
}

func TestLockKeepsNewcomersOutAndNobodyElse(t *testing.T) {
	everyTransport(t, Options{Duplicates: DuplicatesReplace}, func(t *testing.T, l *lab) {
		ann := l.in(NewSecret(), "ann:join+lock")
		secrets := []Secret{NewSecret(), NewSecret()}
		bob, cem := l.in(secrets[0], "bob:join"), l.in(secrets[1], "cem:join")
		cem.abandon()
		ann.took()
		ann.say(`{"type":"lock","locked":true}`)
		ann.say(`{"type":"lock","locked":true}`) // which changes nothing
		if got := ann.took(); got != "locked" {
			t.Errorf("Ann is told %q", got)
		}
		if got := bob.took(); got != "locked" {
			t.Errorf("Bob is told %q", got)
		}
		l.entersIf(t, "a newcomer", NewSecret(), "dan:join", CodeLocked)
		l.entersIf(t, "a newcomer of an identity that is in", NewSecret(), "bob:join", CodeLocked)
		l.entersIf(t, "a newcomer that may lock", NewSecret(), "dan:join+lock", CodeLocked)
		if got := bob.took(); got != "" {
			t.Errorf("of those who weren't let in, Bob is told %q", got)
		}

		// Members take over, and come back, and are told that the room is locked.
		for i, c := range []*seen{bob, cem} {
			hello := Hello{Secret: secrets[i], Kind: "go", Token: []string{"bob:join", "cem:join"}[i], Session: c.Welcome().Session, Received: c.Received()}
			again, err := Dial(t.Context(), l.invite, hello, l.dial)
			if err != nil {
				t.Fatal(err)
			}
			if w := again.Welcome(); !w.Recovered || !w.Roster.Locked || w.You != c.Welcome().You {
				t.Errorf("welcome %+v", w)
			}
			again.Close()
		}
		synctest.Wait()
		l.entersIf(t, "a member that has said bye", secrets[0], "bob:join", CodeLocked)

		ann.took()
		ann.say(`{"type":"lock","locked":false}`)
		if got := ann.took(); got != "unlocked" {
			t.Errorf("Ann is told %q", got)
		}
		l.entersIf(t, "a newcomer, when it is unlocked", NewSecret(), "dan:join", "")

		// An empty room is forgotten, and its lock with it.
		ann.say(`{"type":"lock","locked":true}`)
		ann.took()
		ann.Close()
		synctest.Wait()
		l.entersIf(t, "a newcomer to an empty room", NewSecret(), "dan:join", "")
	})
}

func TestDuplicates(t *testing.T) {
	for policy, test := range map[DuplicatePolicy]func(*testing.T, *lab){
		DuplicatesBoth:    bothAreIn,
		DuplicatesReplace: oneReplacesTheOther,
		DuplicatesRefuse:  theSecondIsRefused,
	} {
		t.Run(string(policy), func(t *testing.T) {
			everyTransport(t, Options{Duplicates: policy, Limits: HubLimits{Members: 3}}, test)
		})
	}
}

func bothAreIn(t *testing.T, l *lab) {
	bob := l.in(NewSecret(), "bob:join")
	first, second := l.in(NewSecret(), "ann:join"), l.in(NewSecret(), "ann:join")
	l.seated(3, 0)
	for _, c := range []*seen{first, second} {
		bob.took()
		send(t, c.Conn, bob.Conn, `1`)
		if got := bob.took(); got != "signal" {
			t.Errorf("Bob got %q", got)
		}
	}
}

func oneReplacesTheOther(t *testing.T, l *lab) {
	bob := l.in(NewSecret(), "bob:join")
	l.in(NewSecret(), "cem:join")
	first := l.in(NewSecret(), "ann:join")
	bob.took()
	secret := NewSecret()
	second := l.in(secret, "ann:join") // though the room is full
	if got := first.took(); got != "ended superseded" {
		t.Errorf("the first one: %q", got)
	}
	if got := bob.took(); got != "left kicked" {
		t.Errorf("Bob is told %q", got)
	}
	l.seated(3, 0)
	if n := len(second.Welcome().Roster.Members); n != 3 {
		t.Errorf("the second one is told %d members", n)
	}
	send(t, bob.Conn, first.Conn, `1`)
	if got := bob.took(); got != "undeliverable" {
		t.Errorf("a signal to the first one: %q", got)
	}
	// A resumed session is the same session, and replaces nobody.
	if again := l.in(secret, "ann:join"); again.Welcome().You != second.Welcome().You {
		t.Error("the second one came back as another")
	}
	if got := bob.took(); got != "" {
		t.Errorf("of the second one, who came back, Bob is told %q", got)
	}
	l.seated(3, 0)
}

func theSecondIsRefused(t *testing.T, l *lab) {
	secret := NewSecret()
	first := l.in(secret, "ann:join")
	l.entersIf(t, "a second session", NewSecret(), "ann:join+kick", CodeDuplicate)
	l.entersIf(t, "another identity", NewSecret(), "bob:join", "")
	first.took()
	l.seated(1, 0)

	// The first one is undisturbed, comes back, and keeps others out while it is away.
	resumed, err := Dial(t.Context(), l.invite, Hello{Secret: secret, Kind: "go", Token: "ann:join", Session: first.Welcome().Session, Received: first.Received()}, l.dial)
	if err != nil || !resumed.Welcome().Recovered {
		t.Fatal(err)
	}
	resumed.abandon()
	l.entersIf(t, "a second session while the first is away", NewSecret(), "ann:join", CodeDuplicate)
	time.Sleep(defaultPongTimeout + defaultGrace + 3*sweepInterval) // in virtual time
	l.entersIf(t, "a second session when the first has gone", NewSecret(), "ann:join", "")
}

// A newcomer that isn't let in has replaced nobody.
func TestWhoIsRefusedReplacesNobody(t *testing.T) {
	options := func() *Options {
		return &Options{
			Duplicates: DuplicatesReplace, Authorize: roles{}.authorize,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			Limits:         HubLimits{Members: 8, Joins: Rate{PerSecond: 0.001, Burst: 2}},
		}
	}
	for code, client := range map[string]string{
		CodeLimit: "192.0.2.1", // as those who are in
		CodeFull:  "192.0.2.2",
	} {
		t.Run(code, func(t *testing.T) {
			o := options()
			l := newLab(t, o)
			for _, who := range []string{"bob", "ann"} {
				ws := l.rawFrom("192.0.2.1")
				say(ws, helloOf(NewSecret(), who+":join"))
				if _, welcome, err := ws.ReadMessage(); err != nil || !bytes.Contains(welcome, []byte(`"welcome"`)) {
					t.Fatalf("%s, %v", welcome, err)
				}
			}
			if code == CodeFull {
				o = options()
				o.Limits.Members = 1
				l.hub.Configure(o)
			}
			ws := l.rawFrom(client)
			say(ws, helloOf(NewSecret(), "ann:join"))
			refusedWith(t, ws, code)
			l.seated(2, 0)
			if s := l.hub.Stats(); len(s.Leaves) != 0 {
				t.Errorf("leaves %v", s.Leaves)
			}
		})
	}
}

// rawFrom is a WebSocket to the lab's hub by way of a proxy, which says for whom.
func (l *lab) rawFrom(client string) *websocket.Conn {
	l.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{Subprotocol}}
	if l.dial != nil {
		d.NetDialContext = l.dial.NetDialContext
	}
	endpoint := strings.Replace(l.invite.Hub.String(), "http", "ws", 1) + roomsPath + l.invite.Room
	ws, _, err := d.DialContext(l.t.Context(), endpoint, http.Header{"X-Forwarded-For": {client}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { ws.Close() })
	return ws
}

func helloOf(s Secret, token string) string {
	text, err := encode(Hello{Secret: s, Kind: "go", Token: token})
	if err != nil {
		panic(err)
	}
	return string(text)
}
