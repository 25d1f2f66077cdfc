package signaling

import (
	"os"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TestGoldenRosters applies the changes that TypeScript's tests apply, too.
func TestGoldenRosters(t *testing.T) {
	data, err := os.ReadFile("testdata/rosters.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Cases []struct {
			Name               string
			Roster, After      Roster
			Change             jsontext.Value
			Left, Joined, Away []string
		}
	}
	if err := json.Unmarshal(data, &f, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) == 0 {
		t.Fatal("there is no case")
	}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			m, err := decodeFromHub(c.Change)
			if err != nil {
				t.Fatal(err)
			}
			did := c.Roster.Apply(m.(RosterChange))
			if !reflect.DeepEqual(c.Roster, c.After) {
				t.Errorf("got  %+v\nwant %+v", c.Roster, c.After)
			}
			left, joined, away := []string{}, []string{}, []string{}
			for _, d := range did.Left {
				left = append(left, d.ID)
			}
			for _, m := range did.Joined {
				joined = append(joined, m.ID)
			}
			for _, p := range did.Away {
				away = append(away, p.ID)
			}
			if got, want := [][]string{left, joined, away}, [][]string{c.Left, c.Joined, c.Away}; !reflect.DeepEqual(got, want) {
				t.Errorf("who left, joined, moved: %v, want %v", got, want)
			}
		})
	}
}
