//go:build unix

package signaling

import (
	"io"
	"net"
	"syscall"
)

// newAwait makes the await of a connection that the kernel can tell about; nil for others,
// such as TLS.
func newAwait(conn net.Conn, in *incoming) await {
	raw := rawConn(conn)
	if raw == nil {
		return nil
	}
	var failed error
	try := func(fd uintptr) (done bool) {
		block := incomingBlocks.Get().(*[]byte)
		n, err := retried(syscall.Read, int(fd), *block)
		if n > 0 {
			in.block, in.start, in.end = block, 0, n
			return true
		}
		incomingBlocks.Put(block)
		if err == syscall.EAGAIN {
			return false
		}
		if failed = err; err == nil {
			failed = io.EOF
		}
		return true
	}
	return func() error {
		failed = nil
		if err := raw.Read(try); err != nil {
			return err
		}
		return failed
	}
}

// newDirect makes the direct of a connection that the kernel can tell about; nil for others.
func newDirect(conn net.Conn) direct {
	raw := rawConn(conn)
	if raw == nil {
		return nil
	}
	var b []byte
	var written int
	try := func(fd uintptr) bool {
		written, _ = retried(syscall.Write, int(fd), b)
		return true
	}
	return func(f frame) int {
		b, written = f, 0
		raw.Write(try)
		b = nil
		return max(written, 0)
	}
}

func rawConn(conn net.Conn) syscall.RawConn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

func retried(do func(int, []byte) (int, error), fd int, b []byte) (n int, err error) {
	for {
		n, err = do(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
