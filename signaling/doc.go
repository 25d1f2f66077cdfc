// Package signaling is the hub of a snug room and the client side of its
// protocol, snug.v1 (PROTOCOL.md). The hub introduces members to each other,
// relays their signals without looking inside, and keeps the roster; everything
// else travels between the members (package peer).
//
//	websocket frame → decode → session → room → frame once → member's queue → coalesced write
//
// A [Hub] is an http.Handler:
//
//	hub := signaling.NewHub(nil)
//	defer hub.Shutdown(ctx)
//	http.ListenAndServe("127.0.0.1:8080", hub)
//
// It is open to everybody, unless Options.Authorize says who may enter; package token has one for
// signed tokens.
//
// A client has a session, which outlives its connections: a [Client], made by [Connect], keeps one. A
// [Conn], made by [Dial], is a single connection of one. Package signalingtest has a hub for tests.
package signaling
