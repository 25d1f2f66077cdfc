package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

func TestRoomsArePaged(t *testing.T) {
	l := newLab(t)
	var want []string
	for n := range 25 {
		name := fmt.Sprintf("room-%02d", n)
		want = append(want, name)
		l.fill(name, 1)
	}
	var got []string
	var pages int
	for after := ""; ; pages++ {
		page := get[roomPage](l, "GET", "/v1/rooms?limit=10&after="+after, "")
		for _, room := range page.Rooms {
			got = append(got, room.Name)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, want) || pages != 2 {
		t.Errorf("after %d further pages: %v", pages, got)
	}
	if page := get[roomPage](l, "GET", "/v1/rooms?limit=25", ""); len(page.Rooms) != 25 || page.Next != "" {
		t.Errorf("a page that holds all has a next one: %+v", page)
	}
	if page := get[roomPage](l, "GET", "/v1/rooms", ""); len(page.Rooms) != 25 {
		t.Errorf("without a limit: %d rooms", len(page.Rooms))
	}
}

func TestAnEmptyHubHasAListOfRooms(t *testing.T) {
	if got := newLab(t).request("GET", "/v1/rooms", "").Body.String(); got != `{"rooms":[]}`+"\n" {
		t.Error(got)
	}
}

func TestOneRoom(t *testing.T) {
	l := newLab(t)
	l.fill("lobby", 3)
	l.hub.locked["lobby"] = true
	if got := get[signaling.RoomInfo](l, "GET", "/v1/rooms/lobby", ""); got != (signaling.RoomInfo{Name: "lobby", Members: 3, Locked: true, Bytes: 30}) {
		t.Errorf("%+v", got)
	}
	refused(t, l.request("GET", "/v1/rooms/attic", ""), http.StatusNotFound, "unknown")
	for _, bad := range []string{"a%20b", "a%2Fb", "r%C3%B6om", strings.Repeat("x", 129)} {
		refused(t, l.request("GET", "/v1/rooms/"+bad, ""), http.StatusBadRequest, "room")
	}
}

func TestMembersArePagedEvenWhenSomeLeave(t *testing.T) {
	l := newLab(t)
	ids := l.fill("lobby", 7)
	first := get[memberPage](l, "GET", "/v1/rooms/lobby/members?limit=3", "")
	l.hub.Kick("lobby", ids[2]) // the last one of that page
	second := get[memberPage](l, "GET", fmt.Sprintf("/v1/rooms/lobby/members?limit=3&after=%d", first.Next), "")
	third := get[memberPage](l, "GET", fmt.Sprintf("/v1/rooms/lobby/members?limit=3&after=%d", second.Next), "")
	var got []string
	for _, m := range slices.Concat(first.Members, second.Members, third.Members) {
		got = append(got, m.ID)
	}
	if !slices.Equal(got, ids) || third.Next != 0 {
		t.Errorf("got %v of %v, next %d", got, ids, third.Next)
	}
	refused(t, l.request("GET", "/v1/rooms/attic/members", ""), http.StatusNotFound, "unknown")
}

func TestAMemberHasAnAddressOnlyIfTheHubTellsIt(t *testing.T) {
	l := newLab(t)
	l.fill("lobby", 1)
	if got := l.request("GET", "/v1/rooms/lobby/members", "").Body.String(); strings.Contains(got, "address") {
		t.Error(got)
	}
	l.hub.rooms["lobby"][0].Address = "192.0.2.7"
	if got := l.request("GET", "/v1/rooms/lobby/members", "").Body.String(); strings.Count(got, `"address":"192.0.2.7"`) != 1 {
		t.Error(got)
	}
}

func TestKick(t *testing.T) {
	l := newLab(t)
	ids := l.fill("lobby", 2)
	if got := get[map[string]string](l, "POST", "/v1/rooms/lobby/members/"+ids[0]+"/kick", ""); got["holds"] != "session" || len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := get[map[string]string](l, "POST", "/v1/rooms/lobby/members/"+ids[0]+"/kick", "{}"); got["holds"] != "nothing" {
		t.Errorf("again: %v", got)
	}
	if left := l.hub.rooms["lobby"]; len(left) != 1 || left[0].ID != ids[1] {
		t.Errorf("%v are left", left)
	}
	refused(t, l.request("POST", "/v1/rooms/lobby/members/Ann/kick", ""), http.StatusBadRequest, "member")
	refused(t, l.request("POST", "/v1/rooms/lo%20bby/members/"+ids[1]+"/kick", ""), http.StatusBadRequest, "room")
	if log := l.log.String(); strings.Count(log, "an operator kicked a member") != 2 || !strings.Contains(log, "member="+ids[0]+" holds=session") {
		t.Errorf("the log says %s", log)
	}
}

func TestLockAndUnlock(t *testing.T) {
	l := newLab(t)
	l.fill("lobby", 1)
	for _, c := range []struct {
		path string
		want bool
	}{{"lock", true}, {"lock", true}, {"unlock", false}} {
		if got := get[map[string]bool](l, "POST", "/v1/rooms/lobby/"+c.path, ""); got["locked"] != c.want || l.hub.locked["lobby"] != c.want {
			t.Errorf("%s: %v, %v", c.path, got, l.hub.locked)
		}
	}
	refused(t, l.request("POST", "/v1/rooms/attic/lock", ""), http.StatusNotFound, "unknown")
}

func TestDrainAndUndrain(t *testing.T) {
	l := newLab(t)
	for body, want := range map[string]time.Duration{
		"": 30 * time.Second, "{}": 30 * time.Second, `{"over":"0s"}`: 0, `{"over":"1m30s"}`: 90 * time.Second, ` {"over":"1h"} `: time.Hour,
	} {
		if got := get[draining](l, "POST", "/v1/drain", body); !got.Draining || l.hub.drained != want {
			t.Errorf("%s: %v over %s", body, got, l.hub.drained)
		}
	}
	if got := get[draining](l, "POST", "/v1/undrain", ""); got.Draining || l.hub.stats.Draining {
		t.Error("it drains still")
	}
	for _, bad := range []string{
		`{"over":"-1s"}`, `{"over":"61m"}`, `{"over":"soon"}`, `{"over":""}`, `{"over":30}`, `{"Over":"30s"}`, `{"over":"1s","over":"2s"}`,
		`{"over":"1s","by":"2s"}`, `{"over":"30s"}{}`, `{"over":`, `[]`, `null`, `"30s"`, "{\"over\":\"\xff\"}",
	} {
		refused(t, l.request("POST", "/v1/drain", bad), http.StatusBadRequest, "malformed")
	}
	if l.hub.stats.Draining {
		t.Error("a malformed request drains the hub")
	}
}

func TestStats(t *testing.T) {
	l := newLab(t)
	l.hub.stats = signaling.Stats{Rooms: 1, Members: 2, NotRecovered: 3, Leaves: map[string]uint64{"bye": 4}}
	got := get[stats](l, "GET", "/v1/stats", "")
	if got.Rooms != 1 || got.Members != 2 || got.NotRecovered != 3 || got.Leaves["bye"] != 4 {
		t.Errorf("%+v", got)
	}
	raw := get[map[string]jsontext.Value](l, "GET", "/v1/stats", "")
	for name := range raw {
		if name[0] < 'a' {
			t.Errorf("%s has no name for JSON", name)
		}
	}
}

func TestWhatARequestMayNotBe(t *testing.T) {
	l := newLab(t)
	ids := l.fill("lobby", 1)
	kick := "/v1/rooms/lobby/members/" + ids[0] + "/kick"
	for _, c := range []struct {
		method, target, body string
		change               func(*http.Request)
		status               int
		code                 string
	}{
		{"GET", "/v1/rooms?limit=0", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?limit=1001", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?limit=ten", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?limit=", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?limits=10", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?limit=1&limit=2", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?limit=%zz", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms?after=a%20b", "", nil, 400, "room"},
		{"GET", "/v1/rooms/lobby?limit=1", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms/lobby/members?after=Ann", "", nil, 400, "malformed"},
		{"GET", "/v1/rooms/lobby/members?after=-1", "", nil, 400, "malformed"},
		{"GET", "/v1/stats?x", "", nil, 400, "malformed"},
		{"POST", kick + "?force=1", "", nil, 400, "malformed"},
		{"POST", kick, `{"reason":"spam"}`, nil, 400, "malformed"},
		{"POST", kick, `{}`, header("Content-Type", "application/x-www-form-urlencoded"), 415, "type"},
		{"POST", kick, `{}`, without("Content-Type"), 415, "type"},
		{"POST", "/v1/drain", `{"over":"30s"}`, header("Content-Type", "text/plain"), 415, "type"},
		{"POST", "/v1/drain", `{"over":"` + strings.Repeat("0", 4096) + `s"}`, nil, 413, "too-big"},
		{"GET", "/v1/nothing", "", nil, 404, "unknown"},
		{"GET", "/v1/rooms/", "", nil, 404, "unknown"},
		{"GET", "/v1/rooms/lobby/members/" + ids[0], "", nil, 404, "unknown"},
		{"GET", "/nothing", "", nil, 404, "unknown"},
		{"GET", "/", "", nil, 404, "unknown"},
	} {
		if c.change == nil {
			c.change = func(*http.Request) {}
		}
		w := l.request(c.method, c.target, c.body, c.change)
		t.Logf("%s %s %.40s: %s", c.method, c.target, c.body, refused(t, w, c.status, c.code))
	}
	if len(l.hub.rooms["lobby"]) != 1 || l.hub.stats.Draining {
		t.Error("what was refused was done")
	}
}

func TestABodyOfTheLargestSizeIsTaken(t *testing.T) {
	body := `{"over":"30s"}`
	body += strings.Repeat(" ", maxBody-len(body))
	get[draining](newLab(t), "POST", "/v1/drain", body)
}

func TestOtherMethodsAreToldWhichFit(t *testing.T) {
	l := newLab(t)
	for path, allow := range map[string]string{
		"/livez": "GET, HEAD", "/readyz": "GET, HEAD", "/metrics": "GET, HEAD", "/debug/pprof/": "GET, HEAD", "/v1/stats": "GET, HEAD", "/v1/rooms": "GET, HEAD",
		"/v1/rooms/lobby": "GET, HEAD", "/v1/rooms/lobby/members": "GET, HEAD", "/v1/rooms/lobby/lock": "POST", "/v1/rooms/lobby/unlock": "POST",
		"/v1/rooms/lobby/members/x/kick": "POST", "/v1/drain": "POST", "/v1/undrain": "POST",
	} {
		for _, method := range []string{"DELETE", "PUT", "OPTIONS", "GET", "POST"} {
			if strings.Contains(allow, method) {
				continue
			}
			w := l.request(method, path, "")
			refused(t, w, http.StatusMethodNotAllowed, "method")
			if got := w.Header().Get("Allow"); got != allow {
				t.Errorf("%s %s allows %q", method, path, got)
			}
		}
	}
	if w := l.request("HEAD", "/v1/stats", ""); w.Code != http.StatusOK {
		t.Errorf("HEAD: %d", w.Code)
	}
}
