package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/snug-chat/snug/peer"
)

// line is what is told at once.
type line struct {
	What  string         `json:"what"` // begins, joined, link, hub-lost, hub-back, heard, sent, failed, kicked
	Time  float64        `json:"time"` // in ms, as Date.now() has it
	Name  string         `json:"name,omitempty"`
	State peer.LinkState `json:"state,omitempty"`
	Cause peer.Cause     `json:"cause,omitempty"`
	Path  peer.Path      `json:"path,omitempty"`
	N     int            `json:"n,omitempty"`
	Error string         `json:"error,omitempty"`
}

// member tells what it sees, from several goroutines.
type member struct {
	mu  sync.Mutex
	out *json.Encoder
}

func newMember(out io.Writer) *member { return &member{out: json.NewEncoder(out)} }

func (m *member) tell(l line) {
	l.Time = float64(time.Now().UnixMicro()) / 1000
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out.Encode(l)
}

// run does what in says until its end, then leaves.
func (m *member) run(ctx context.Context, room *peer.Room, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { m.watch(ctx, room) })
	all.Go(func() { m.listen(ctx, room) })
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := m.obey(ctx, room, lines.Text()); err != nil {
			fmt.Fprintln(os.Stderr, "member:", err)
		}
	}
	return room.Close(ctx)
}

// watch tells how the links are, and whether the hub is away.
func (m *member) watch(ctx context.Context, room *peer.Room) {
	for e := range room.Events(ctx) {
		switch e.Type {
		case peer.HubLost, peer.HubBack:
			m.tell(line{What: string(e.Type)})
		default:
			m.tell(line{What: "link", Name: e.Member.Name, State: e.Member.State, Cause: e.Member.Cause, Path: e.Member.Path})
		}
	}
}

// listen tells the numbers that come.
func (m *member) listen(ctx context.Context, room *peer.Room) {
	for {
		message, err := room.Receive(ctx)
		if err != nil {
			return
		}
		n, _ := strconv.Atoi(string(message.Data))
		m.tell(line{What: "heard", Name: message.From.Name, N: n})
	}
}

func (m *member) obey(ctx context.Context, room *peer.Room, command string) error {
	var first, last int
	var name, pause string
	if _, err := fmt.Sscanf(command, "kick %s", &name); err == nil {
		return m.kick(ctx, room, name)
	}
	if _, err := fmt.Sscanf(command, "send %d %d %s", &first, &last, &pause); err != nil {
		return fmt.Errorf("%q: %w", command, err)
	}
	every, err := time.ParseDuration(pause)
	if err != nil {
		return err
	}
	m.send(ctx, room, first, last, max(every, time.Millisecond))
	return nil
}

func (m *member) kick(ctx context.Context, room *peer.Room, name string) error {
	for _, other := range room.Members() {
		if other.Name == name {
			_, err := room.Kick(ctx, other.ID)
			m.tell(line{What: "kicked", Name: name})
			return err
		}
	}
	return fmt.Errorf("nobody is called %s", name)
}

func (m *member) send(ctx context.Context, room *peer.Room, first, last int, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := first; n <= last; n++ {
		if err := room.Broadcast(ctx, peer.Text(strconv.Itoa(n))); err != nil {
			m.tell(line{What: "failed", N: n, Error: err.Error()})
			return
		}
		<-tick.C
	}
	m.tell(line{What: "sent", N: last})
}
