package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// maker makes links of one kind, in a process of its own: snug's or plain Pion's.
type maker interface {
	// pair has one member come to another, over a road, and returns when both can send.
	pair(ctx context.Context, r *road) (*pair, error)
	// meet has a member here meet one in another process. What it returns is passed to the other's, whose answer comes here,
	// and so on, three times in all.
	meet(ctx context.Context, said string) (string, error)
	// met is this one's end of the link then, once it can send.
	met(ctx context.Context) (end, error)
	// mesh has members meet that come at the same instant, and tells how long it took until all links
	// were live. Apart, they are as many, and no two meet.
	mesh(ctx context.Context, members int, apart bool) (time.Duration, error)
	// close ends all that was made.
	close()
}

// Names of kinds.
const makerPion = "pion"

var makers = map[string]func() maker{
	serverSnug: func() maker { return new(snugMaker) },
	makerPion:  func() maker { return new(pionMaker) },
}

// end is one end of a link.
type end interface {
	send(ctx context.Context, data []byte) error // reliably; waits while too much is unsent
	took() count                                 // what has come so far
	close()
}

// pair is a link whose ends are both here.
type pair struct {
	newcomer, resident end
	opened             opened
}

// opened says how long it took to open a link, in ns.
type opened struct {
	Joined   time.Duration `json:"joined,omitzero"` // from the start of joining, until the newcomer can send; 0: there is no joining
	Newcomer time.Duration `json:"newcomer"`        // from its welcome, or its offer, until it can send
	Both     time.Duration `json:"both"`            // until both can
}

func (p *pair) close() {
	var closing sync.WaitGroup
	closing.Go(p.newcomer.close)
	closing.Go(p.resident.close)
	closing.Wait()
}

// count is how much has come.
type count struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

// counter counts what comes.
type counter struct{ messages, bytes atomic.Int64 }

func (c *counter) add(size int) {
	c.messages.Add(1)
	c.bytes.Add(int64(size))
}

func (c *counter) took() count { return count{c.messages.Load(), c.bytes.Load()} }
