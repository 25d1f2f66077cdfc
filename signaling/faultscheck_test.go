package signaling_test

import (
	"maps"
	"slices"
	"time"
)

// settle waits until everybody is back, sees everybody, and nothing is on its way.
func (w *world) settle(slots []*slot) {
	w.t.Helper()
	const patience = 3 * time.Minute // the longest wait to redial, a hub's timeout, and a grace
	for start := time.Now(); !w.isSettled(slots); {
		if time.Since(start) > patience {
			w.report(slots)
			w.t.Fatalf("after %v not everybody sees everybody", patience)
		}
		wait(w.t.Context(), time.Second)
	}
	wait(w.t.Context(), 20*time.Second) // for what waits in networks that were slow
}

func (w *world) isSettled(slots []*slot) bool {
	rooms := expected(slots)
	for _, s := range slots {
		if !slices.Equal(s.member.sees(), rooms[s.room]) {
			return false
		}
	}
	return true
}

// expected are the ids of each room's members, in order.
func expected(slots []*slot) map[string][]string {
	rooms := make(map[string][]string)
	for _, s := range slots {
		rooms[s.room] = append(rooms[s.room], s.member.id)
	}
	for _, ids := range rooms {
		slices.Sort(ids)
	}
	return rooms
}

// sees are the ids of who is there and not away, in order; nil while it isn't connected itself.
func (m *member) sees() (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.online {
		return nil
	}
	for _, other := range m.roster.Members {
		if other.Away {
			return nil
		}
		ids = append(ids, other.ID)
	}
	slices.Sort(ids)
	return ids
}

// report tells what keeps the world from being settled.
func (w *world) report(slots []*slot) {
	w.t.Helper()
	rooms := expected(slots)
	for i, s := range slots {
		if slices.Equal(s.member.sees(), rooms[s.room]) {
			continue
		}
		m := s.member
		m.mu.Lock()
		missing, wrong := slices.Clone(rooms[s.room]), []string{}
		for _, other := range m.roster.Members {
			missing = slices.DeleteFunc(missing, func(id string) bool { return id == other.ID })
			switch {
			case other.Away:
				wrong = append(wrong, other.ID+" away")
			case !slices.Contains(rooms[s.room], other.ID):
				wrong = append(wrong, other.ID+" who isn't there")
			}
		}
		w.t.Logf("slot %d, %s in %s (online %v, by %q, lost for %v): missing %v, wrong %v", i, m.id, s.room, m.online, m.options.Transport, m.why, missing, wrong)
		m.mu.Unlock()
	}
}

// check looks at every signal that was sent.
func (w *world) check(slots []*slot) {
	w.t.Helper()
	byID := make(map[string]*member)
	for _, m := range w.members {
		byID[m.id] = m
	}
	var total, delivered, told, missing, gaps int
	for _, from := range w.members {
		gaps += len(from.gaps)
		for id, all := range from.sent {
			to := byID[id]
			got := to.inOrder(w, from.id)
			for i, s := range all {
				total++
				_, arrived := slices.BinarySearchFunc(got, s.seq, func(h heard, seq int) int { return h.seq - seq })
				switch {
				case arrived && s.told != "":
					w.t.Errorf("signal %d from %s to %s arrived, and was said to be %s", s.seq, from.id, id, s.told)
				case arrived:
					delivered++
				case s.told != "":
					told++
				case to.mayMiss(s, got) || from.mayHaveLost(all[i:], got) || from.mayHaveMissed(all[i:], got, byID):
					missing++
				default:
					w.t.Errorf("signal %d from %s to %s is lost, and nobody was told", s.seq, from.id, id)
				}
			}
		}
	}
	stats := w.hub.Signaling().Stats()
	w.t.Logf("the last hub: %d joined, %d resumed, %d not recovered, %d connections superseded", stats.Joins, stats.Resumed, stats.NotRecovered, stats.Superseded)
	w.t.Logf("%d members, %d hubs; of %d signals %d were delivered, %d told undeliverable, %d missing with %d sessions that weren't recovered; %v",
		len(w.members), w.hubs+1, total, delivered, told, missing, gaps, w.faced)
	if total == 0 || delivered*4 < total || gaps == 0 || delivered == total {
		w.t.Error("these faults prove nothing")
	}
}

