package conformance

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Options say what the suite needs to know of a hub. The zero value of each field means its default.
type Options struct {
	// Patience is how long one rule may wait. Rules that need more, since a hub's heartbeat
	// or grace is long, are skipped, and say so. 30 s.
	Patience time.Duration
	// Key signs tokens, with this KeyID in their heads if it isn't empty. Nil: the hub is open.
	Key   ed25519.PrivateKey
	KeyID string
	// TLSConfig is for hubs at https addresses. Nil: the system's authorities.
	TLSConfig *tls.Config
}

const (
	defaultPatience = 30 * time.Second
	answerWait      = 10 * time.Second // for what a hub does at once
)

// suite is a hub that is being held to the document.
type suite struct {
	hub     *url.URL
	options Options
	over    string // the transport that a rule's clients use
	http    *http.Client
	known   message // a welcome of the hub's
}

// Transports.
const (
	overWebSocket = "websocket"
	overHTTP      = "http"
)

// rule is one of the document's.
type rule struct {
	name  string
	needs need
	check func(*testing.T, *suite)
}

// need is what a rule needs of the hub or the transport.
type need uint8

const (
	needsWebSocket need = 1 << iota // it is about WebSockets, or about losing one
	needsHTTP                       // it is about HTTP
	needsTokens                     // the hub asks for tokens, and there is a key
	needsOpen                       // the hub asks for none
	needsReport                     // the hub takes reports
)

// sections are the document's, and their rules.
var sections = []struct {
	name  string
	rules []rule
}{
	{"1 connecting", connecting},
	{"2 encoding", encoding},
	{"2 limits", limits},
	{"3 to the hub", toHub},
	{"4 welcome and roster", rosters},
	{"4 signals", signals},
	{"5 sessions", sessions},
	{"5 takeover", takeovers},
	{"6 close codes", closeCodes},
	{"7 without WebSocket", withoutWebSocket},
	{"7 origins", origins},
	{"8 who may enter", whoMayEnter},
}

// Run holds the hub at a URL, such as https://example.org/prefix, to PROTOCOL.md. Rules run side by
// side, in rooms of their own. Nil options mean the defaults.
func Run(t *testing.T, hub string, o *Options) {
	s := newSuite(t, hub, o)
	for _, section := range sections {
		t.Run(section.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range section.rules {
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					s.run(t, r)
				})
			}
		})
	}
}

func newSuite(t *testing.T, hub string, o *Options) *suite {
	t.Helper()
	u, err := url.Parse(strings.TrimSuffix(hub, "/"))
	if err != nil || u.Host == "" {
		t.Fatalf("%q is no address of a hub; it should look like http://localhost:8080", hub)
	}
	s := &suite{hub: u, over: overWebSocket}
	if o != nil {
		s.options = *o
	}
	if s.options.Patience == 0 {
		s.options.Patience = defaultPatience
	}
	transport := &http.Transport{TLSClientConfig: s.options.TLSConfig, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Transport: transport}
	first := s.join(t, newRoom(), "first")
	s.known = first.welcome
	first.bye(websocket.CloseNormalClosure)
	return s
}

// run checks a rule over each transport that it is about.
func (s *suite) run(t *testing.T, r rule) {
	hasHTTP := slices.Contains(s.known.Features, "http")
	switch {
	case r.needs&needsTokens != 0 && s.options.Key == nil:
		t.Skip("the hub is open, or no key was given to sign tokens with")
	case r.needs&needsOpen != 0 && s.options.Key != nil:
		t.Skip("the hub asks for tokens")
	case r.needs&needsHTTP != 0 && !hasHTTP:
		t.Skip("the hub doesn't offer http")
	case r.needs&needsReport != 0 && !slices.Contains(s.known.Features, "report"):
		t.Skip("the hub doesn't ask for reports")
	case r.needs&(needsHTTP|needsWebSocket) != 0 || !hasHTTP:
		r.check(t, s)
		return
	}
	for _, over := range []string{overWebSocket, overHTTP} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			by := *s
			by.over = over
			r.check(t, &by)
		})
	}
}

// patience skips a rule that needs longer than it may wait. It returns the time after
// which what should come in d is overdue.
func (s *suite) patience(t *testing.T, what string, d time.Duration) time.Duration {
	t.Helper()
	d += 6 * time.Second // hubs look at their clocks now and then, and wait for closes
	if d > s.options.Patience {
		t.Skipf("%s takes %v here, and rules may wait for %v", what, d, s.options.Patience)
	}
	return d
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// newRoom draws a room's name that nobody else uses.
func newRoom() string { return "conformance-" + rand.Text() }

// url is that of a room, with more parts behind it.
func (s *suite) url(room string, more ...string) *url.URL {
	u := s.hub.JoinPath("v1", "rooms")
	path := append([]string{u.String(), room}, more...)
	out, err := url.Parse(strings.Join(path, "/"))
	if err != nil {
		panic("conformance: " + err.Error()) // a rule's own mistake
	}
	return out
}

// get asks for a URL.
func (s *suite) get(t *testing.T, u *url.URL, header http.Header) (*http.Response, message) {
	t.Helper()
	return s.request(t, http.MethodGet, u, header, "")
}

// request makes an HTTP request, and reads the answer's body if it is one message.
func (s *suite) request(t *testing.T, method string, u *url.URL, header http.Header, body string) (*http.Response, message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.options.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	answer, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := readLines(t, answer.Body)
	if len(lines) == 1 {
		return answer, lines[0]
	}
	return answer, message{}
}
