// Package conformance holds any hub to PROTOCOL.md, from outside: what it knows of a hub is the
// wire. Each rule is a subtest that names the document's section.
//
// Against a hub that runs somewhere:
//
//	go test ./signaling/conformance -hub http://localhost:8080
//	go test ./signaling/conformance -hub https://hub.example -key key.pem -patience 2m -v
//
// From a test of another implementation: [Run].
package conformance
