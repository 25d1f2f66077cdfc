package admin

import (
	"strings"
	"testing"

	"github.com/snug-chat/snug/internal/turn"
)

func TestMetricsAreTheTURNServersStats(t *testing.T) {
	l := newLab(t)
	l.handler = New(l.hub, Options{TURN: func() turn.Stats {
		return turn.Stats{Allocations: 1, AllocationsTotal: 2, BytesSent: 3, BytesReceived: 4, Refused: map[string]uint64{turn.RefusedAddress: 5, "lobby": 6}}
	}})
	text := l.request("GET", "/metrics", "", without("Authorization")).Body.String()
	for _, want := range []string{
		"snug_turn_allocations 1", "snug_turn_allocations_total 2", `snug_turn_bytes_total{direction="sent"} 3`, `snug_turn_bytes_total{direction="received"} 4`,
		`snug_turn_refusals_total{reason="address"} 5`, `snug_turn_refusals_total{reason="tcp"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(text, "lobby") {
		t.Error("a reason that there isn't makes a series")
	}
}

// The docs hold each reason.
func TestDocumentationListsEveryReason(t *testing.T) {
	text := readFile(t, "../../docs/turn.md")
	for _, reason := range turn.Reasons {
		if !strings.Contains(text, "| `"+reason+"` | ") {
			t.Errorf("docs/turn.md doesn't list %s", reason)
		}
	}
}
