package peer

// Path is how a link's frames travel.
type Path string

// Paths, the best first.
const (
	PathLAN      Path = "lan"
	PathDirect   Path = "direct"
	PathRelayUDP Path = "relay-udp"
	PathRelayTCP Path = "relay-tcp"
	PathRelayTLS Path = "relay-tls"
)

var badness = map[Path]int{PathLAN: 1, PathDirect: 2, PathRelayUDP: 3, PathRelayTCP: 4, PathRelayTLS: 5}

// worse is the worse of two; empty is none.
func worse(a, b Path) Path {
	if badness[a] > badness[b] {
		return a
	}
	return b
}

// leg is how our side reaches the other; empty if that isn't known.
func (r *rtc) leg() Path {
	return ""
}
