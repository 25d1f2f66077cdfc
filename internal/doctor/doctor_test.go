package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/signaling"
)

func TestNothingIsFoundOnASoundHub(t *testing.T) {
	t.Parallel()
	l := (&lab{name: here}).start(t)
	r := l.run(t, Options{Idle: 20 * time.Second})
	finds(t, r, found{})
	if !r.OK || r.Summary() != "Everything that could be tried is fine." {
		t.Errorf("it sums up: %s", r.Summary())
	}
	for _, id := range []string{"hub", "https", "clock", "websocket", "http", "join", "stun", "turn", "turn-udp", "turn-tcp", "turn-tls", "range", "firewall", "idle"} {
		if r.kind(id) != "ok" {
			t.Errorf("%s: %q", id, r.kind(id))
		}
	}
	if r.kind("nat") != "open" {
		t.Errorf("NAT: %q", r.kind("nat"))
	}
	var ids []string
	for _, one := range r.Results {
		ids = append(ids, one.ID)
	}
	if !slices.Equal(ids, Checks()) {
		t.Errorf("checks %v", ids)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lab     lab
		trusted bool
		want    found
	}{
		"expired":    {lab{name: here, until: time.Now().Add(-time.Hour)}, true, found{"https": "expired", "turn-tls": "certificate"}},
		"other name": {lab{name: "elsewhere.example"}, true, found{"https": "name", "turn-tls": "certificate"}},
		"near":       {lab{name: here, until: time.Now().Add(10 * 24 * time.Hour)}, true, found{"https": "near"}},
		"no issuer":  {lab{name: here}, false, found{"https": "chain", "turn-tls": "certificate"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := c.lab.start(t)
			if !c.trusted {
				l.roots = (&lab{name: here, until: time.Now().Add(time.Hour)}).strangers(t)
			}
			finds(t, l.run(t, Options{}), c.want)
		})
	}
}

func TestClockThatIsOff(t *testing.T) {
	t.Parallel()
	l := (&lab{}).start(t)
	for by, want := range map[time.Duration]string{time.Hour: "ahead", -time.Hour: "behind"} {
		finds(t, l.run(t, Options{Now: func() time.Time { return time.Now().Add(by) }}), found{"clock": want})
	}
}

func TestTURNPortIsClosed(t *testing.T) {
	t.Parallel()
	for i, want := range []found{{"turn-udp": "closed"}, {"turn-tcp": "closed"}, {"turn-tls": "closed"}} {
		l := (&lab{}).start(t)
		l.ice[1].URLs[i] = []string{"turn:" + here + ":9", "turn:" + here + ":9?transport=tcp", "turns:" + here + ":9"}[i]
		finds(t, l.run(t, Options{}), want)
	}
}

func TestUDPIsSwallowed(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp4", here+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := (&lab{}).start(t)
	l.ice[0].URLs[0] = "stun:" + silent.LocalAddr().String()
	l.ice[1].URLs[0] = "turn:" + silent.LocalAddr().String()
	finds(t, l.run(t, Options{Timeout: brief}), found{"stun": "silent", "turn-udp": "silent", "firewall": "udp"})
	l.ice = []signaling.ICEServer{{URLs: l.ice[1].URLs[:1], Username: "member", Credential: secret}}
	finds(t, l.run(t, Options{Timeout: brief}), found{"stun": "silent", "turn-udp": "silent", "firewall": "dead"})
}

func TestOneOfTwoTURNServersIsClosed(t *testing.T) {
	t.Parallel()
	l := (&lab{}).start(t)
	l.ice[1].URLs = append(l.ice[1].URLs, "turns:"+here+":9", "turn:"+here+":9")
	finds(t, l.run(t, Options{}), found{"turn-tls": "partly", "turn-udp": "partly"})
}

func TestTURNServerThatNeverAnswersOverTCP(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp4", here+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := (&lab{}).start(t)
	l.ice[1].URLs[1] = "turn:" + silent.Addr().String() + "?transport=tcp"
	l.ice[1].URLs[2] = "turns:" + silent.Addr().String()
	finds(t, l.run(t, Options{Timeout: brief}), found{"turn-tcp": "silent", "turn-tls": "silent"})
}

func TestWrongPublicAddress(t *testing.T) {
	t.Parallel()
	l := (&lab{turn: turnOptions{relay: "198.51.100.7"}}).start(t)
	finds(t, l.run(t, Options{}), found{
		"turn-udp": "lost", "turn-tcp": "lost", "turn-tls": "lost", "range": "address", "server-address": "wrong",
	})
}

func TestWrongSecret(t *testing.T) {
	t.Parallel()
	l := (&lab{turn: turnOptions{password: "another"}}).start(t)
	finds(t, l.run(t, Options{}), found{"turn-udp": "credentials", "turn-tcp": "credentials", "turn-tls": "credentials"})
}

