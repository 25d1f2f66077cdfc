//go:build race

package signaling_test

// The race detector knows 8,128 goroutines, of which a session is four here, and makes a visit five times as long.
const (
	sessions = 500  // come back at once
	visitors = 3000 // come and go
	batch    = 1000 // visitors, and then all is quiet for a day
)
