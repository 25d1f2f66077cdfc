package signaling

import (
	"context"
	"slices"
)

const maxReports = 128 // that wait to be sent; beyond that they are dropped

// Report tells the hub how an attempt to open a link came out. It never blocks. While the hub is away, or if it
// takes no reports ([FeatureReport]), or too many wait already, the report is dropped. An empty Family is FamilyGo.
func (c *Client) Report(r Report) {
	if r.Family == "" {
		r.Family = FamilyGo
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || !slices.Contains(c.conn.Welcome().Features, FeatureReport) || len(c.reports) >= maxReports {
		return
	}
	c.reports = append(c.reports, r)
	if !c.reporting {
		c.reporting = true
		c.background.Go(c.sendReports)
	}
}

// sendReports sends what waits, and ends when nothing does.
func (c *Client) sendReports() {
	for {
		conn, r, ok := c.nextReport()
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(c.leaving, writeWait)
		conn.Send(ctx, r) // if that fails, the connection has, and what waits is dropped
		cancel()
	}
}

func (c *Client) nextReport() (conn *Conn, r Report, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || len(c.reports) == 0 {
		c.reports, c.reporting = nil, false
		return nil, Report{}, false
	}
	r = c.reports[0]
	c.reports = c.reports[1:]
	return c.conn, r, true
}
