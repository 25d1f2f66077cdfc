package signaling

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// endings notes what the hooks of a hub are told, in order.
type endings struct {
	mu    sync.Mutex
	notes []string
}

func (e *endings) note(what, room, member string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notes = append(e.notes, what+" "+room+" "+member[:4])
}

func (e *endings) took() []string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	notes := e.notes
	e.notes = nil
	return notes
}

// However a session ends, that is told once; and as long as it lives, with or without a connection, it isn't.
func TestEndOfEachSessionIsTold(t *testing.T) {
	for _, transport := range []string{TransportWebSocket, TransportHTTP} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { endsAreTold(t, transport) })
		})
	}
}

func endsAreTold(t *testing.T, transport string) {
	var e endings
	l := newBubbleLab(t, &Options{
		Authorize: roles{}.authorize, Duplicates: DuplicatesReplace,
		ICE:   func(r AuthRequest, _ Grant) ICE { e.note("ice", r.Room, r.Member); return ICE{} },
		Ended: func(room, member string) { e.note("ended", room, member) },
	})
	l.dial.Transport = transport
	secret := NewSecret()
	id := secret.MemberID()[:4]
	expect := func(what string, want ...string) {
		t.Helper()
		for i, w := range want {
			want[i] = w + " lobby " + id
		}
		if got := e.took(); !slices.Equal(got, want) {
			t.Errorf("%s: told %v, not %v", what, got, want)
		}
	}
	ann := l.in(secret, "ann:join")
	expect("joining", "ice")
	again := l.resumeWith(secret, "ann:join", ann.Conn)
	expect("taking over", "ice")
	again.abandon()
	time.Sleep(defaultPongTimeout + defaultGrace/2)
	expect("being away")
	back := l.resumeWith(secret, "ann:join", again)
	expect("coming back", "ice")
	back.Close()
	expect("a bye", "ended")
	l.in(secret, "ann:join").abandon()
	expect("joining anew", "ice")
	time.Sleep(defaultPongTimeout + defaultGrace + 2*sweepInterval)
	expect("staying away", "ended")
	l.in(secret, "ann:join")
	l.in(NewSecret(), "ann:join") // takes her place
	if got := e.took(); len(got) != 3 || got[0] != "ice lobby "+id || got[1] != "ended lobby "+id || got[2] == "ice lobby "+id {
		t.Errorf("being replaced: told %v", got)
	}
	other := NewSecret()
	id = other.MemberID()[:4]
	l.in(other, "bob:join")
	l.hub.Kick("lobby", other.MemberID())
	expect("a kick", "ice", "ended")
}

// resumeWith continues a session with a token.
func (l *lab) resumeWith(s Secret, token string, c *Conn) *Conn {
	l.t.Helper()
	hello := Hello{Secret: s, Kind: "go", Token: token, Session: c.Welcome().Session, Received: c.Received()}
	again, err := Dial(l.t.Context(), l.invite, hello, l.dial)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { again.Close() })
	return again
}
