package peer

import (
	"syscall"

	"github.com/pion/transport/v5"
	"golang.org/x/sys/unix"
)

// growBuffers makes a socket's buffers as large as the kernel gives: beyond net.core.rmem_max
// where this process may (CAP_NET_ADMIN).
func growBuffers(conn transport.UDPConn) {
	conn.SetReadBuffer(socketBuffer)
	conn.SetWriteBuffer(socketBuffer)
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return // a virtual one
	}
	c, err := raw.SyscallConn()
	if err != nil {
		return
	}
	c.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer)
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer)
	})
}
