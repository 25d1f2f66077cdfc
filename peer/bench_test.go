package peer

import (
	"sync"
	"testing"
)

// benchmarkMessages has one member send messages of a size to another, over a real link through this machine's network.
func benchmarkMessages(b *testing.B, size int) {
	h := newTestHub(b)
	ann, bob := h.join("Ann"), h.join("Bob")
	until(b, ann, live(1))
	until(b, bob, live(1))
	link := ann.Link(bob.Self().ID)
	data := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var sending sync.WaitGroup
	sending.Go(func() {
		for range b.N {
			if err := link.Send(b.Context(), Bytes(data)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	for range b.N {
		if _, err := bob.Receive(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	sending.Wait()
}

func BenchmarkReliableFrames(b *testing.B) { benchmarkMessages(b, maxFrame-frameHeader) }
func BenchmarkSmallMessages(b *testing.B)  { benchmarkMessages(b, 100) }
