package peer

import "testing"

func TestGoldenPaths(t *testing.T) {
	type pathCase struct {
		Name   string  `json:"name"`
		Local  pathEnd `json:"local"`
		Remote pathEnd `json:"remote"`
		Leg    Path    `json:"leg"`
		A      Path    `json:"a"`
		B      Path    `json:"b"`
		Worse  Path    `json:"worse"`
	}
	for _, c := range goldens[pathCase](t, "paths.json") {
		if c.Worse != "" {
			if got, again := worse(c.A, c.B), worse(c.B, c.A); got != c.Worse || again != c.Worse {
				t.Errorf("%s: got %s and %s, want %s", c.Name, got, again, c.Worse)
			}
			continue
		}
		if got := legOf(c.Local, c.Remote); got != c.Leg {
			t.Errorf("%s: got %s, want %s", c.Name, got, c.Leg)
		}
	}
}
