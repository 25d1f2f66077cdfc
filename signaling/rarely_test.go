package signaling

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What anybody can cause fills no log, and what was left out is told.
func TestLinesThatAnybodyCausesAreRated(t *testing.T) {
	for line, cause := range map[string]func(*lab){
		"a client was refused": func(l *lab) { l.tries("lobby", `{`) },
		"nobody can be let in": func(l *lab) { l.tries("lobby", goodHello) },
		"a page of a foreign origin was refused": func(l *lab) {
			r, _ := http.NewRequest("GET", "http://hub.test/v1/rooms/lobby", nil)
			r.Header.Set("Origin", "http://evil.example")
			answer, err := (&http.Client{Transport: &http.Transport{DialContext: l.dial.NetDialContext, DisableKeepAlives: true}}).Do(r)
			if err == nil {
				answer.Body.Close()
			}
		},
	} {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				l := newBubbleLab(t, &Options{Logger: slog.New(j), Authorize: func(context.Context, AuthRequest) (Grant, error) {
					return Grant{}, errors.New("the database is away")
				}})
				start := time.Now()
				for range 120 {
					cause(l)
				}
				synctest.Wait()
				took := time.Since(start)
				if n := strings.Count(j.String(), line); n < rarelyRate.Burst || n > rarelyRate.Burst+1+int(took/time.Second) {
					t.Fatalf("of 120 lines %d were logged in %v", n, took)
				}
				time.Sleep(time.Minute) // in virtual time
				cause(l)
				synctest.Wait()
				logged, leftOut := strings.Count(j.String(), line), 0
				for _, l := range j.lines() {
					if _, n, ok := strings.Cut(l, "leftOut="); ok && strings.Contains(l, line) {
						for i := 0; i < len(n) && n[i] >= '0' && n[i] <= '9'; i++ {
							leftOut = 10*leftOut + int(n[i]-'0')
						}
					}
				}
				if logged+leftOut != 121 || leftOut == 0 {
					t.Errorf("%d were logged, and %d left out; together 121", logged, leftOut)
				}
			})
		})
	}
}
