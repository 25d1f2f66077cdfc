package signaling

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	sweepInterval     = time.Second
	sweepSlots        = 50 // ticks of an interval
	fullRetry         = 10 * time.Second
	goingAwayRetryMin = 500 * time.Millisecond
	goingAwayRetryMax = 5 * time.Second
)

// Hub introduces the members of rooms to each other. It is an http.Handler that
// serves every path with /v1/rooms/{room} at its end, and the ones below that of PROTOCOL.md,
// section 7, so it can be mounted below any prefix. Its methods may be called by any number of
// goroutines. It must be ended with [Hub.Shutdown]: http.Server.Shutdown doesn't know its
// connections.
//
// There are five kinds of locks, taken in this order: that of who gives messages to a connection over HTTP; a room's
// mutex, which guards its members and their sessions; the hub's; a transport's; those of the
// tables of addresses and of kicks, and of the counters, under which nothing else is taken.
type Hub struct {
	// Set at construction.
	upgrader websocket.Upgrader
	life     context.Context // ended by Shutdown
	stop     context.CancelFunc
	done     chan struct{} // closed when everything has ended

	hellos    chan func() // to deal with, by greet
	options   atomic.Pointer[Options]
	bytes     atomic.Int64 // waiting or kept, of all rooms
	counters  counters
	addresses addresses
	held      held

	// Logs of what costs whoever causes it nothing.
	foreign, misdirected, refusedLines, unchecked rarely

	work sync.WaitGroup // every goroutine and timer

	mu        sync.Mutex
	ending    bool
	undrained chan struct{} // closed by Undrain; nil unless draining
	rooms     map[string]*room
	swept     [sweepSlots]swept
	slots     int              // given so far
	polls     map[string]*poll // transports over HTTP, by their connection's id
}

// transport carries messages to a member: a [socket], or a [poll]. Its methods
// may be called by any number of goroutines and never block.
type transport interface {
	// send queues a frame. It returns false if the connection is ending and takes
	// nothing any more: what is lost with it is repeated by the session.
	send(frame) bool
	// close says why and ends. The first why is what counts, and is counted.
	close(*Error)
	// check does what is due at now: it pings, or gives up.
	check(now time.Time, o *Options)
	// abort ends at once.
	abort()
	// charge has what waits counted as a room's.
	charge(*room)
	// describe says how it is called, and how many bytes wait.
	describe() (kind string, waiting int)
}

// NewHub makes a hub and starts it. Nil options mean the defaults.
func NewHub(o *Options) *Hub {
	h := &Hub{
		done:   make(chan struct{}),
		hellos: make(chan func()),
		rooms:  make(map[string]*room),
		polls:  make(map[string]*poll),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 10 * time.Second,
			// Nothing is read or written through gorilla after the upgrade.
			WriteBufferSize: 1 << 10,
			WriteBufferPool: &sync.Pool{},
			CheckOrigin:     func(*http.Request) bool { return true }, // done before
		},
	}
	h.life, h.stop = context.WithCancel(context.Background())
	h.options.Store(o.withDefaults())
	for i := range h.swept {
		h.swept[i] = swept{make(map[transport]struct{}), make(map[*room]struct{})}
	}
	h.work.Go(h.sweep)
	for range 2 * runtime.GOMAXPROCS(0) {
		h.work.Go(h.greet)
	}
	return h
}

// Configure replaces the options of a running hub. Sessions go on; what they were told
// of limits holds for them until they connect again.
func (h *Hub) Configure(o *Options) { h.options.Store(o.withDefaults()) }

func (h *Hub) log() *slog.Logger { return h.options.Load().Logger }

// logOf is the log of what a client does. Its address is in it if the operator wants that.
func (h *Hub) logOf(client netip.Addr) *slog.Logger {
	o := h.options.Load()
	if !o.LogAddresses || !client.IsValid() {
		return o.Logger
	}
	return o.Logger.With("address", client)
}

// start runs t in a goroutine of its own. With a refusal, t gets that and nothing else.
func (h *Hub) start(t transport, run func(), refusal *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending {
		t.abort()
		return
	}
	if refusal == nil && h.undrained != nil { // since turnAway looked
		refusal = goingAway()
	}
	if refusal != nil {
		t.close(refusal)
	}
	of := h.swept[h.slot()].transports
	of[t] = struct{}{}
	h.work.Go(func() {
		run()
		h.mu.Lock()
		delete(of, t)
		h.mu.Unlock()
	})
}

