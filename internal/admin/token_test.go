package admin

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var guarded = []string{"/v1/rooms", "/v1/rooms/lobby/members", "/v1/stats", "/v1/nothing", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace", "/debug/pprof/symbol"}

func TestWithoutTheTokenNobodyGetsIn(t *testing.T) {
	l := newLab(t)
	for _, path := range guarded {
		for _, authorization := range []string{
			"Bearer", "Bearer ", "Bearer wrong", "Bearer " + secretToken[1:], "Bearer " + secretToken + "0", "Bearer " + strings.ToUpper(secretToken),
			"Basic " + secretToken, secretToken, "Bearer " + secretToken + " " + secretToken, "Bearer,Bearer " + secretToken,
		} {
			w := l.request("GET", path, "", header("Authorization", authorization))
			refused(t, w, http.StatusUnauthorized, "token")
			if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="snug", error="invalid_token"` {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		}
		w := l.request("GET", path, "", without("Authorization"))
		refused(t, w, http.StatusUnauthorized, "token")
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="snug"` {
			t.Errorf("WWW-Authenticate is %q", got)
		}
	}
	refused(t, l.request("POST", "/v1/drain", "", without("Authorization")), http.StatusUnauthorized, "token")
	if l.hub.stats.Draining {
		t.Error("it drains")
	}
	refused(t, l.request("GET", "/v1/stats?token="+secretToken, "", without("Authorization")), http.StatusUnauthorized, "token")
}

func TestWhoGuessesTokensIsLoggedRarelyAndWithoutThem(t *testing.T) {
	l := newLab(t)
	for range 100 {
		l.request("GET", "/v1/rooms", "", header("Authorization", "Bearer guess-of-somebody"))
	}
	log := l.log.String()
	if strings.Count(log, "wrong token") != 1 || strings.Contains(log, "guess") || strings.Contains(log, secretToken) || strings.Contains(log, "192.0.2.1") {
		t.Errorf("the log says %s", log)
	}
}

func TestTheSchemeIsCaseInsensitive(t *testing.T) {
	if w := newLab(t).request("GET", "/v1/rooms", "", header("Authorization", "bearer "+secretToken)); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWithoutATokenTheAPIIsOffAndSaysHowToTurnItOn(t *testing.T) {
	l := newLab(t)
	l.handler = New(l.hub, Options{})
	for _, path := range guarded {
		message := refused(t, l.request("GET", path, ""), http.StatusForbidden, "off")
		if !strings.Contains(message, "admin.token_file") {
			t.Error(message)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		if w := l.request("GET", path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestATokenThatCannotBeReadLetsNobodyIn(t *testing.T) {
	for _, token := range []func() (string, error){
		func() (string, error) { return "", nil },
		func() (string, error) { return "", errors.New("admin: token file x: no") },
		func() (string, error) { return secretToken, errors.New("admin: token file x: no") },
	} {
		l := newLab(t)
		l.handler = New(l.hub, Options{Token: token, Logger: slog.New(slog.NewTextHandler(l.log, nil))})
		for _, authorization := range []string{"Bearer ", "Bearer " + secretToken, ""} {
			refused(t, l.request("GET", "/v1/rooms", "", header("Authorization", authorization)), http.StatusServiceUnavailable, "unavailable")
		}
		if log := l.log.String(); strings.Count(log, "level=ERROR") != 1 || strings.Contains(log, secretToken) {
			t.Errorf("the log says %s", log)
		}
	}
}

func TestTokenFileIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	token := TokenFile(path)
	for _, content := range []string{secretToken, secretToken + "\n", " \t" + secretToken + "\r\n", "other-0123456789+/=="} {
		write(t, path, content)
		if got, err := token(); err != nil || got != strings.TrimSpace(content) {
			t.Errorf("of %q: %q, %v", content, got, err)
		}
	}
}

func TestTokenFileSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	for content, say := range map[string]string{
		"":                         "empty: fill it with openssl rand -hex 32",
		"\n \n":                    "empty",
		"short-secret":             "shorter than 16 characters",
		secretToken + "\n" + "two": "one token",
		secretToken + "ü":          "one token",
		secretToken + "\x00":       "one token",
		strings.Repeat("x", 1<<20): "more than 4096 bytes",
	} {
		write(t, path, content)
		got, err := TokenFile(path)()
		if err == nil || got != "" || !strings.Contains(err.Error(), say) || !strings.HasPrefix(err.Error(), "admin: token file "+path+": ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("of %.40q: %q, %v", content, got, err)
		}
	}
	if _, err := TokenFile(filepath.Join(dir, "none"))(); err == nil || !strings.Contains(err.Error(), "no such file: make it") {
		t.Error(err)
	}
	if _, err := TokenFile(dir)(); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNoPageOfABrowserGetsAnything(t *testing.T) {
	l := newLab(t)
	for _, path := range append([]string{"/livez", "/readyz", "/metrics", "/"}, guarded...) {
		for name, values := range map[string][]string{
			"Origin":         {"https://evil.example", "null", "", "http://127.0.0.1:9090"},
			"Sec-Fetch-Site": {"cross-site", "same-site", "same-origin", "strange"},
		} {
			for _, value := range values {
				refused(t, l.request("GET", path, "", header(name, value)), http.StatusForbidden, "origin")
			}
		}
	}
	refused(t, l.request("POST", "/v1/drain", "", header("Origin", "null")), http.StatusForbidden, "origin")
	refused(t, l.request("OPTIONS", "/v1/drain", "", header("Origin", "https://evil.example")), http.StatusForbidden, "origin")
	if l.hub.stats.Draining {
		t.Error("it drains")
	}
	if w := l.request("GET", "/metrics", "", header("Sec-Fetch-Site", "none")); w.Code != http.StatusOK { // typed in by a person
		t.Errorf("%d", w.Code)
	}
}

func TestTheHostIsUsedForNothing(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"/v1", "/debug/pprof", "//v1/rooms", "/v1/../v1/rooms"} {
		w := l.request("GET", path, "", func(r *http.Request) { r.Host = "evil.example" })
		if strings.Contains(w.Header().Get("Location"), "evil") || strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s leads to %q, %s", path, w.Header().Get("Location"), w.Body)
		}
	}
}

func TestAnswersAreNotKeptOrGuessed(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"/livez", "/metrics", "/v1/rooms", "/v1/nothing", "/debug/pprof/"} {
		h := l.request("GET", path, "").Header()
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestProfiles(t *testing.T) {
	l := newLab(t)
	if w := l.request("GET", "/debug/pprof/", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := l.request("GET", "/debug/pprof/goroutine?debug=1", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "goroutine profile") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := l.request("GET", "/debug/pprof/cmdline", ""); w.Code != http.StatusNotFound {
		t.Errorf("the command line is told: %d", w.Code)
	}
}

func TestHealth(t *testing.T) {
	hub := newFakeHub()
	for _, handler := range []http.Handler{New(hub, Options{}), health(hub)} {
		check := func(path string, status int, body string) {
			t.Helper()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != status || w.Body.String() != body+"\n" {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		check("/livez", 200, `{"live":true}`)
		check("/readyz", 200, `{"ready":true}`)
		hub.Drain(0)
		check("/livez", 200, `{"live":true}`)
		check("/readyz", 503, `{"ready":false,"reason":"draining"}`)
		hub.Undrain()
		check("/readyz", 200, `{"ready":true}`)
	}
}

// health is what a public listener has.
func health(hub Hub) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/livez", Livez())
	mux.Handle("/readyz", Readyz(hub))
	return mux
}
