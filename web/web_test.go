package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// site is the handler behind a real server.
func site(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(Handler())
	t.Cleanup(s.Close)
	// Otherwise the client would ask for gzip, and hide that it did.
	s.Client().Transport.(*http.Transport).DisableCompression = true
	return s
}

func ask(t *testing.T, s *httptest.Server, method, path string, header ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

func unzip(t *testing.T, zipped []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

var served = map[string]string{ // path → Content-Type
	"/":                      "text/html; charset=utf-8",
	"/r/k7wq-4fmx-3tba":      "text/html; charset=utf-8",
	"/r/a~b_c.D-9?utm=x&y=z": "text/html; charset=utf-8",
	"/doctor":                "text/html; charset=utf-8",
	"/doctor?lang=zh":        "text/html; charset=utf-8",
	"/doctor.js":             "text/javascript; charset=utf-8",
	"/app.js":                "text/javascript; charset=utf-8",
	"/app.css":               "text/css; charset=utf-8",
	"/icon.svg":              "image/svg+xml",
	"/sdk.js":                "text/javascript; charset=utf-8",
	"/sdk.request.js":        "text/javascript; charset=utf-8",
	"/sdk.seal.js":           "text/javascript; charset=utf-8",
	"/sdk.stream.js":         "text/javascript; charset=utf-8",
	"/sdk.trust.js":          "text/javascript; charset=utf-8",
	"/sdk.d.ts":              "text/plain; charset=utf-8",
}

func TestEachFileIsServedWithItsHeaders(t *testing.T) {
	s := site(t)
	for path, contentType := range served {
		t.Run(path, func(t *testing.T) {
			answer, body := ask(t, s, "GET", path)
			h := answer.Header
			if answer.StatusCode != http.StatusOK || len(body) == 0 {
				t.Fatalf("%s with %d bytes", answer.Status, len(body))
			}
			for name, want := range map[string]string{
				"Content-Type":           contentType,
				"X-Content-Type-Options": "nosniff",
				"Referrer-Policy":        "no-referrer",
				"Cache-Control":          "no-cache",
				"Vary":                   "Accept-Encoding",
				"Content-Encoding":       "",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s is %q, not %q", name, got, want)
				}
			}
			isPage, isSDK := strings.HasPrefix(contentType, "text/html"), isSDKFile(path)
			if got := h.Get("Content-Security-Policy") != ""; got != isPage {
				t.Errorf("with a policy: %v", got)
			}
			if got := h.Get("Access-Control-Allow-Origin") == "*"; got != isSDK {
				t.Errorf("open to every origin: %v", got)
			}
			if got := h.Get("Cross-Origin-Resource-Policy") == "cross-origin"; got != isSDK {
				t.Errorf("open to isolated pages: %v", got)
			}
			if _, ok := h["Access-Control-Allow-Origin"]; ok && !isSDK {
				t.Errorf("Access-Control-Allow-Origin is %q", h.Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

func TestPolicyLetsNothingElseIn(t *testing.T) {
	answer, _ := ask(t, site(t), "GET", "/r/lobby")
	policy := map[string]string{}
	for rule := range strings.SplitSeq(answer.Header.Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(rule), " ")
		policy[name] = sources
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
		"base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'", "require-trusted-types-for": "'script'",
	} {
		if policy[name] != want {
			t.Errorf("%s is %q, not %q", name, policy[name], want)
		}
	}
	for name, sources := range policy {
		for _, source := range []string{"unsafe-", "http:", "https:", "*", "data:"} {
			if strings.Contains(sources, source) {
				t.Errorf("%s allows %s: %s", name, source, sources)
			}
		}
	}
}

// A policy without 'unsafe-inline' holds back what stands in the page itself.
func TestPageNamesOnlyFilesThatAreServed(t *testing.T) {
	s := site(t)
	if _, body := ask(t, s, "GET", "/"); regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script[^>]*>[^<]`).Match(body) {
		t.Errorf("the page has something inline: %s", body)
	}
	for page, prefix := range map[string]string{"/": "./", "/r/lobby": "../"} {
		_, body := ask(t, s, "GET", page)
		names := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllSubmatch(body, -1)
		if len(names) < 3 {
			t.Errorf("%s names %d files", page, len(names))
		}
		for _, name := range names {
			file, ok := strings.CutPrefix(string(name[1]), prefix)
			if answer, _ := ask(t, s, "GET", "/"+file); !ok || answer.StatusCode != http.StatusOK {
				t.Errorf("%s names %s: %s", page, name[1], answer.Status)
			}
		}
	}
}

func TestHandlerMountsBelowAPath(t *testing.T) {
	s := httptest.NewServer(http.StripPrefix("/below/here", Handler()))
	defer s.Close()
	for _, path := range []string{"/below/here/", "/below/here/r/lobby", "/below/here/app.js"} {
		if answer, _ := ask(t, s, "GET", path); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

func TestGzipIsSentToWhomAcceptsIt(t *testing.T) {
	s := site(t)
	for path := range served {
		_, plain := ask(t, s, "GET", path)
		answer, zipped := ask(t, s, "GET", path, "Accept-Encoding", "br, gzip")
		if answer.Header.Get("Content-Encoding") != "gzip" || answer.Header.Get("Content-Type") != served[path] {
			t.Errorf("%s: %v", path, answer.Header)
			continue
		}
		if !bytes.Equal(unzip(t, zipped), plain) {
			t.Errorf("%s isn't the same when zipped", path)
		}
	}
	for accepts, want := range map[string]string{
		"":                    "",
		"identity":            "",
		"br, zstd":            "",
		"gzip":                "gzip",
		"GZIP":                "gzip",
		"deflate , gzip;q=.5": "gzip",
		"gzip; q=1.000":       "gzip",
		"gzip;q=0":            "",
		"gzip; q=0.000, br":   "",
		"gzip;q=much":         "",
		"notgzip":             "",
	} {
		if answer, _ := ask(t, s, "GET", "/app.js", "Accept-Encoding", accepts); answer.Header.Get("Content-Encoding") != want {
			t.Errorf("%q gets %q, not %q", accepts, answer.Header.Get("Content-Encoding"), want)
		}
	}
	if answer, _ := ask(t, s, "GET", "/app.js", "Accept-Encoding", "br", "Accept-Encoding", "gzip"); answer.Header.Get("Content-Encoding") != "gzip" {
		t.Error("gzip in a second header is overlooked")
	}
}

func TestWhatIsKnownIsNotSentAgain(t *testing.T) {
	s := site(t)
	tags := map[string]string{}
	for path := range served {
		first, _ := ask(t, s, "GET", path)
		tag := first.Header.Get("ETag")
		if !regexp.MustCompile(`^W/"[0-9a-f]{16}"$`).MatchString(tag) {
			t.Fatalf("%s has the tag %q", path, tag)
		}
		tags[path] = tag
		for _, known := range []string{tag, `"other", ` + tag} {
			again, body := ask(t, s, "GET", path, "If-None-Match", known, "Accept-Encoding", "gzip")
			if again.StatusCode != http.StatusNotModified || len(body) != 0 || again.Header.Get("ETag") != tag {
				t.Errorf("%s for %s: %s, %d bytes, %v", path, known, again.Status, len(body), again.Header)
			}
			if sdk := isSDKFile(path); (again.Header.Get("Access-Control-Allow-Origin") == "*") != sdk {
				t.Errorf("%s: %v", path, again.Header)
			}
		}
		if other, body := ask(t, s, "GET", path, "If-None-Match", `W/"0123456789abcdef"`); other.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s for another tag: %s", path, other.Status)
		}
	}
	if tags["/"] == tags["/r/k7wq-4fmx-3tba"] || tags["/app.js"] == tags["/sdk.js"] {
		t.Error("two files have one tag")
	}
}

func TestUnknownPaths(t *testing.T) {
	s := site(t)
	for _, path := range []string{
		"/index.html", "/r", "/r/a/b", "/r/lobby/", "/sdk", "/sdk.js/", "/SDK.js", "/dist/app.js", "/web.go", "/v1/rooms/lobby",
		"/..%2fweb.go", "/%2e%2e/web.go", "//app.js", "/" + strings.Repeat("x", 4000), "/<script>",
	} {
		answer, body := ask(t, s, "GET", path)
		if answer.StatusCode != http.StatusNotFound || len(body) > 1000 {
			t.Errorf("%.40s: %s with %d bytes", path, answer.Status, len(body))
		}
		if answer.Header.Get("Content-Type") != "text/plain; charset=utf-8" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.40s: a browser may take this for a page: %v", path, answer.Header)
		}
		if _, ok := answer.Header["Access-Control-Allow-Origin"]; ok {
			t.Errorf("%.40s is open to every origin", path)
		}
	}
}

// The page itself says what is wrong with the room's name.
func TestPageForABadRoom(t *testing.T) {
	s := site(t)
	_, page := ask(t, s, "GET", "/r/lobby")
	for _, path := range []string{"/r/", "/r/a%20b", "/r/%2e%2e", "/r/%E2%80%AE", "/r/" + strings.Repeat("x", 129)} {
		answer, body := ask(t, s, "GET", path)
		if answer.StatusCode != http.StatusBadRequest || !bytes.Equal(body, page) || answer.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%.40s: %s with %d bytes", path, answer.Status, len(body))
		}
		tag := answer.Header.Get("ETag")
		if again, _ := ask(t, s, "GET", path, "If-None-Match", tag); again.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40s again: %s", path, again.Status)
		}
	}
}

func TestMethods(t *testing.T) {
	s := site(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		for _, path := range []string{"/", "/r/lobby", "/sdk.js", "/nothing"} {
			answer, _ := ask(t, s, method, path)
			if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, Allow: %s", method, path, answer.Status, answer.Header.Get("Allow"))
			}
		}
	}
	for path := range served {
		get, _ := ask(t, s, "GET", path)
		head, body := ask(t, s, "HEAD", path)
		if head.StatusCode != http.StatusOK || len(body) != 0 || head.Header.Get("ETag") != get.Header.Get("ETag") {
			t.Errorf("HEAD %s: %s with %d bytes", path, head.Status, len(body))
		}
	}
}

// What one must load is part of what one judges a library and a page by.
func TestSizes(t *testing.T) {
	s := site(t)
	size := func(paths ...string) (sum int) {
		for _, path := range paths {
			_, zipped := ask(t, s, "GET", path, "Accept-Encoding", "gzip")
			sum += len(zipped)
		}
		return sum
	}
	sdk, page := size("/sdk.js"), size("/r/lobby", "/app.js", "/app.css", "/icon.svg")
	t.Logf("gzipped: the SDK is %d bytes (budget 14,000), the page %d (budget 60,000)", sdk, page)
	if sdk < 1000 || page < 5000 {
		t.Error("that is too little to be all")
	}
}

// isSDKFile tells whether pages of every origin may import a file.
func isSDKFile(path string) bool {
	return strings.HasPrefix(path, "/sdk.") || strings.HasPrefix(path, "/sdk-")
}
