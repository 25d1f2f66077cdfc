//go:build unix

package server

import (
	"io"
	"net"
	"syscall"
)

// peek waits for the first byte of a connection and leaves it where it is, if the kernel lets it: who takes the
// connection then can ask the kernel, too.
func peek(conn net.Conn) (net.Conn, byte, error) {
	inner := conn
	if c, ok := conn.(*counted); ok {
		inner = c.Conn
	}
	tcp, ok := inner.(*net.TCPConn)
	if !ok {
		return newBegun(conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn, 0, err
	}
	var first [1]byte
	var n int
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, _, failed = syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK)
			if failed != syscall.EINTR {
				return failed != syscall.EAGAIN
			}
		}
	})
	switch {
	case err != nil:
		return conn, 0, err
	case failed == nil && n == 0:
		failed = io.EOF
	}
	return conn, first[0], failed
}
