//go:build !race

package signaling_test

const (
	sessions = 5000   // come back at once
	visitors = 50_000 // come and go
	batch    = 5_000  // visitors, and then all is quiet for a day
)
