package signaling

// Stats are what a hub has and did, at one moment. The counters only grow. The
// keys of the maps are fixed by the protocol, never names of rooms or members.
type Stats struct {
	// What there is now.
	Rooms       int
	Members     int // those that are away, too
	Away        int
	Connections int
	Bytes       int64 // waiting or kept for members
	Draining    bool

	// What has happened since the hub was made.
	Joins         uint64            // new members
	Resumed       uint64            // sessions that came back and were recovered
	NotRecovered  uint64            // sessions that came back and were not
	Superseded    uint64            // connections that another took over
	Leaves        map[string]uint64 // by reason
	Refusals      map[string]uint64 // connections that the hub ended, and requests refused, by code
	Limited       map[string]uint64 // refusals for a limit, by which
	Messages      map[string]uint64 // from clients, by type
	SignalBytes   uint64            // bodies of signals relayed
	Undeliverable map[string]uint64 // by reason
	Links         []LinkCount       // attempts to open a link that members reported; none of those of which there was none
	Opens         []OpenTimes       // how long those took that opened, for each path
}
