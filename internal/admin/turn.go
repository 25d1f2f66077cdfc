package admin

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/snug-chat/snug/internal/turn"
)

// relays tell a TURN server's Stats, which they ask for once per scrape. Of a hub without one, all are 0.
type relays struct {
	stats                             func() turn.Stats // nil: there is none
	allocations, total, bytes, refuse *prometheus.Desc
}

func newRelays(stats func() turn.Stats) *relays {
	return &relays{
		stats:       stats,
		allocations: prometheus.NewDesc("snug_turn_allocations", "Allocations of the hub's TURN server.", nil, nil),
		total:       prometheus.NewDesc("snug_turn_allocations_total", "Allocations that there were.", nil, nil),
		bytes:       prometheus.NewDesc("snug_turn_bytes_total", "Bytes that were relayed, by direction: to peers, or from them.", []string{"direction"}, nil),
		refuse:      prometheus.NewDesc("snug_turn_refusals_total", "Requests and datagrams that the TURN server refused or dropped, by reason.", []string{"reason"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (r *relays) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.allocations, r.total, r.bytes, r.refuse} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (r *relays) Collect(to chan<- prometheus.Metric) {
	var s turn.Stats
	if r.stats != nil {
		s = r.stats()
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	to <- prometheus.MustNewConstMetric(r.allocations, prometheus.GaugeValue, float64(s.Allocations))
	count(r.total, s.AllocationsTotal)
	count(r.bytes, s.BytesSent, "sent")
	count(r.bytes, s.BytesReceived, "received")
	for _, reason := range turn.Reasons {
		count(r.refuse, s.Refused[reason], reason)
	}
}
