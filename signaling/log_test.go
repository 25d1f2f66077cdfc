package signaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What no line of the log may hold.
const (
	secretSaid = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" // of goodHello
	tokenSaid  = "eyJhbGciOiJFZERTQSJ9.e30.c2ln"
	sdpSaid    = "v=0 o=- 4611731400430051336 a=fingerprint"
	credential = "credential-of-turn"
	tokenHello = `{"type":"hello","secret":"` + secretSaid + `","kind":"go","token":"` + tokenSaid + `"}`
	otherHello = `{"type":"hello","secret":"HhwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEAHx8","kind":"go","token":"` + tokenSaid + `"}`
)

// ends are the ways for a session or a connection to end. log is what stands in
// the log then, without the room and the member; counted are the refusals in Stats.
var ends = map[string]struct {
	options Options
	do      func(*lab)
	log     []string
	counted string
}{
	"bye": {
		do:  func(l *lab) { bye(l.enters(goodHello)) },
		log: []string{"a member left reason=bye cause="},
	},
	"lost": {
		do:  func(l *lab) { l.enters(goodHello).Close() },
		log: []string{"a member is away cause=lost", "a member left reason=timeout cause=lost"},
	},
	"lost and back": {
		do: func(l *lab) {
			l.enters(goodHello).Close()
			synctest.Wait()
			bye(l.enters(goodHello))
		},
		log: []string{"a member is away cause=lost", "a member is back recovered=false", "a member left reason=bye cause="},
	},
	"silent": {
		do:      func(l *lab) { go io.Copy(io.Discard, l.enters(goodHello).NetConn()) }, // answers no ping
		log:     []string{"a member is away cause=timeout", "a member left reason=timeout cause=timeout"},
		counted: CodeTimeout,
	},
	"kicked by the operator, and back again": {
		do: func(l *lab) {
			ws := l.enters(goodHello)
			l.hub.Kick("lobby", memberIDOf(goodHello))
			drain(ws)
			l.tries("lobby", goodHello)
		},
		log:     []string{"a member left reason=kicked cause=kicked", "a client was refused code=kicked limit="},
		counted: "kicked kicked",
	},
	"superseded": {
		do: func(l *lab) {
			old := l.enters(goodHello)
			ws := l.enters(goodHello)
			drain(old)
			bye(ws)
		},
		log:     []string{"a member's connection was superseded cause=superseded", "a member is back recovered=false", "a member left reason=bye cause="},
		counted: CodeSuperseded,
	},
	"replaced by the same identity": {
		options: Options{Duplicates: DuplicatesReplace, Authorize: grants(Grant{Identity: "ann", Permissions: PermitJoin})},
		do: func(l *lab) {
			old := l.enters(tokenHello)
			ws := l.enters(otherHello)
			drain(old)
			bye(ws)
		},
		log:     []string{"a member left reason=kicked cause=superseded", "a member left reason=bye cause="},
		counted: CodeSuperseded,
	},
	"malformed later": {
		do: func(l *lab) {
			ws := l.enters(goodHello)
			say(ws, `{"type":"signal","to":"x","body":"`+sdpSaid)
			drain(ws)
		},
		log:     []string{"a member left reason=timeout cause=malformed"},
		counted: CodeMalformed,
	},
	"malformed first": {
		do:      func(l *lab) { l.tries("lobby", tokenHello+"}") },
		log:     []string{"a client was refused code=malformed limit="},
		counted: CodeMalformed,
	},
	"slow": {
		options: Options{Limits: HubLimits{Queue: 64 << 10}},
		do: func(l *lab) {
			slow, ann := l.enters(goodHello), l.enters(otherHello)
			body := strings.Repeat("x", 20<<10)
			for range 8 {
				say(ann, `{"type":"signal","to":"`+memberIDOf(goodHello)+`","body":{"sdp":"`+sdpSaid+body+`"}}`)
			}
			synctest.Wait()
			bye(ann)
			_ = slow // is never read
		},
		log:     []string{"a member left reason=bye cause=", "a member is away cause=slow", "a member left reason=timeout cause=slow"},
		counted: CodeSlow,
	},
	"drained": {
		do: func(l *lab) {
			ws := l.enters(goodHello)
			l.hub.Drain(0)
			drain(ws)
		},
		log:     []string{"draining over=0s connections=1", "a member is away cause=going-away", "a member left reason=timeout cause=going-away"},
		counted: CodeGoingAway,
	},
	"shut down": {
		do: func(l *lab) {
			ws := l.enters(goodHello)
			go l.hub.Shutdown(l.t.Context())
			drain(ws)
		},
		log:     []string{"a member is away cause=going-away"},
		counted: CodeGoingAway,
	},
	"full": {
		options: Options{Limits: HubLimits{Members: 1}},
		do: func(l *lab) {
			ws := l.enters(otherHello)
			l.tries("lobby", goodHello)
			bye(ws)
		},
		log:     []string{"a client was refused code=full limit=", "a member left reason=bye cause="},
		counted: CodeFull,
	},
	"locked": {
		do: func(l *lab) {
			ws := l.enters(otherHello)
			l.hub.Lock("lobby", true)
			l.tries("lobby", goodHello)
			bye(ws)
		},
		log:     []string{"a client was refused code=locked limit=", "a member left reason=bye cause="},
		counted: CodeLocked,
	},
	"too many rooms": {
		options: Options{Limits: HubLimits{Rooms: 1}},
		do: func(l *lab) {
			ws := l.enters(otherHello)
			l.tries("attic", goodHello)
			bye(ws)
		},
		log:     []string{"a client was refused code=limit limit=rooms", "a member left reason=bye cause="},
		counted: CodeLimit,
	},
	"token refused": {
		options: Options{Authorize: refuses(refusef(CodeToken, "This token is for another room."))},
		do:      func(l *lab) { l.tries("lobby", tokenHello) },
		log:     []string{"a client was refused code=token limit="},
		counted: CodeToken,
	},
	"newer token refused": {
		options: Options{Authorize: func(_ context.Context, r AuthRequest) (Grant, error) {
			if r.Token != "" {
				return Grant{}, refusef(CodeToken, "This token is for another room.")
			}
			return Grant{Permissions: PermitJoin}, nil
		}},
		do: func(l *lab) {
			ws := l.enters(goodHello)
			say(ws, `{"type":"token","token":"`+tokenSaid+`"}`)
			drain(ws)
		},
		log:     []string{"a member left reason=timeout cause=token"},
		counted: CodeToken,
	},
	"token expired": {
		options: Options{Authorize: func(context.Context, AuthRequest) (Grant, error) {
			return Grant{Permissions: PermitJoin, Expires: time.Now().Add(5 * time.Minute)}, nil
		}},
		do: func(l *lab) { // and the client doesn't close
			ws := l.enters(tokenHello)
			ws.SetCloseHandler(func(int, string) error { return nil })
			go func() {
				for {
					if _, _, err := ws.ReadMessage(); err != nil {
						return
					}
				}
			}()
		},
		log:     []string{"a member is away cause=expired", "a member left reason=timeout cause=expired"},
		counted: CodeExpired,
	},
	"no permission to join": {
		options: Options{Authorize: grants(Grant{})},
		do:      func(l *lab) { l.tries("lobby", tokenHello) },
		log:     []string{"a client was refused code=forbidden limit="},
		counted: CodeForbidden,
	},
	"tokens can't be checked": {
		options: Options{Authorize: refuses(errors.New("the database is away"))},
		do:      func(l *lab) { l.tries("lobby", tokenHello) },
		log:     []string{"nobody can be let in error=the database is away", "a client was refused code=unavailable limit="},
		counted: CodeUnavailable,
	},
	"duplicate": {
		options: Options{Duplicates: DuplicatesRefuse, Authorize: grants(Grant{Identity: "ann", Permissions: PermitJoin})},
		do: func(l *lab) {
			ws := l.enters(tokenHello)
			l.tries("lobby", otherHello)
			bye(ws)
		},
		log:     []string{"a client was refused code=duplicate limit=", "a member left reason=bye cause="},
		counted: CodeDuplicate,
	},
	"no hello": {
		do:      func(l *lab) { drain(l.raw(Subprotocol)) },
		log:     []string{"a client was refused code=timeout limit="},
		counted: CodeTimeout,
	},
	"another version": {
		do:      func(l *lab) { drain(l.raw("snug.v9")) },
		log:     []string{"a client was refused code=version limit="},
		counted: CodeVersion,
	},
	"a room's name that isn't one": {
		do:      func(l *lab) { l.tries("lobby!", goodHello) },
		log:     []string{"a client was refused code=room limit="},
		counted: CodeRoom,
	},
	"no hello first": {
		do:      func(l *lab) { l.tries("lobby", `{"type":"ping"}`) },
		log:     []string{"a client was refused code=order limit="},
		counted: CodeOrder,
	},
	"too big": {
		do:      func(l *lab) { l.tries("lobby", tokenHello+strings.Repeat(" ", maxHello)) },
		log:     []string{"a client was refused code=too-big limit="},
		counted: CodeTooBig,
	},
	"nothing said at all": {
		do: func(l *lab) { l.raw(Subprotocol).Close() },
	},
}

