package peer

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails if a goroutine is left when all rooms and hubs are closed.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftGoroutines(10 * time.Second); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines are the stacks of those that are ours or Pion's, and don't end in time.
func leftGoroutines(patience time.Duration) string {
	buf := make([]byte, 16<<20)
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			ours := strings.Contains(stack, "snug-chat/snug/") || strings.Contains(stack, "github.com/pion/")
			if ours && !strings.Contains(stack, "leftGoroutines") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}
