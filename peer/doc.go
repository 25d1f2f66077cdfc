// Package peer is a member of snug rooms in Go, an equal of the browsers. It meets the
// others at a hub (package signaling) and talks to each over a link of its own, directly,
// whether the hub is there or not. What two members say to each other is LINK.md.
//
//	room, err := peer.Join(ctx, "http://localhost:8080/r/lobby", &peer.Options{Name: "Ann"})
//	…
//	defer room.Close(ctx)
//	room.Broadcast(ctx, peer.Text("Hello"))
//	message, err := room.Receive(ctx)
//
// Package peer/chat, on top of this one, is for those who talk as people do.
//
//	signal → link's one goroutine → its machine → carrier (a PeerConnection) → data channel → frame → inbox → Receive
//
// Beside the messages without a name there are channels by name ([Room.Channel], [Link.Channel]) and streams of bytes
// ([Link.Dial], [Room.Listen]). Each waits for its own reader only.
//
// A link outlives what it rides on: a network that is gone for a while or changes, and a PeerConnection that
// breaks, lose no reliable message.
package peer
