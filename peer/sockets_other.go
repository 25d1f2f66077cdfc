//go:build !linux

package peer

import "github.com/pion/transport/v5"

// growBuffers makes a socket's buffers as large as the kernel gives.
func growBuffers(conn transport.UDPConn) {
	conn.SetReadBuffer(socketBuffer)
	conn.SetWriteBuffer(socketBuffer)
}
