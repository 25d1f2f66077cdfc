//go:build mesh

package peer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	meshRounds  = 25
	meshMembers = 16
)

// TestMesh has sixteen members join a room at the same instant: each pair gets one link,
// without a warning of ours or Pion's, and the first message of each direction arrives.
func TestMesh(t *testing.T) {
	for range meshRounds {
		t.Run("round", meshRound)
	}
}

func meshRound(t *testing.T) {
	h := newTestHub(t)
	var logs warnings
	rooms := make([]*Room, meshMembers)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range rooms {
		all.Go(func() {
			<-start
			var err error
			rooms[i], err = Join(t.Context(), h.invite, &Options{Name: fmt.Sprint(i), Logger: slog.New(&logs)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	began := time.Now()
	close(start)
	all.Wait()
	for _, r := range rooms {
		all.Go(func() { meshMember(t, r) })
	}
	all.Wait()
	t.Logf("%d links open after %v", meshMembers*(meshMembers-1)/2, time.Since(began).Round(time.Millisecond))
	for _, warning := range logs.take() {
		t.Errorf("logged: %s", warning)
	}
	for _, r := range rooms {
		all.Go(func() { meshClose(t, r) })
	}
	all.Wait()
}

// meshMember greets every other member on its own link as soon as it is known, and is
// greeted by each once.
func meshMember(t *testing.T, r *Room) {
	if r == nil {
		return // told already
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var greeting sync.WaitGroup
	defer greeting.Wait()
	greeting.Go(func() {
		joined := 0
		for e := range r.Events(ctx) {
			if e.Type == MemberLeft || e.Member.State == LinkGone {
				t.Errorf("%s: %s %s %v", r.Self().Name, e.Member.Name, e.Type, e.Err)
			}
			if e.Type != MemberJoined {
				continue
			}
			greeting.Go(func() {
				if err := r.Link(e.Member.ID).Send(ctx, Text(r.Self().Name+" greets "+e.Member.Name)); err != nil {
					t.Error(err)
				}
			})
			if joined++; joined == meshMembers-1 {
				return
			}
		}
	})
	from := map[string]bool{}
	for len(from) < meshMembers-1 {
		m, err := r.Receive(ctx)
		if err != nil {
			t.Errorf("%s was greeted by %d members: %v", r.Self().Name, len(from), err)
			return
		}
		if want := m.From.Name + " greets " + r.Self().Name; string(m.Data) != want || from[m.From.ID] {
			t.Errorf("%s got %q, want %q, once", r.Self().Name, m.Data, want)
		}
		from[m.From.ID] = true
	}
	until(t, r, live(meshMembers-1))
}

// meshClose also looks how many offers each link took: one.
func meshClose(t *testing.T, r *Room) {
	if r == nil {
		return
	}
	links := slices.Collect(r.Links())
	r.Close(context.Background())
	for _, l := range links {
		if l.machine.n != 1 {
			t.Errorf("%s's link to %s took %d offers", r.Self().Name, l.Member().Name, l.machine.n)
		}
	}
}

// warnings is a slog.Handler that keeps every warning, and what Pion finds worth a
// mention about negotiating.
type warnings struct {
	mu   sync.Mutex
	kept []string
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept
}

func (w *warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, r.Message)
	return nil
}

// WithAttrs is called for each part of Pion. Only that which negotiates is listened to: the others
// mention what is usual on a busy machine, such as answers to checks that were repeated.
func (w *warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) != 1 || attrs[0].Key != "pion" {
		return w
	}
	if attrs[0].Value.String() != "pc" {
		return slog.DiscardHandler
	}
	return pionWarnings{w}
}

func (w *warnings) WithGroup(string) slog.Handler { return w }

// pionWarnings are Pion's, which come at the level of information.
type pionWarnings struct{ *warnings }

func (w pionWarnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
