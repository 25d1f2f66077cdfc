package signaling

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// golden is one case of a file in testdata, which TypeScript's tests read too.
type golden struct {
	Name  string         `json:"name"`
	Text  string         `json:"text"`
	Value jsontext.Value `json:"value"`
	Error string         `json:"error"`
	ID    string         `json:"id"`
}

func goldens(t testing.TB, file string) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Cases []golden `json:"cases"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) == 0 {
		t.Fatalf("%s holds no case", file)
	}
	return f.Cases
}

func TestGoldenMessagesToHub(t *testing.T) {
	for _, c := range goldens(t, "to-hub.json") {
		t.Run(c.Name, func(t *testing.T) {
			m, refusal := decodeToHub([]byte(c.Text))
			if c.Error != "" {
				if refusal == nil || refusal.Code != c.Error {
					t.Fatalf("got %#v, %v; want the error %s", m, refusal, c.Error)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			if hello, ok := m.(Hello); ok && hello.Secret.MemberID() != c.ID {
				t.Errorf("member id %s, want %s", hello.Secret.MemberID(), c.ID)
			}
			sameJSON(t, m, c)
		})
	}
}

func TestGoldenMessagesFromHub(t *testing.T) {
	for _, c := range goldens(t, "from-hub.json") {
		t.Run(c.Name, func(t *testing.T) {
			m, err := decodeFromHub([]byte(c.Text))
			if c.Error != "" {
				if err == nil {
					t.Fatalf("got %#v, want an error", m)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, m, c)
		})
	}
}

// sameJSON fails unless m encodes to the case's value. Empty lists and zero
// numbers may be missing.
func sameJSON(t *testing.T, m Message, c golden) {
	t.Helper()
	want := c.Value
	if want == nil {
		want = jsontext.Value(c.Text)
	}
	got, err := encode(m)
	if err != nil {
		t.Fatal(err)
	}
	var g, w map[string]any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	w["type"] = g["type"]
	for name, value := range w {
		if list, ok := value.([]any); ok && len(list) == 0 && g[name] == nil {
			delete(w, name)
		}
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRosterChangeMayComeTwice(t *testing.T) {
	r := Roster{Epoch: "e", N: 2, Members: []Member{{ID: "a", Joined: 1}, {ID: "b", Joined: 2}}}
	c := RosterChange{
		Epoch: "e", N: 5,
		Left:   []Departure{{ID: "a", Reason: ReasonBye, N: 3}},
		Joined: []Member{{ID: "b", Joined: 2}, {ID: "a", Joined: 4}, {ID: "c", Joined: 5}},
		Away:   []Presence{{ID: "b", Away: true, N: 2}, {ID: "c", Away: true, N: 6}},
		Locked: new(bool),
	}
	*c.Locked, c.N = true, 6
	did := r.Apply(c)
	if len(did.Left) != 1 || len(did.Joined) != 2 || len(did.Away) != 1 || !did.Locked {
		t.Errorf("changed %+v; want a left, a and c joined, c away, locked", did)
	}
	if did = r.Apply(c); !reflect.DeepEqual(did, Changes{}) {
		t.Errorf("the second time changed %+v", did)
	}
	var ids []string
	for _, m := range r.Members {
		ids = append(ids, m.ID)
	}
	if got := strings.Join(ids, " "); got != "b a c" || r.N != 6 {
		t.Errorf("roster %s at %d, want b a c at 6", got, r.N)
	}
	if did := r.Apply(RosterChange{Epoch: "other", N: 9, Left: c.Left}); !reflect.DeepEqual(did, Changes{}) || r.N != 6 {
		t.Error("a change of another epoch changed something")
	}
}

func TestInvites(t *testing.T) {
	for text, want := range map[string]string{
		"http://localhost:8080/r/lobby":                                                 "http://localhost:8080/r/lobby",
		" https://example.org/r/a.b~c-d_e\n":                                            "https://example.org/r/a.b~c-d_e",
		"https://example.org/chat/r/lobby?x=1":                                          "https://example.org/chat/r/lobby",
		"https://example.org/chat/r/~x?x=1#KnzdhQ6NS79-S0-DenF82HpppsLDEgBBws95Nnz4EYg": "https://example.org/chat/r/~x#KnzdhQ6NS79-S0-DenF82HpppsLDEgBBws95Nnz4EYg",
		"http://localhost:8080/r/lobby#":                                                "http://localhost:8080/r/lobby",
		"http://localhost:8080/r/lobby#k":                                               "",
		"http://localhost:8080/r/~x#KnzdhQ6NS79-S0-DenF82HpppsLDEgBBws95Nnz4EYh":        "",
		"https://example.org/r/r/lobby":                                                 "https://example.org/r/r/lobby",
		"http://[::1]:8080/r/1":                                                         "http://[::1]:8080/r/1",
		"http://localhost:8080/":                                                        "",
		"http://localhost:8080/r/":                                                      "",
		"http://localhost:8080/r/a/b":                                                   "",
		"http://localhost:8080/r/..":                                                    "",
		"http://localhost:8080/r/caf%C3%A9":                                             "",
		"lobby":                                                                         "",
		"ftp://example.org/r/lobby":                                                     "",
		"http://exa mple.org/r/lobby":                                                   "",
		"":                                                                              "",
		"http://x/r/" + strings.Repeat("a", 129):                                        "",
		"http://x/r/" + strings.Repeat("a", 9000):                                       "",
	} {
		got, err := ParseInvite(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("ParseInvite(%q) = %v, want an error", text, got)
		case err != nil && strings.Contains(err.Error(), "KnzdhQ6N"):
			t.Errorf("ParseInvite(%q) tells the key: %v", text, err)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("ParseInvite(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestNewRoomNamesAreNewAndFine(t *testing.T) {
	a, b := NewRoomName(), NewRoomName()
	if a == b || CheckRoom(a) != nil || len(a) != 14 {
		t.Errorf("%s, %s: %v", a, b, CheckRoom(a))
	}
}
