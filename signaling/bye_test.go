package signaling

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
)

// Browsers cut the requests of a page that goes, so its bye may come out of order.
func TestByeOverHTTPIsTakenWhateverCameBefore(t *testing.T) {
	head := func(id string, n int) string { return fmt.Sprintf(`{"connection":%q,"n":%d}`+"\n", id, n) }
	closing := `{"type":"close","code":1000}` + "\n"
	for name, before := range map[string]func(l *lab, id string) (n int){
		"nothing":                func(*lab, string) int { return 1 },
		"a send that was lost":   func(*lab, string) int { return 2 },
		"several of them":        func(*lab, string) int { return 9 },
		"a send that was cut":    func(l *lab, id string) int { l.request("send", head(id, 1), 100).Close(); return 2 },
		"a send under way":       func(l *lab, id string) int { l.request("send", head(id, 1), 100); return 2 },
		"a receive that was cut": func(l *lab, id string) int { l.request("receive", head(id, 1), 0).Close(); return 1 },
		"a receive under way":    func(l *lab, id string) int { l.request("receive", head(id, 1), 0); return 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, nil)
				bob := l.in(NewSecret(), "")
				id := l.connectOverHTTP(goodHello)
				bob.took()
				n := before(l, id)
				synctest.Wait()
				if status, lines := l.post("send", head(id, n)+closing); status != http.StatusNoContent {
					t.Errorf("%d %v", status, lines)
				}
				if got := bob.took(); got != "left bye" {
					t.Errorf("Bob is told %q", got)
				}
				if status, _ := l.post("send", head(id, n+1)+closing); status != http.StatusGone {
					t.Errorf("after it: %d", status)
				}
			})
		})
	}
}

// Only a short close is let through.
func TestOtherSendsOutOfTurnAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rest   string
		during bool
	}{
		"a ping":                                {rest: `{"type":"ping"}`},
		"a close before the last line":          {rest: `{"type":"close","code":1000}` + "\n" + `{"type":"ping"}`},
		"nothing":                               {},
		"a ping while another is under way":     {`{"type":"ping"}`, true},
		"a long one that ends with a close":     {fmt.Sprintf("%2000s", "\n"+`{"type":"close","code":1000}`), false},
		"a long one while another is under way": {fmt.Sprintf("%2000s", "\n"+`{"type":"close","code":1000}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newBubbleLab(t, nil)
				id := l.connectOverHTTP(goodHello)
				if c.during {
					l.request("send", fmt.Sprintf(`{"connection":%q,"n":1}`+"\n", id), 100)
					synctest.Wait()
				}
				status, lines := l.post("send", fmt.Sprintf(`{"connection":%q,"n":2}`+"\n%s", id, c.rest))
				if status != http.StatusConflict {
					t.Errorf("%d %v", status, lines)
				}
				synctest.Wait()
				l.seated(1, 1)
			})
		})
	}
}
