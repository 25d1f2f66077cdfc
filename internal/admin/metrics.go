package admin

import (
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/snug-chat/snug/signaling"
)

const (
	maxScrapes    = 4 // at once
	scrapeTimeout = 10 * time.Second
)

// metrics are those of the hub, of Go and of the process, in a registry of their own.
func metrics(hub Hub, o Options) http.Handler {
	serve := promhttp.HandlerFor(newRegistry(hub, o), promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(o.Logger.Handler(), slog.LevelError),
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	})
	return methods{http.MethodGet: serve.ServeHTTP}
}

func newRegistry(hub Hub, o Options) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newCollector(hub, o.Version),
		newRelays(o.TURN),
	)
	return r
}

// collector tells a hub's Stats, which it asks for once per scrape.
type collector struct {
	hub      Hub
	build    prometheus.Metric
	singles  []single
	families []family
	links    links
}

func newCollector(hub Hub, version string) *collector {
	build := prometheus.NewDesc("snug_build_info", "What runs; always 1.", nil, prometheus.Labels{"version": version, "goversion": runtime.Version()})
	return &collector{hub, prometheus.MustNewConstMetric(build, prometheus.GaugeValue, 1), singles(), families(), newLinks()}
}

// single is a metric without labels.
type single struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*signaling.Stats) float64
}

// family is a counter for each of a fixed set of keys. What isn't in the set
// is counted together as "other": nobody outside can make a series.
type family struct {
	desc   *prometheus.Desc
	keys   []string
	values func(*signaling.Stats) map[string]uint64
}

const other = "other"

func gauge(name, help string, value func(*signaling.Stats) float64) single {
	return single{prometheus.NewDesc("snug_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

func counter(name, help string, value func(*signaling.Stats) uint64) single {
	return single{prometheus.NewDesc("snug_"+name, help, nil, nil), prometheus.CounterValue,
		func(s *signaling.Stats) float64 { return float64(value(s)) }}
}

func counters(name, label, help string, keys []string, values func(*signaling.Stats) map[string]uint64) family {
	return family{prometheus.NewDesc("snug_"+name, help, []string{label}, nil), keys, values}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.build.Desc()
	for _, m := range c.singles {
		to <- m.desc
	}
	for _, f := range c.families {
		to <- f.desc
	}
	c.links.describe(to)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := c.hub.Stats()
	to <- c.build
	for _, m := range c.singles {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s))
	}
	for _, f := range c.families {
		f.collect(f.values(&s), to)
	}
	c.links.collect(&s, to)
}

// collect tells zeros as well: a rate needs to see a series before it grows.
func (f *family) collect(values map[string]uint64, to chan<- prometheus.Metric) {
	var rest uint64
	for key, n := range values {
		if !slices.Contains(f.keys, key) {
			rest += n
		}
	}
	for _, key := range f.keys {
		to <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, float64(values[key]), key)
	}
	to <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, float64(rest), other)
}
