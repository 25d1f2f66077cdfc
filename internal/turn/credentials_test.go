package turn

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

func TestCredentialsOfOthersAreRefused(t *testing.T) {
	secret := []byte("secret")
	l := newLab(t, Options{Secret: secret})
	ann, bob := l.Admit("lobby", "ann"), l.Admit("lobby", "bob")
	later := time.Now().Add(time.Hour)
	forged := NewCredential([]byte("another secret"), "lobby", "ann", later)
	unknown := NewCredential(secret, "lobby", "carol", later)
	elsewhere := NewCredential(secret, "attic", "ann", later)
	expired := NewCredential(secret, "lobby", "ann", time.Now().Add(-time.Second))
	longer := Credential{Username: strings.Replace(ann.Username, ":", "0:", 1), Password: ann.Password}
	for what, c := range map[string]Credential{
		"an empty one": {Username: "", Password: ""}, "a forged one": forged, "one of nobody": unknown, "one of another room": elsewhere, "an expired one": expired,
		"one with another end": longer, "one with another's password": {Username: ann.Username, Password: bob.Password},
		"a wrong password": {Username: ann.Username, Password: "x"}, "no time": {Username: ":" + ann.Username, Password: ann.Password},
		"a negative time": {Username: "-1" + ann.Username, Password: ann.Password}, "a name alone": {Username: "ann", Password: ann.Password},
		"a time too long": {Username: "99999999999999999999" + ann.Username, Password: ann.Password}, "a long name": {Username: ann.Username + strings.Repeat("x", 400), Password: ann.Password},
	} {
		before := sum(l.Stats().Refused)
		if _, code := l.raw("udp", c).allocate(); code != 401 {
			t.Errorf("%s: %d", what, code)
		}
		if after := sum(l.Stats().Refused); after != before+1 {
			t.Errorf("%s: %v", what, l.Stats().Refused)
		}
	}
	if _, code := l.raw("udp", ann).allocate(); code != 0 {
		t.Errorf("the right one: %d", code)
	}
	if s := l.Stats(); s.Allocations != 1 || s.Refused[RefusedExpired] != 1 || s.Refused[RefusedSession] < 2 {
		t.Errorf("%+v", s)
	}
}

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// Another session's credential, though right, is of no use with an allocation.
func TestAllocationsAreTheirSessionsAlone(t *testing.T) {
	l := newLab(t, Options{})
	a := l.raw("udp", l.Admit("lobby", "ann"))
	a.mustAllocate()
	a.Credential = l.Admit("lobby", "bob")
	for _, method := range []stun.Method{stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
		if got := code(a.ask(method, quiet)); got != -1 {
			t.Errorf("%v with another's credential: %d", method, got)
		}
	}
	if _, code := a.allocate(); code != 437 {
		t.Errorf("a second allocation: %d", code)
	}
	if l.Stats().Allocations != 1 {
		t.Errorf("%+v", l.Stats())
	}
}

// A link that works doesn't end because of the clock; a new allocation needs a credential that holds.
func TestAllocationsOutliveTheirCredential(t *testing.T) {
	l := newLab(t, Options{Limits: Limits{Validity: time.Second}})
	a, b := l.twoRelayed("udp")
	within(t, "the credential ends", func() bool { return time.Now().After(a.Expires.Add(time.Millisecond)) })
	if _, code := l.raw("udp", a.Credential).allocate(); code != 401 {
		t.Errorf("another allocation: %d", code)
	}
	if code := code(a.ask(stun.MethodRefresh, patience)); code != 0 {
		t.Errorf("a refresh: %d", code)
	}
	a.sendOn(0x4001, "still here")
	b.receives("still here")
	if _, code := l.raw("udp", l.Admit("lobby", "ann")).allocate(); code != 0 {
		t.Errorf("with a new credential: %d", code)
	}
}

func TestAnotherServerTakesNoCredentialOfThis(t *testing.T) {
	one, two := newLab(t, Options{}), newLab(t, Options{})
	two.Admit("lobby", "ann")
	if _, code := two.raw("udp", one.Admit("lobby", "ann")).allocate(); code != 401 {
		t.Errorf("an allocation: %d", code)
	}
}

// Credentials are as other servers understand them, and tell nothing.
func TestCredentialsAreTheUsualOnes(t *testing.T) {
	c := NewCredential([]byte("secret"), "lobby", "ann", time.Now().Add(time.Hour))
	_, key, ok := turn.LongTermTURNRESTAuthHandler("secret", nil)(&turn.RequestAttributes{Username: c.Username, Realm: "r"})
	if want := turn.GenerateAuthKey(c.Username, "r", c.Password); !ok || string(key) != string(want) {
		t.Errorf("%v: %x, not %x", ok, key, want)
	}
	if strings.Contains(c.Username, "lobby") || strings.Contains(c.Username, "ann") || len(c.Username) > maxUsername {
		t.Errorf("the name is %s", c.Username)
	}
	if again := NewCredential([]byte("secret"), "lobby", "ann", c.Expires); again != c {
		t.Errorf("%v, then %v", c, again)
	}
	if tagOf(nil, "a", "bc") == tagOf(nil, "ab", "c") {
		t.Error("two sessions have one tag")
	}
}
