package signaling

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsKeptOutStaysOutForTheLongerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h held
		h.add("token", time.Now().Add(time.Hour))
		h.add("token", time.Now().Add(time.Minute)) // another session's, of a token with the same id
		time.Sleep(time.Hour - time.Second)         // in virtual time
		if !h.has("token") {
			t.Error("it is let in early")
		}
		time.Sleep(2 * time.Second)
		if h.has("token") {
			t.Error("it is kept out for good")
		}
	})
}
