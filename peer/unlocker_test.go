package peer

import (
	"reflect"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/webrtc/v4"
)

// lockUp has an SCTP association lock itself up, as a timer of Pion's does, until the transport below ends.
func lockUp(t *testing.T, r *rtc) {
	t.Helper()
	association := reflect.ValueOf(r.pc.SCTP()).Elem().FieldByName("sctpAssociation").Elem()
	mu := (*sync.RWMutex)(unsafe.Pointer(association.FieldByName("lock").UnsafeAddr()))
	locked := make(chan struct{})
	var locking sync.WaitGroup
	t.Cleanup(locking.Wait)
	locking.Go(func() {
		mu.Lock()
		defer mu.Unlock()
		close(locked)
		for r.dtls.State() != webrtc.DTLSTransportStateClosed {
			time.Sleep(time.Millisecond)
		}
	})
	<-locked
}

func TestALinkOutlivesAnAssociationThatLocksItselfUp(t *testing.T) {
	t.Parallel()
	h := newTestHub(t)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	says(t, ann, "before")
	hears(t, bob, "Ann", "before")
	for _, r := range []*Room{ann, bob} {
		for l := range r.Links() {
			lockUp(t, l.carrier.Load())
		}
		says(t, ann, "after")
		hears(t, bob, "Ann", "after")
		says(t, bob, "and back")
		hears(t, ann, "Bob", "and back")
	}
}
