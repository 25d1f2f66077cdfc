// Package signalingtest gives tests a hub in one line, and what goes wrong between a
// hub and its clients on demand.
//
//	func TestChat(t *testing.T) {
//		hub := signalingtest.NewHub(t, nil)
//		chat := Join(hub.URL + "/r/lobby") // what is tested
//		hub.Cut()                          // and its network is gone for a moment
//		…
//	}
//
// The faults are made of bytes on the way, so any client can be tested, in any
// language: everything that connects to [Line.URL]. Inside a bubble of
// testing/synctest, where real sockets don't block durably, [NewBubbleHub] gives a hub that is
// reached through connections of memory.
//
//	           ┌────────────────── Line ──────────────────┐
//	client ─TCP─ cut · half-open · paused · slow · delay ─┼─ refuse · repeat ─▶ signaling.Hub
//	             one byte · frames lost or sent twice     │  (whole requests)
//	                            (bytes)                   │
package signalingtest