func memberIDOf(hello string) string {
	m, _ := decodeToHub([]byte(hello))
	return m.(Hello).Secret.MemberID()
}

func TestEveryEndIsLoggedOnceWithItsReason(t *testing.T) {
	for name, c := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				c.options.Logger = slog.New(j)
				c.options.ICE = func(AuthRequest, Grant) ICE {
					return ICE{Servers: []ICEServer{{URLs: []string{"turn:turn.test"}, Username: "x", Credential: credential}}}
				}
				l := newBubbleLab(t, &c.options)
				c.do(l)
				time.Sleep(time.Hour) // of the bubble: after that nothing is to come
				if got := withoutNames(j.lines()); !slices.Equal(got, c.log) {
					t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.log, "\n"))
				}
				if got := countedIn(l.hub.Stats()); got != c.counted {
					t.Errorf("counted are %q, want %q", got, c.counted)
				}
				holdsNoSecrets(t, j.String())
			})
		})
	}
}

// withoutNames leaves out room and member, which are told apart elsewhere.
func withoutNames(lines []string) (short []string) {
	for _, line := range lines {
		line = strings.ReplaceAll(strings.TrimPrefix(line, "msg="), `"`, "")
		var words []string
		for _, word := range strings.Split(line, " ") {
			if !strings.HasPrefix(word, "room=") && !strings.HasPrefix(word, "member=") {
				words = append(words, word)
			}
		}
		short = append(short, strings.Join(words, " "))
	}
	return short
}

