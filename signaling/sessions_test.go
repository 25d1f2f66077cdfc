//go:build !race

package signaling_test

// sessions are how many come back at once.
const sessions = 5000
