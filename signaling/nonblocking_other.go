//go:build !unix

package signaling

import "net"

// newAwait is nil: here no connection can be waited for without a block.
func newAwait(net.Conn, *incoming) await { return nil }

// newDirect is nil: here nothing can be written without the risk of waiting.
func newDirect(net.Conn) direct { return nil }