// countedIn are the codes of all refusals, each as often as it was counted.
func countedIn(s Stats) string {
	var codes []string
	for _, code := range slices.Sorted(maps.Keys(s.Refusals)) {
		for range s.Refusals[code] {
			codes = append(codes, code)
		}
	}
	return strings.Join(codes, " ")
}

func holdsNoSecrets(t *testing.T, log string) {
	t.Helper()
	for _, secret := range []string{secretSaid, tokenSaid, sdpSaid, "fingerprint", credential} {
		if strings.Contains(log, secret) {
			t.Errorf("%s stands in the log:\n%s", secret, log)
		}
	}
}

// A connection over HTTP has an id that is a secret, too.
func TestEndsOverHTTPAreLoggedWithoutTheirConnection(t *testing.T) {
	j := newJournal()
	l := newLab(t, &Options{Logger: slog.New(j)})
	post := func(verb, body string) string {
		t.Helper()
		answer, err := http.Post(l.invite.Hub.String()+roomsPath+l.invite.Room+"/"+verb, ndjson, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, rest, _ := strings.Cut(post("connect", tokenHello), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	post("send", fmt.Sprintf(`{"connection":%q,"n":1}`+"\n"+`{"type":"signal","to":"x","body":"%s"}`+"\n"+`{"type":"close","code":1000}`, id, sdpSaid))
	post("connect", tokenHello+"}")
	l.hub.Shutdown(t.Context()) // waits for the end of both
	want := []string{"a client was refused code=malformed limit=", "a member left reason=bye cause="}
	if got := withoutNames(j.lines()); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("the log is %q", got)
	}
	holdsNoSecrets(t, j.String())
	if len(id) != 22 || strings.Contains(j.String(), id) {
		t.Errorf("the connection %q stands in the log:\n%s", id, j)
	}
}

func TestAddressesAreLoggedOnlyIfAskedFor(t *testing.T) {
	for _, asked := range []bool{false, true} {
		j := newJournal()
		l := newLab(t, &Options{Logger: slog.New(j), LogAddresses: asked, Limits: HubLimits{Members: 1}})
		ws := l.enters(goodHello)
		l.tries("lobby", otherHello)
		members, _ := l.hub.Members("lobby")
		bye(ws)
		l.hub.Shutdown(t.Context())
		for line := range strings.Lines(j.String()) {
			if strings.Contains(line, " address=127.0.0.1") != asked || strings.Contains(line, "127.0.0.1") != asked {
				t.Errorf("asked: %v; %s", asked, line)
			}
		}
		if n := strings.Count(j.String(), "\n"); n != 3 {
			t.Errorf("%d lines:\n%s", n, j)
		}
		if len(members) != 1 || (members[0].Address == "127.0.0.1") != asked || (members[0].Address == "") == asked {
			t.Errorf("asked: %v; the members are %+v", asked, members)
		}
	}
}
