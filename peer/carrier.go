package peer

import "context"

// Data channels of a link, by their id.
const (
	dataControl = iota
	dataReliable
	dataUnreliable
	dataChannels
)

// carrier is what a link's frames ride on. Its methods may be called by any
// number of goroutines, but each data channel is read by one.
type carrier interface {
	// wait waits until the data channel can take so many bytes, or until ctx ends, stop is closed (errStopped)
	// or the carrier has ended or isn't open yet (errNoCarrier).
	wait(ctx context.Context, stop <-chan struct{}, dataChannel, bytes int) error
	// put hands over a frame; it doesn't wait.
	put(dataChannel int, frame []byte) error
	// read waits for the next frame, and puts it into buf. It returns errFrame for
	// a message that can't be one; any other error is the end.
	read(dataChannel int, buf []byte) (n int, err error)
	// close ends it, and every wait and read.
	close()
}

// carrierState is how a carrier is, as far as links care.
type carrierState int

const (
	carrierConnected carrierState = iota
	carrierSilent                 // for a few seconds
	carrierFailed                 // no path works, or the handshake failed
	carrierClosed                 // by the other side
)
