package signaling

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsKeptOutStaysOutForTheLongerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h held
		h.add("lobby", "token", time.Now().Add(time.Hour))
		h.add("lobby", "token", time.Now().Add(time.Minute)) // another session's, of a token with the same id
		time.Sleep(time.Hour - time.Second)                  // in virtual time
		if !h.has("lobby", "token") || h.has("board", "token") {
			t.Error("it is let in early, or kept out elsewhere")
		}
		time.Sleep(2 * time.Second)
		if h.has("lobby", "token") {
			t.Error("it is kept out for good")
		}
		if h.check(time.Now()); h.entries != 0 || len(h.rooms) != 0 || len(h.largest) != 0 {
			t.Errorf("what is over is kept: %+v", &h)
		}
	})
}

// Who kicks without an end in one room brings nobody back in another.
func TestAFullListOfKicksTakesFromTheRoomThatHasMost(t *testing.T) {
	h := held{most: 100}
	later := func(minutes int) time.Time { return time.Now().Add(time.Duration(minutes) * time.Minute) }
	for i := range 20 {
		h.add("quiet", fmt.Sprint(i), later(1+i))
	}
	for i := range 1000 {
		h.add("loud", fmt.Sprint(i), later(10_000-i))
	}
	if h.entries != 100 || len(h.rooms["quiet"].entries) != 20 || len(h.rooms["loud"].entries) != 80 {
		t.Errorf("%d are kept out, %d of the quiet room", h.entries, len(h.rooms["quiet"].entries))
	}
	for i := range 20 {
		if !h.has("quiet", fmt.Sprint(i)) {
			t.Errorf("number %d of the quiet room is let in", i)
		}
	}
	for i := range 1000 {
		// Those that would be let in first were; the last ones came when there was no room for them.
		if kept := h.has("loud", fmt.Sprint(i)); kept != (i < 80) {
			t.Errorf("number %d of the loud room is kept out: %v", i, kept)
		}
	}
	for i := range 200 {
		h.add(fmt.Sprint("small", i), "0", later(5))
	}
	if h.entries != 100 {
		t.Errorf("%d are kept out", h.entries)
	}
}

// A kick costs the same when the list is full.
func BenchmarkKicksWhenTheListIsFull(b *testing.B) {
	var h held
	until := time.Now().Add(time.Hour)
	for i := range maxHeld {
		h.add(fmt.Sprint(i%1000), fmt.Sprint(i), until.Add(time.Duration(i)))
	}
	for i := 0; b.Loop(); i++ {
		h.add("lobby", fmt.Sprint("new", i), until)
	}
}
