package signaling

import (
	"cmp"
	"slices"
	"time"
)

// LinkCount is how many attempts to open a link came out alike, as members reported. Both members of a link
// report, each for itself. The words are those of PROTOCOL.md, section 3, and "other".
type LinkCount struct {
	Outcome string `json:"outcome"`
	Path    string `json:"path"` // empty unless the link opened
	Family  string `json:"family"`
	Count   uint64 `json:"count"`
}

// OpenTimes are how long links of one path took to open.
type OpenTimes struct {
	Path    string       `json:"path"`
	Count   uint64       `json:"count"`
	Sum     int64        `json:"sum"`     // ms
	Buckets []OpenBucket `json:"buckets"` // of growing times
}

// OpenBucket counts the links that were open within a time, those of smaller buckets too.
type OpenBucket struct {
	Within int64  `json:"within"` // ms
	Count  uint64 `json:"count"`
}

// openBounds are the times that are told apart, in ms: from a local network to the end of all patience.
var openBounds = []int64{25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000}

// linkCounts are counted reports. Their words come from fixed lists, so there is a bounded number.
type linkCounts struct {
	links map[LinkCount]uint64 // by all but the count
	opens map[string]*OpenTimes
}

// reported counts a report.
func (c *counters) reported(r Report) {
	r = r.counted()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reports.links == nil {
		c.reports = linkCounts{make(map[LinkCount]uint64), make(map[string]*OpenTimes)}
	}
	c.reports.links[LinkCount{Outcome: r.Outcome, Path: r.Path, Family: r.Family}]++
	if r.Outcome == OutcomeOpened {
		c.reports.opened(r.Path, r.Time)
	}
}

func (l *linkCounts) opened(path string, took time.Duration) {
	o := l.opens[path]
	if o == nil {
		o = newOpenTimes(path)
		l.opens[path] = o
	}
	ms := took.Milliseconds()
	o.Count++
	o.Sum += ms
	for i := range o.Buckets {
		if ms <= o.Buckets[i].Within {
			o.Buckets[i].Count++
		}
	}
}

func newOpenTimes(path string) *OpenTimes {
	o := &OpenTimes{Path: path}
	for _, bound := range openBounds {
		o.Buckets = append(o.Buckets, OpenBucket{Within: bound})
	}
	return o
}

// read copies what was counted: links in the order of their words, times of every path.
func (l *linkCounts) read() (links []LinkCount, opens []OpenTimes) {
	for key, n := range l.links {
		key.Count = n
		links = append(links, key)
	}
	slices.SortFunc(links, func(a, b LinkCount) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Family, b.Family))
	})
	for _, path := range append(slices.Clone(paths), reportedOther) {
		o := newOpenTimes(path)
		if counted := l.opens[path]; counted != nil {
			o.Count, o.Sum = counted.Count, counted.Sum
			copy(o.Buckets, counted.Buckets)
		}
		opens = append(opens, *o)
	}
	return links, opens
}
