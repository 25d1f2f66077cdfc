//go:build unix

package peer

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// benchmarkMessages has one member send messages of a size to another, over a real link through this machine's network. Beside
// the time it tells the CPU time, which says more on a machine that has other things to do.
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
	began := cpuTime()
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
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N), "cpu-ns/op")
}

func cpuTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkReliableFrames(b *testing.B) { benchmarkMessages(b, maxFrame-frameHeader) }
func BenchmarkSmallMessages(b *testing.B)  { benchmarkMessages(b, 100) }
func BenchmarkLongMessages(b *testing.B)   { benchmarkMessages(b, 1<<20) }
