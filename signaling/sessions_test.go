//go:build !race

package signaling_test

const (
	sessions = 5000   // come back at once
	visitors = 50_000 // come and go
)
