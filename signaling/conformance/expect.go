package conformance

import (
	"slices"
	"strings"
	"time"
)

// take is the hub's next message. The test fails if none comes before late. ok is
// false at the connection's end.
func (c *client) take(late <-chan time.Time, what string) (m message, ok bool) {
	c.t.Helper()
	select {
	case m, ok = <-c.incoming():
	case <-late:
		c.t.Fatalf("%s should have come, and nothing does", what)
	}
	switch m.Type {
	case "ack":
		c.acked = max(c.acked, m.received())
	case "ping":
		c.write(`{"type":"pong"}`)
	case "signal", "undeliverable":
		c.counted++
	case "roster":
		c.roster.apply(c.t, m)
	}
	return m, ok
}

// mayComeAnyTime are types of messages that no rule of another kind waits for.
var mayComeAnyTime = []string{"ack", "ice", "ping"}

// await waits, for d, for a message that is wanted, and passes over others.
func (c *client) await(what string, d time.Duration, wanted func(message) bool) message {
	c.t.Helper()
	late := time.NewTimer(d)
	defer late.Stop()
	for {
		m, ok := c.take(late.C, what)
		if !ok {
			c.t.Fatalf("the hub closed (%d) where %s should have come", c.closeCode(), what)
		}
		if wanted(m) {
			return m
		}
	}
}

// expect fails unless the next message is of one of these types. Those that may come
// at any time don't count.
func (c *client) expect(types ...string) message {
	c.t.Helper()
	what := strings.Join(types, " or ")
	m := c.await(what, answerWait, func(m message) bool {
		return slices.Contains(types, m.Type) || !slices.Contains(mayComeAnyTime, m.Type)
	})
	if !slices.Contains(types, m.Type) {
		c.t.Fatalf("the hub said %v; it should have said %s", m, what)
	}
	return m
}

// until waits for a message of a type.
func (c *client) until(typ string) message {
	c.t.Helper()
	return c.await(typ, answerWait, func(m message) bool { return m.Type == typ })
}

// sees waits, for d, until the roster is as wanted.
func (c *client) sees(what string, d time.Duration, wanted func(roster) bool) {
	c.t.Helper()
	if !wanted(c.roster) {
		c.await(what, d, func(m message) bool { return m.Type == "roster" && wanted(c.roster) })
	}
}

// isHere and isAway are states of a roster.
func isHere(id string) func(roster) bool {
	return func(r roster) bool { i := r.index(id); return i >= 0 && !r.Members[i].Away }
}

func isAway(id string) func(roster) bool {
	return func(r roster) bool { i := r.index(id); return i >= 0 && r.Members[i].Away }
}

func isGone(id string) func(roster) bool {
	return func(r roster) bool { return r.index(id) < 0 }
}

// leaves waits, for d, until a member has left, and returns its departure.
func (c *client) leaves(id string, d time.Duration) (departed departure) {
	c.t.Helper()
	c.await("the leave of "+id, d, func(m message) bool {
		i := slices.IndexFunc(m.Left, func(d departure) bool { return d.ID == id })
		if i >= 0 {
			departed = m.Left[i]
		}
		return i >= 0
	})
	return departed
}

// meanwhile is what the hub says before it answers a ping that is sent now: all that it had to
// say up to now.
func (c *client) meanwhile() (said []message) {
	c.t.Helper()
	c.say(`{"type":"ping"}`)
	c.await("pong", answerWait, func(m message) bool {
		if m.Type != "pong" && !slices.Contains(mayComeAnyTime, m.Type) {
			said = append(said, m)
		}
		return m.Type == "pong"
	})
	return said
}

// isFine fails unless the connection lives.
func (c *client) isFine() {
	c.t.Helper()
	c.meanwhile()
}

// isRefused reads to the connection's end, for d, and fails unless that is an error of this
// code and the close code that belongs to it. It returns the error.
func (c *client) isRefused(code string, d time.Duration) (said message) {
	c.t.Helper()
	late := time.NewTimer(d)
	defer late.Stop()
	for {
		m, ok := c.take(late.C, "the close for "+code)
		if !ok {
			break
		}
		if m.Type == "error" {
			said = m
		}
	}
	if said.code() != code || said.Message == "" {
		c.t.Errorf("the hub closed with the error %v; it should have been %q", said, code)
	}
	if got, want := c.closeCode(), closeCodeOf[code]; got != want && !c.endedByStatus() {
		c.t.Errorf("the hub closed with %d; %d belongs to %s", got, want, code)
	}
	return said
}

// endedByStatus tells whether an HTTP status was all of the end.
func (c *client) endedByStatus() bool {
	w, ok := c.wire.(*httpWire)
	return ok && w.status.Load() >= 400
}

// ends reads to the connection's end, and returns the hub's close code.
func (c *client) ends(d time.Duration) int {
	c.t.Helper()
	late := time.NewTimer(d)
	defer late.Stop()
	for {
		if _, ok := c.take(late.C, "the connection's end"); !ok {
			return c.closeCode()
		}
	}
}
