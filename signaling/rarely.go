package signaling

import (
	"context"
	"log/slog"
	"sync"
)

// rarelyRate is how often a line is logged that costs whoever causes it nothing.
var rarelyRate = Rate{PerSecond: 1, Burst: 20}

// rarely logs lines of one kind, and not all of them: the next one that is logged tells how many were left out.
type rarely struct {
	mu      sync.Mutex
	bucket  bucket
	leftOut int
}

func (r *rarely) log(to *slog.Logger, level slog.Level, line string, args ...any) {
	r.mu.Lock()
	if r.bucket.take(rarelyRate) > 0 {
		r.leftOut++
		r.mu.Unlock()
		return
	}
	leftOut := r.leftOut
	r.leftOut = 0
	r.mu.Unlock()
	if leftOut > 0 {
		args = append(args, "leftOut", leftOut)
	}
	to.Log(context.Background(), level, line, args...)
}
