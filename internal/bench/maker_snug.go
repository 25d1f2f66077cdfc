package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

// snugMaker has members of a real hub, in the same process.
type snugMaker struct {
	hub   *benchHub
	rooms int // that were named so far
	end   *snugEnd
	here  []*peer.Room // a mesh
}

// benchHub is a hub with its defaults, on a free port of this machine.
type benchHub struct {
	hub    *signaling.Hub
	server *http.Server
	url    string
	served sync.WaitGroup
}

func startHub() (*benchHub, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &benchHub{hub: signaling.NewHub(&signaling.Options{Limits: signaling.HubLimits{Members: maxMesh}}), url: "http://" + listener.Addr().String()}
	h.server = &http.Server{Handler: h.hub, ReadHeaderTimeout: 10 * time.Second}
	h.served.Go(func() { h.server.Serve(listener) })
	return h, nil
}

func (h *benchHub) stop() {
	h.hub.Shutdown(context.Background())
	h.server.Close()
	h.served.Wait()
}

// invite is one to a room that nobody was in before.
func (m *snugMaker) invite() (string, error) {
	if m.hub == nil {
		var err error
		if m.hub, err = startHub(); err != nil {
			return "", err
		}
	}
	m.rooms++
	return fmt.Sprintf("%s/r/bench-%d", m.hub.url, m.rooms), nil
}

func (m *snugMaker) pair(ctx context.Context, r *road) (*pair, error) {
	invite, err := m.invite()
	if err != nil {
		return nil, err
	}
	resident, _, err := joinOver(ctx, invite, r, 0)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	newcomer, welcome, err := joinOver(ctx, invite, r, 1)
	if err != nil {
		resident.close()
		return nil, err
	}
	p := &pair{newcomer: newcomer, resident: resident}
	var there error
	var waiting sync.WaitGroup
	var both time.Time
	waiting.Go(func() { both, there = resident.live(ctx) })
	here, err := newcomer.live(ctx)
	waiting.Wait()
	if err := cmp.Or(err, there); err != nil {
		p.close()
		return nil, err
	}
	if here.After(both) {
		both = here
	}
	p.opened = opened{Joined: here.Sub(start), Newcomer: here.Sub(welcome), Both: both.Sub(welcome)}
	return p, nil
}

// joinOver joins as the first or second member on a road, and tells when the welcome came.
func joinOver(ctx context.Context, invite string, r *road, i int) (*snugEnd, time.Time, error) {
	var at atomic.Pointer[time.Time]
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := r.dial(ctx, network, address)
		return welcomed{conn, &at}, err
	}
	room, err := peer.Join(ctx, invite, &peer.Options{Net: r.nets[i], Signaling: &signaling.DialOptions{NetDialContext: dial}})
	if err != nil {
		return nil, time.Time{}, err
	}
	e := newSnugEnd(room)
	if at.Load() == nil {
		e.close()
		return nil, time.Time{}, errors.New("the hub's welcome wasn't seen")
	}
	return e, *at.Load(), nil
}

// meet begins with the hub, whose invite is all that the other one needs.
func (m *snugMaker) meet(ctx context.Context, said string) (answer string, err error) {
	if m.end != nil {
		return "", nil
	}
	if said == "" {
		if said, err = m.invite(); err != nil {
			return "", err
		}
	}
	room, err := peer.Join(ctx, said, nil)
	if err != nil {
		return "", err
	}
	m.end = newSnugEnd(room)
	return said, nil
}

func (m *snugMaker) met(ctx context.Context) (end, error) {
	_, err := m.end.live(ctx)
	return m.end, err
}

func (m *snugMaker) mesh(ctx context.Context, members int, apart bool) (time.Duration, error) {
	others := members - 1
	invites := make([]string, members)
	for i := range invites {
		var err error
		if i > 0 && !apart {
			invites[i] = invites[0]
		} else if invites[i], err = m.invite(); err != nil {
			return 0, err
		}
	}
	if apart {
		others = 0
	}
	m.here = make([]*peer.Room, members)
	start := time.Now()
	err := all(members, func(i int) (err error) {
		if m.here[i], err = peer.Join(ctx, invites[i], nil); err != nil {
			return err
		}
		_, err = liveWith(ctx, m.here[i], others)
		return err
	})
	return time.Since(start), err
}

func (m *snugMaker) close() {
	if m.end != nil {
		m.end.close()
	}
	all(len(m.here), func(i int) error {
		if m.here[i] != nil {
			m.here[i].Close(context.Background())
		}
		return nil
	})
	m.here = nil
	if m.hub != nil {
		m.hub.stop()
	}
}

// all does something for each of so many, at the same time, and returns one of the errors.
func all(n int, do func(i int) error) error {
	var doing sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		doing.Go(func() { errs[i] = do(i) })
	}
	doing.Wait()
	return cmp.Or(errs...)
}

// liveWith waits for live links to so many members. It returns one of them.
func liveWith(ctx context.Context, room *peer.Room, others int) (string, error) {
	if others == 0 {
		return "", nil
	}
	live := make(map[string]bool)
	for e := range room.Events(ctx) {
		if e.Type != peer.MemberJoined && e.Type != peer.MemberChanged {
			continue
		}
		if e.Member.State != peer.LinkLive {
			delete(live, e.Member.ID)
			continue
		}
		if live[e.Member.ID] = true; len(live) == others {
			return e.Member.ID, nil
		}
	}
	return "", cmp.Or(ctx.Err(), errors.New("a room ended before its links were live"))
}

// snugEnd is a room of two.
type snugEnd struct {
	counter
	room    *peer.Room
	link    *peer.Link // set by live
	reading sync.WaitGroup
}

func newSnugEnd(room *peer.Room) *snugEnd {
	e := &snugEnd{room: room}
	e.reading.Go(func() {
		for {
			m, err := room.Receive(context.Background())
			if err != nil {
				return
			}
			e.add(len(m.Data))
		}
	})
	return e
}

// live waits until it can send, and tells since when.
func (e *snugEnd) live(ctx context.Context) (time.Time, error) {
	id, err := liveWith(ctx, e.room, 1)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	if e.link = e.room.Link(id); e.link == nil {
		return now, errors.New("the other member left")
	}
	return now, nil
}

func (e *snugEnd) send(ctx context.Context, data []byte) error {
	return e.link.Send(ctx, peer.Bytes(data))
}

func (e *snugEnd) close() {
	e.room.Close(context.Background())
	e.reading.Wait()
}
