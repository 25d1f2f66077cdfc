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
	// write waits until the data channel can take another frame, and hands it over.
	write(ctx context.Context, dataChannel int, frame []byte) error
	// read waits for the next frame, and puts it into buf. An error is the end.
	read(dataChannel int, buf []byte) (n int, text bool, err error)
	// close ends it, and every write and read.
	close()
}