// enter takes a connection into its room, which is made if need be.
func (h *Hub) enter(c *connection, id string, hello Hello, grant Grant) *Error {
	for {
		h.mu.Lock()
		r := h.rooms[c.roomName]
		if limit := h.options.Load().Limits.Rooms; r == nil && len(h.rooms) >= limit {
			h.mu.Unlock()
			return limited(LimitRooms, fullRetry, "This hub has all its %d rooms. Try again later.", limit)
		}
		if r == nil {
			r = newRoom(h, c.roomName)
			r.slot = h.slot()
			h.swept[r.slot].rooms[r] = struct{}{}
			h.rooms[c.roomName] = r
		}
		h.mu.Unlock()
		if ok, refusal := r.enter(c, id, hello, grant); ok {
			return refusal
		}
	}
}

// forget drops a room that is closed.
func (h *Hub) forget(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.name] == r {
		delete(h.rooms, r.name)
		delete(h.swept[r.slot].rooms, r)
	}
}

// greet deals with hellos, one after the other, on a stack that has grown for the first.
func (h *Hub) greet() {
	for {
		select {
		case deal := <-h.hellos:
			deal()
		case <-h.life.Done():
			return
		}
	}
}

// swept are those for which the sweep does at one tick what is due.
type swept struct {
	transports map[transport]struct{}
	rooms      map[*room]struct{}
}

// slot is the next one's place in the sweep. Needs mu.
func (h *Hub) slot() int {
	h.slots++
	return h.slots % sweepSlots
}

// sweep does once a second what every connection and session needs in time. It takes a part of them at each
// tick: what all are sent at once would keep signals waiting.
func (h *Hub) sweep() {
	tick := time.NewTicker(sweepInterval / sweepSlots)
	defer tick.Stop()
	for slot := 0; ; slot = (slot + 1) % sweepSlots {
		select {
		case now := <-tick.C:
			o := h.options.Load()
			h.mu.Lock()
			transports, rooms := slices.Collect(maps.Keys(h.swept[slot].transports)), slices.Collect(maps.Keys(h.swept[slot].rooms))
			h.mu.Unlock()
			for _, t := range transports {
				t.check(now, o)
			}
			for _, r := range rooms {
				r.check(now, o)
			}
			if slot == 0 {
				h.addresses.check(now)
				h.held.check(now)
			}
		case <-h.life.Done():
			return
		}
	}
}

func (h *Hub) allTransports() []transport {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.allTransportsLocked()
}

func (h *Hub) allTransportsLocked() (all []transport) {
	for _, s := range h.swept {
		all = slices.AppendSeq(all, maps.Keys(s.transports))
	}
	return all
}

func (h *Hub) allRooms() []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		all = append(all, r)
	}
	return all
}

// Drain has the hub take no new connections, and sends those that it has away to come
// back later, each at another time within over. What they have to come back to is another
// hub, or this one after Undrain. Drain returns at once.
func (h *Hub) Drain(over time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending || h.undrained != nil {
		return
	}
	undrained := make(chan struct{})
	h.undrained = undrained
	all := h.allTransportsLocked()
	h.log().Info("draining", "over", over, "connections", len(all))
	h.work.Go(func() { h.sendAway(all, over, undrained) })
}

// sendAway closes all, in an order that is random, evenly over a time.
func (h *Hub) sendAway(all []transport, over time.Duration, undrained chan struct{}) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	start := time.Now()
	for i, t := range all {
		select {
		case <-time.After(time.Until(start.Add(over * time.Duration(i) / time.Duration(len(all))))):
			t.close(goingAway())
		case <-undrained:
			return
		case <-h.life.Done():
			return
		}
	}
}

// Undrain has the hub take connections again.
func (h *Hub) Undrain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.undrained != nil {
		close(h.undrained)
		h.undrained = nil
		h.log().Info("draining no more")
	}
}

// Draining tells whether the hub takes no new connections.
func (h *Hub) Draining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.undrained != nil || h.ending
}

// Shutdown tells every client to come back later, each at another time, and
// returns when all goroutines have ended. Clients have two seconds to close; if ctx
// ends sooner, they have until then, and its error is returned. Links between
// members go on. Calls after the first wait likewise.
func (h *Hub) Shutdown(ctx context.Context) error {
	if h.end() {
		h.stop()
		for _, r := range h.allRooms() {
			r.stopTelling()
		}
		for _, t := range h.allTransports() {
			t.close(goingAway())
		}
		go func() {
			h.work.Wait()
			close(h.done)
		}()
	}
	var err error
	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	select {
	case <-h.done:
		return nil
	case <-patience.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	for _, t := range h.allTransports() {
		t.abort()
	}
	<-h.done
	return err
}

func (h *Hub) stopped() bool { return h.life.Err() != nil }

// end makes the hub take in nobody any more; it returns true the first time.
func (h *Hub) end() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.ending
	h.ending = true
	return first
}

func goingAway() *Error {
	e := refusef(CodeGoingAway, "The hub is going away for a moment: try again in a few seconds. Conversations go on meanwhile.")
	e.Retry = goingAwayRetryMin + rand.N(goingAwayRetryMax-goingAwayRetryMin)
	return e
}
