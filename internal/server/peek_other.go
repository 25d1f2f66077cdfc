//go:build !unix

package server

import "net"

// peek waits for the first byte of a connection, which is read from what it returns as well.
func peek(conn net.Conn) (net.Conn, byte, error) { return newBegun(conn) }
