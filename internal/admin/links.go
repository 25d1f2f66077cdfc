package admin

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/snug-chat/snug/signaling"
)

// The words of reports: PROTOCOL.md, section 3. "other" comes on top.
var (
	linkFailures = []string{"abandoned", "no-candidates", "no-turn", "turn", "ice", "dtls", "signaling", "timeout", "refused", "unknown", other}
	linkPaths    = []string{"lan", "direct", "relay-udp", "relay-tcp", "relay-tls", other}
	linkFamilies = []string{"chromium", "firefox", "webkit", "go", other}
)

const opened = "opened"

// links are what members report of their links.
type links struct {
	total, seconds *prometheus.Desc
}

func newLinks() links {
	return links{
		prometheus.NewDesc("snug_links_total", "Attempts to open a link that members reported.", []string{"outcome", "path", "family"}, nil),
		prometheus.NewDesc("snug_link_open_seconds", "How long attempts took that opened a link.", []string{"path"}, nil),
	}
}

func (l links) describe(to chan<- *prometheus.Desc) {
	to <- l.total
	to <- l.seconds
}

func (l links) collect(s *signaling.Stats, to chan<- prometheus.Metric) {
	l.counts(s, to)
	l.times(s, to)
}

// counts tells zeros as well, as [family] does, and no more series than these words make.
func (l links) counts(s *signaling.Stats, to chan<- prometheus.Metric) {
	counted := make(map[signaling.LinkCount]uint64, len(s.Links))
	for _, c := range s.Links {
		n := c.Count
		c.Count = 0
		counted[c] += n
	}
	tell := func(outcome, path string) {
		for _, family := range linkFamilies {
			n := counted[signaling.LinkCount{Outcome: outcome, Path: path, Family: family}]
			to <- prometheus.MustNewConstMetric(l.total, prometheus.CounterValue, float64(n), outcome, path, family)
		}
	}
	for _, path := range linkPaths {
		tell(opened, path)
	}
	for _, outcome := range linkFailures {
		tell(outcome, "")
	}
}

func (l links) times(s *signaling.Stats, to chan<- prometheus.Metric) {
	by := make(map[string]signaling.OpenTimes, len(s.Opens))
	for _, o := range s.Opens {
		by[o.Path] = o
	}
	for _, path := range linkPaths {
		o := by[path]
		buckets := make(map[float64]uint64, len(o.Buckets))
		for _, b := range o.Buckets {
			buckets[float64(b.Within)/1000] = b.Count
		}
		to <- prometheus.MustNewConstHistogram(l.seconds, o.Count, float64(o.Sum)/1000, buckets, path)
	}
}