// inOrder is what a member heard from another, and fails unless each came once and in order.
func (m *member) inOrder(w *world, from string) []heard {
	w.t.Helper()
	if m == nil {
		return nil
	}
	got := slices.Clone(m.heard[from])
	for i := 1; i < len(got); i++ {
		if got[i].seq <= got[i-1].seq {
			w.t.Errorf("from %s to %s came %d after %d", from, m.id, got[i].seq, got[i-1].seq)
		}
	}
	return got
}

// mayMiss tells whether the receiver was told that s may be missing: a session of its began after s was sent,
// and between what came before s and after it.
func (m *member) mayMiss(s *sent, got []heard) bool {
	if m == nil {
		return true // the hub took it in, but its welcome didn't come in time: it was never there, and leaves with timeout
	}
	i, _ := slices.BinarySearchFunc(got, s.seq, func(h heard, seq int) int { return h.seq - seq })
	before, after := -1, m.session+1
	if i > 0 {
		before = got[i-1].session
	} else if s.at < m.came {
		return true // the hub took it in by a hello before, whose welcome didn't come in time
	}
	if i < len(got) {
		after = got[i].session
	} else if m.ended != 0 {
		return true // it left for good, which everybody was told
	}
	return slices.ContainsFunc(m.gaps, func(g gap) bool { return g.at > s.at && before < g.session && g.session <= after })
}

// mayHaveLost tells whether the sender was told that the first of these signals may be lost: its session, or
// itself, ended after it was sent, and nothing that it sent to the same member later on, before that, arrived.
func (m *member) mayHaveLost(signals []*sent, got []heard) bool {
	ends := slices.Clone(m.gaps)
	if m.ended != 0 {
		ends = append(ends, gap{lost: m.ended, at: m.ended})
	}
	return slices.ContainsFunc(ends, func(g gap) bool {
		return g.at > signals[0].at && !slices.ContainsFunc(signals[1:], func(s *sent) bool {
			_, arrived := slices.BinarySearchFunc(got, s.seq, func(h heard, seq int) int { return h.seq - seq })
			return s.done < g.lost && (arrived || s.told != "")
		})
	})
}

// mayHaveMissed tells whether the first of these signals may be undeliverable, and the message that said so was lost with the
// sender's session. One that arrived later shows when the hub had dealt with it: what was sent to the sender
// after that, and came in that session, came behind the message.
func (m *member) mayHaveMissed(signals []*sent, got []heard, byID map[string]*member) bool {
	s := signals[0]
	i, _ := slices.BinarySearchFunc(got, s.seq, func(h heard, seq int) int { return h.seq - seq })
	if i == len(got) {
		return false
	}
	for k := s.session; k <= m.session; k++ {
		inIt := k == s.session || m.gaps[k-1].lost < s.done // it learns of a new session a moment later
		told := slices.ContainsFunc(signals, func(later *sent) bool { return later.session == k && later.told != "" })
		over := k < m.session || m.ended != 0
		if inIt && over && !told && !m.heardOf(k, got[i].at, byID) {
			return true
		}
	}
	return false
}

// heardOf tells whether something came to m in a session that was sent after a time.
func (m *member) heardOf(session int, after uint64, byID map[string]*member) bool {
	for id, all := range m.heard {
		for _, h := range all {
			if h.session == session && byID[id].sent[m.id][h.seq].at > after {
				return true
			}
		}
	}
	return false
}

// checkLeaves fails unless every member of the last hub that joined has left, once.
func (w *world) checkLeaves() {
	w.t.Helper()
	stats := w.hub.Signaling().Stats()
	for start := time.Now(); (stats.Members > 0 || stats.Bytes > 0) && time.Since(start) < time.Minute; stats = w.hub.Signaling().Stats() {
		wait(w.t.Context(), time.Second) // byes are on their way, and last words to who doesn't read
	}
	var leaves uint64
	for n := range maps.Values(stats.Leaves) {
		leaves += n
	}
	if stats.Members != 0 || stats.Rooms != 0 || stats.Bytes != 0 || leaves != stats.Joins {
		w.t.Errorf("%d joined and %d left; then there are %d members in %d rooms, and %d bytes", stats.Joins, leaves, stats.Members, stats.Rooms, stats.Bytes)
	}
}
