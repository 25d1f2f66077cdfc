package admin

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// Each curl of docs/admin.md is run as it stands there, by a shell.
func TestExamplesOfTheDocumentationWork(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	l := newLab(t)
	l.hub.rooms["lobby"] = []signaling.MemberInfo{{Member: signaling.Member{ID: "q83vASNFZ4mrze8BI0VniQ", Name: "Ann", Kind: "browser", Meta: jsontext.Value("{}"), Joined: 7}}}
	server := httptest.NewServer(l.handler)
	defer server.Close()
	dir := t.TempDir()
	examples := regexp.MustCompile(`(?m)^curl .*$`).FindAllString(readFile(t, "../../docs/admin.md"), -1)
	if len(examples) < 11 {
		t.Errorf("there are only %d examples", len(examples))
	}
	for _, example := range examples {
		c := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(example, "curl", "curl --fail-with-body", 1))
		c.Dir = dir
		c.Env = append(os.Environ(), "ADMIN="+server.URL, "TOKEN="+secretToken)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v: %s", example, err, out)
		}
		if !strings.Contains(example, " -o ") && !jsontext.Value(out).IsValid() {
			t.Errorf("%s\n%s", example, out)
		}
	}
	for _, profile := range []string{"heap.pprof", "cpu.pprof"} {
		if info, err := os.Stat(filepath.Join(dir, profile)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", profile, err)
		}
	}
}

// The answers that the documentation shows have the members that answers have.
func TestAnswersLookLikeTheDocumentation(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(readFile(t, "../../docs/admin.md"), -1)
	var rooms roomPage
	var members memberPage
	var kicked struct {
		Holds signaling.Holds `json:"holds"`
	}
	var refusal struct {
		Error fault `json:"error"`
	}
	shown := []any{&rooms, &members, &kicked, &refusal}
	if len(blocks) != len(shown) {
		t.Fatalf("%d answers are shown, not %d", len(blocks), len(shown))
	}
	for n, v := range shown {
		if err := json.Unmarshal([]byte(blocks[n][1]), v, json.RejectUnknownMembers(true)); err != nil {
			t.Errorf("%s: %v", blocks[n][1], err)
		}
	}
	for n, v := range shown[:3] {
		again, err := json.Marshal(v)
		if err != nil || string(again)+"\n" != blocks[n][1] {
			t.Errorf("shown %sthere %s, %v", blocks[n][1], again, err)
		}
	}
	if want := noRoom("attic"); refusal.Error.Code != want.Code || refusal.Error.Message != want.Message {
		t.Errorf("shown %+v, there %+v", refusal.Error, want)
	}
}
