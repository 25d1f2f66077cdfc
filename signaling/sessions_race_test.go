//go:build race

package signaling_test

// sessions are how many come back at once. The race detector knows 8,128 goroutines, and a session is four here.
const sessions = 1000
