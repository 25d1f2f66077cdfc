package admin

import (
	"github.com/snug-chat/snug/signaling"
)

// singles are the metrics without labels. docs/admin.md tells operators of each
// metric; a test holds the two together.
func singles() []single {
	return []single{
		gauge("rooms", "Rooms with somebody in them.", func(s *signaling.Stats) float64 { return float64(s.Rooms) }),
		gauge("members", "Members in all rooms, those that are away too.", func(s *signaling.Stats) float64 { return float64(s.Members) }),
		gauge("members_away", "Members that have lost their connection and keep their place.", func(s *signaling.Stats) float64 { return float64(s.Away) }),
		gauge("connections", "Connections of clients, WebSocket and HTTP.", func(s *signaling.Stats) float64 { return float64(s.Connections) }),
		gauge("queue_bytes", "Bytes waiting or kept for members.", func(s *signaling.Stats) float64 { return float64(s.Bytes) }),
		gauge("draining", "1 while the hub takes no newcomers and sends its members away, else 0.", draining01),

		counter("joins_total", "New members.", func(s *signaling.Stats) uint64 { return s.Joins }),
		counter("sessions_resumed_total", "Sessions that came back and lost nothing.", func(s *signaling.Stats) uint64 { return s.Resumed }),
		counter("sessions_not_recovered_total", "Sessions that came back and were told that something may be lost.", func(s *signaling.Stats) uint64 { return s.NotRecovered }),
		counter("connections_superseded_total", "Connections whose session was continued on another.", func(s *signaling.Stats) uint64 { return s.Superseded }),
		counter("signal_bytes_total", "Bytes of bodies of signals from clients.", func(s *signaling.Stats) uint64 { return s.SignalBytes }),
	}
}

// families are the metrics with a label. Their keys are those of PROTOCOL.md.
func families() []family {
	return []family{
		counters("leaves_total", "reason", "Members that left, by reason.",
			[]string{"bye", "timeout", "kicked"},
			func(s *signaling.Stats) map[string]uint64 { return s.Leaves }),
		counters("refusals_total", "code", "Connections that the hub ended and requests that it refused, by the protocol's code.",
			[]string{"connection", "duplicate", "expired", "forbidden", "full", "going-away", "host", "kicked", "limit", "locked", "malformed", "order", "origin",
				"room", "slow", "superseded", "timeout", "token", "too-big", "unavailable", "unknown-type", "upgrade", "version"},
			func(s *signaling.Stats) map[string]uint64 { return s.Refusals }),
		counters("limited_total", "limit", "Refusals for a limit, by which.",
			[]string{"bytes", "connections", "joins", "messages", "rooms"},
			func(s *signaling.Stats) map[string]uint64 { return s.Limited }),
		counters("messages_total", "type", "Messages from clients, by type.",
			[]string{"ack", "hello", "kick", "lock", "ping", "pong", "report", "signal", "token", "unknown"},
			func(s *signaling.Stats) map[string]uint64 { return s.Messages }),
		counters("undeliverable_total", "reason", "Signals that were not delivered, by the reason that their sender was told.",
			[]string{"forbidden", "gone", "limit", "slow", "unknown"},
			func(s *signaling.Stats) map[string]uint64 { return s.Undeliverable }),
	}
}

func draining01(s *signaling.Stats) float64 {
	if s.Draining {
		return 1
	}
	return 0
}