func TestNoTURNIsOffered(t *testing.T) {
	t.Parallel()
	l := (&lab{none: true}).start(t)
	r := l.run(t, Options{})
	finds(t, r, found{"stun": "none", "turn": "local"})
	if !r.OK {
		t.Error("on one machine nobody misses it")
	}
}

// proxied puts a proxy before the hub that changes what it passes.
func proxied(change func(http.ResponseWriter, *http.Request) (passes bool)) func(http.Handler) http.Handler {
	return func(hub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if change(w, r) {
				hub.ServeHTTP(w, r)
			}
		})
	}
}

func TestProxyWithoutUpgrade(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"forgets the header": func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Upgrade")
			r.Header.Del("Connection")
			return true
		},
		"forbids": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Upgrade") != "" {
				http.Error(w, "Forbidden", http.StatusForbidden)
				return false
			}
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := (&lab{between: proxied(change)}).start(t)
			finds(t, l.run(t, Options{}), found{"websocket": "upgrade"})
		})
	}
}

func TestFallbackIsBlocked(t *testing.T) {
	t.Parallel()
	l := (&lab{between: proxied(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		}
		return r.Method != http.MethodPost
	})}).start(t)
	finds(t, l.run(t, Options{}), found{"http": "failed"})
}

func TestNobodyGetsIn(t *testing.T) {
	t.Parallel()
	l := (&lab{between: proxied(func(w http.ResponseWriter, r *http.Request) bool {
		bad := r.Method == http.MethodPost || r.Header.Get("Upgrade") != ""
		if bad {
			http.Error(w, "Forbidden", http.StatusForbidden)
		}
		return !bad
	})}).start(t)
	finds(t, l.run(t, Options{}), found{"websocket": "upgrade", "http": "failed", "join": "failed"})
}

func TestWhatIsNoHub(t *testing.T) {
	t.Parallel()
	page := func(status int, header ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		})
	}
	nobody := httptest.NewServer(page(0))
	nobody.Close()
	dead := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		u, _ := url.Parse(nobody.URL)
		r.SetURL(u)
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	for want, server := range map[string]*httptest.Server{
		"other": httptest.NewServer(page(200)), "redirect": httptest.NewServer(page(308, "Location", "https://hub.example/")),
		"behind": httptest.NewServer(dead), "refused": nobody,
	} {
		u, _ := url.Parse(server.URL)
		finds(t, Run(t.Context(), Target{Hub: u}, Options{Timeout: patience}), found{"hub": want})
		server.Close()
	}
	u, _ := url.Parse("http://no-such-host.invalid")
	finds(t, Run(t.Context(), Target{Hub: u}, Options{Timeout: patience}), found{"hub": "name"})
}

func TestHubThatIsCalledSomethingElse(t *testing.T) {
	t.Parallel()
	l := (&lab{hub: signaling.Options{Hosts: []string{"hub.example"}}, between: proxied(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Host = "other.example"
		return true
	})}).start(t)
	finds(t, l.run(t, Options{}), found{"hub": "host"})
}

func TestOtherScheme(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]string{"https": "tls", "http": "plain"} {
		l := &lab{}
		if scheme == "http" {
			l.name = here
		}
		l.start(t)
		l.target.Hub.Scheme = scheme
		finds(t, l.run(t, Options{}), found{"hub": want})
	}
}

func TestFilesThatMayBeOpen(t *testing.T) {
	t.Parallel()
	l := (&lab{}).start(t)
	c := config.Default()
	c.Listen, c.Limits.Connections = l.target.Hub.Host, 1<<30
	finds(t, l.run(t, Options{Config: c}), found{"server-files": "low"})
}

func TestEndOfContextEndsIt(t *testing.T) {
	t.Parallel()
	l := (&lab{hub: signaling.Options{PingInterval: time.Minute}}).start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{Timeout: time.Minute, Idle: time.Minute, TLS: &tls.Config{RootCAs: l.roots}, Progress: func(r Result) {
		if r.ID == "join" {
			cancel()
		}
	}}
	if r := Run(ctx, l.target, o); r.kind("idle") != "skipped" {
		t.Errorf("silence: %q", r.kind("idle"))
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://hub.example": "https://hub.example ", "https://hub.example/": "https://hub.example ", "http://hub.example:8080/snug/": "http://hub.example:8080/snug ",
		"https://hub.example/snug/r/lobby": "https://hub.example/snug lobby", "https://hub.example/r/~x#damaged": "https://hub.example ~x", "hub.example": "", "ftp://hub.example": "", "https://": "", "": "",
	} {
		got, err := ParseTarget(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is taken", text)
		case want != "" && (err != nil || got.Hub.String()+" "+got.Room != want):
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}
