package admin

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Whatever a request says, it is answered in JSON with a status that fits, and
// a hub is drained for no longer than an hour.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/v1/drain", "", `{"over":"30s"}`)
	f.Add("POST", "/v1/drain", "", `{"over":"1h","over":"2h"}`)
	f.Add("GET", "/v1/rooms", "limit=3&after=lobby", "")
	f.Add("GET", "/v1/rooms/lobby/members", "after=18446744073709551615&limit=1000", "")
	f.Add("POST", "/v1/rooms/lobby/members/q83vASNFZ4mrze8BI0VniQ/kick", "", "{}")
	f.Add("POST", "/v1/rooms/lob%2Fby/unlock", "", "null")
	f.Add("GET", "/v1/rooms/..", "", "")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if method == "" || strings.ContainsFunc(method, func(r rune) bool { return r <= ' ' || r > '~' }) || !strings.HasPrefix(path, "/v1/") {
			return // a server lets no such method through
		}
		target, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		target.RawQuery = query
		l := newLab(t)
		l.fill("lobby", 3)
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Method, r.URL = method, target
		r.Header.Set("Authorization", "Bearer "+secretToken)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, r)
		switch {
		case w.Code >= 300 && w.Code < 400: // a path with .. or //
		case w.Code >= 500 || !jsontext.Value(w.Body.Bytes()).IsValid():
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if l.hub.drained < 0 || l.hub.drained > time.Hour || strings.Contains(w.Body.String(), secretToken) {
			t.Errorf("drained over %s; %s", l.hub.drained, w.Body)
		}
	})
}
