package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

var _ Hub = (*signaling.Hub)(nil)

// realLab is the handler over a real hub, and where clients reach that.
func realLab(t *testing.T, o signaling.Options) (*lab, signaling.Invite) {
	hub := signaling.NewHub(&o)
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		hub.Shutdown(t.Context())
		server.Close()
	})
	l := newLab(t)
	l.hub = nil
	l.handler = New(hub, Options{Token: func() (string, error) { return secretToken, nil }, Version: "1.2.3"})
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return l, signaling.Invite{Hub: u, Room: "lobby"}
}

func join(t *testing.T, to signaling.Invite, name string) *signaling.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := signaling.Dial(ctx, to, signaling.Hello{Secret: signaling.NewSecret(), Name: name, Kind: "go"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// endOf reads until the hub says why it ended the connection.
func endOf(t *testing.T, c *signaling.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := c.Receive(ctx)
		var e *signaling.Error
		if errors.As(err, &e) {
			return e.Code
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRealHubIsSeenAndObeys(t *testing.T) {
	l, to := realLab(t, signaling.Options{})
	ann, bob := join(t, to, "Ann"), join(t, to, "Bob")
	attic := to
	attic.Room = "attic"
	join(t, attic, "Cem")

	page := get[roomPage](l, "GET", "/v1/rooms?limit=1", "")
	rest := get[roomPage](l, "GET", "/v1/rooms?limit=1&after="+page.Next, "")
	if page.Rooms[0].Name != "attic" || rest.Rooms[0] != get[signaling.RoomInfo](l, "GET", "/v1/rooms/lobby", "") || rest.Rooms[0].Members != 2 || rest.Next != "" {
		t.Errorf("%+v, then %+v", page, rest)
	}
	first := get[memberPage](l, "GET", "/v1/rooms/lobby/members?limit=1", "")
	if m := first.Members[0]; m.ID != ann.Welcome().You || m.Name != "Ann" || m.Transport != "websocket" || m.Address != "" || time.Since(m.Since) > time.Minute || first.Next == 0 {
		t.Errorf("%+v", first)
	}

	get[map[string]bool](l, "POST", "/v1/rooms/lobby/lock", "")
	if !get[signaling.RoomInfo](l, "GET", "/v1/rooms/lobby", "").Locked {
		t.Error("the room isn't locked")
	}
	get[map[string]bool](l, "POST", "/v1/rooms/lobby/unlock", "")
	if got := get[map[string]string](l, "POST", "/v1/rooms/lobby/members/"+bob.Welcome().You+"/kick", ""); got["holds"] != "session" {
		t.Errorf("%v", got)
	}
	if code := endOf(t, bob); code != "kicked" {
		t.Errorf("Bob was told %s", code)
	}

	get[draining](l, "POST", "/v1/drain", `{"over":"0s"}`)
	if w := l.request("GET", "/readyz", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready while draining: %d", w.Code)
	}
	if code := endOf(t, ann); code != "going-away" {
		t.Errorf("Ann was told %s", code)
	}
	get[draining](l, "POST", "/v1/undrain", "")
	if w := l.request("GET", "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("not ready after all: %d", w.Code)
	}
	join(t, to, "Dan")

	got := get[stats](l, "GET", "/v1/stats", "")
	if got.Joins != 4 || got.Leaves["kicked"] != 1 || got.Refusals["kicked"] != 1 || got.Draining {
		t.Errorf("%+v", got)
	}
	metrics := l.request("GET", "/metrics", "").Body.String()
	for _, want := range []string{"snug_joins_total 4", `snug_leaves_total{reason="kicked"} 1`, `snug_messages_total{type="hello"} 4`, `snug_messages_total{type="other"} 0`, `snug_refusals_total{code="other"} 0`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for _, name := range []string{"lobby", "attic", "Ann", ann.Welcome().You} {
		if strings.Contains(metrics, name) {
			t.Errorf("%s stands in the metrics", name)
		}
	}
}

func TestRealHubTellsAddressesIfItIsConfiguredTo(t *testing.T) {
	l, to := realLab(t, signaling.Options{LogAddresses: true})
	join(t, to, "Ann")
	if got := get[memberPage](l, "GET", "/v1/rooms/lobby/members", ""); got.Members[0].Address != "127.0.0.1" {
		t.Errorf("%+v", got)
	}
}

// Each word that the metrics know is one that the hub counts by, and the other way round.
func TestRealHubCountsReportsByTheWordsOfTheMetrics(t *testing.T) {
	l, to := realLab(t, signaling.Options{})
	ann := join(t, to, "Ann")
	for _, outcome := range linkFailures {
		ann.Send(t.Context(), signaling.Report{Outcome: outcome, Family: "go"})
	}
	for _, path := range linkPaths {
		ann.Send(t.Context(), signaling.Report{Outcome: opened, Path: path, Time: 80 * time.Millisecond, Family: "webkit"})
	}
	for _, family := range linkFamilies {
		ann.Send(t.Context(), signaling.Report{Outcome: "timeout", Family: family})
	}
	ann.Ping(t.Context())
	for {
		m, err := ann.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := m.(signaling.Pong); ok {
			break
		}
	}
	metrics := l.request("GET", "/metrics", "").Body.String()
	var want []string
	for _, outcome := range linkFailures {
		n := map[bool]string{true: "2", false: "1"}[outcome == "timeout"]
		want = append(want, `snug_links_total{family="go",outcome="`+outcome+`",path=""} `+n)
	}
	for _, path := range linkPaths {
		want = append(want, `snug_links_total{family="webkit",outcome="opened",path="`+path+`"} 1`,
			`snug_link_open_seconds_bucket{path="`+path+`",le="0.05"} 0`, `snug_link_open_seconds_bucket{path="`+path+`",le="0.1"} 1`)
	}
	for _, family := range linkFamilies {
		if family != "go" {
			want = append(want, `snug_links_total{family="`+family+`",outcome="timeout",path=""} 1`)
		}
	}
	for _, line := range want {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
}
