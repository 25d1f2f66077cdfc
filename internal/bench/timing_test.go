package bench

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSignalsAreDueAtAConstantRate(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := schedule{start, 2000}
	for i, want := range map[int]time.Duration{0: 0, 1: 500 * time.Microsecond, 2000: time.Second, 7_200_000: time.Hour} {
		if got := s.due(i).Sub(start); got != want {
			t.Errorf("signal %d is due after %v, want %v", i, got, want)
		}
	}
	// What can't be divided doesn't add up to a drift.
	if got := (schedule{start, 3}).due(3 * 86400).Sub(start); got != 24*time.Hour {
		t.Errorf("a day's last signal is due after %v", got)
	}
}

func TestPercentilesAreThoseOfAllValues(t *testing.T) {
	all := newTiming(10_000)
	for i := range 10_000 {
		all.arrived(time.Duration(i+1) * time.Microsecond)
	}
	select {
	case <-all.done:
	default:
		t.Error("all have come, and that isn't told")
	}
	for percent, want := range map[float64]float64{50: 5e6, 99: 9.9e6, 99.9: 9.99e6, 100: 10e6} {
		if got := all.latency(percent); got < want || got > want*1.001 {
			t.Errorf("p%v is %v, want %v", percent, got, want)
		}
	}
}

func TestLatencyBeyondTheLongestIsCounted(t *testing.T) {
	one := newTiming(1)
	one.arrived(time.Hour)
	if got := one.latency(50); got < 0.99*float64(longestLatency) {
		t.Errorf("an hour counts as %v ns", got)
	}
}

// A server that stops for a while makes all late that are due meanwhile, though
// the load can't send them: a load that waits would find one.
func TestServerThatStopsMakesAllLateThatAreDueMeanwhile(t *testing.T) {
	handler, _ := serveTuned()
	relay := handler.(*tunedRelay)
	server := httptest.NewServer(relay)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	c := newCrowd(&site{dialect: relayDialect{}, address: address, host: address})
	defer c.close()
	if err := c.join(t.Context(), 2, 2); err != nil {
		t.Fatal(err)
	}
	c.pair()
	const stopped, rate = 400 * time.Millisecond, 500
	started := make(chan struct{})
	go func() {
		relay.mu.Lock()
		close(started)
		time.AfterFunc(stopped, relay.mu.Unlock)
	}()
	<-started
	measured, err := c.talk(t.Context(), c.members, rate, 2*stopped)
	if err != nil {
		t.Fatal(err)
	}
	// Half of all were due while it stopped; of them, half for more than half of that time.
	if got := time.Duration(measured.latency(80)); got < stopped/4 {
		t.Errorf("p80 is %v, though a server stopped for %v of %v", got, stopped, 2*stopped)
	}
}

func TestSignalsThatAreLostAreNoSuccess(t *testing.T) {
	lost := newTiming(3)
	lost.arrived(time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := lost.wait(ctx, &crowd{failed: make(chan struct{})})
	if err == nil || !strings.Contains(err.Error(), "1 of 3 signals came") {
		t.Error(err)
	}
}
