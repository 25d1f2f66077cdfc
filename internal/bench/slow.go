package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const (
	deafMembers = 50
	deafShare   = 20 // of the members, if there are fewer
	// What each of them is sent at once, and a second after that: as much as one session of
	// this hub may send.
	deafBurst = 1000
	deafRate  = 100

	deafReadBuffer = 4 << 10 // bytes, in the kernel
	memorySample   = time.Second / 10
)

// slow measures what members that never read do to the others, and to the memory.
func slow(ctx context.Context, r *runner, t target) (figures []figure, err error) {
	err = r.with(t, func(s *site, c *crowd) error {
		members := r.members(defaultMembers)
		if err := r.talkers(ctx, c, members, r.Rate); err != nil {
			return err
		}
		deaf := min(deafMembers, max(members/deafShare, 1))
		talkers := c.members
		partners, err := c.joinDeaf(ctx, deaf)
		if err != nil {
			return err
		}
		grown, stopWatching := s.watchMemory(ctx)
		stopShouting := shout(ctx, partners)
		var measured *timing
		err = r.profiled(s, "slow", func() error {
			measured, err = c.talk(ctx, talkers, r.Rate, r.Length)
			return err
		})
		stopWatching()
		stopShouting()
		if err != nil {
			return err
		}
		figures = []figure{
			{"p50 of the others", timeUnit, measured.latency(50), nil},
			{"p99 of the others", timeUnit, measured.latency(99), nil},
			{"p99.9 of the others", timeUnit, measured.latency(99.9), nil},
		}
		if s.process != nil {
			figures = append(figures, figure{fmt.Sprintf("memory for each of %d that never read", deaf), bytesUnit, float64(*grown) / float64(deaf), nil})
		}
		return nil
	})
	return figures, err
}

// joinDeaf has members join that never read, each with a partner that does.
func (c *crowd) joinDeaf(ctx context.Context, count int) (partners []*member, err error) {
	name := signaling.NewRoomName()
	for i := range count {
		var pair [2]*member
		for j := range pair {
			if pair[j], err = c.dial(ctx, fmt.Sprintf("%s-%d", name, i)); err != nil {
				return nil, err
			}
			c.mu.Lock()
			c.members = append(c.members, pair[j])
			c.mu.Unlock()
			if j == 0 {
				pair[j].hearLittle()
			}
			if err := pair[j].enter(); err != nil {
				return nil, err
			}
		}
		pair[1].tolerant = true
		pair[1].address(pair[0].id)
		c.listen(pair[1])
		partners = append(partners, pair[1])
	}
	return partners, nil
}

// hearLittle has the kernel keep little for a member that doesn't read.
func (m *member) hearLittle() {
	conn := m.conn
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetReadBuffer(deafReadBuffer)
	}
}

// shout has members send to their partners, which don't read. A server may hold a sender up for that; so each has a goroutine
// of its own.
func shout(ctx context.Context, members []*member) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var shouting sync.WaitGroup
	for _, m := range members {
		shouting.Go(func() {
			pause := time.NewTicker(time.Second / deafRate)
			defer pause.Stop()
			for sent := 0; ctx.Err() == nil; sent++ {
				if sent >= deafBurst {
					select {
					case <-pause.C:
					case <-ctx.Done():
						return
					}
				}
				if m.send(time.Now()) != nil {
					return // it was held up until the end, or put out
				}
			}
		})
	}
	return func() {
		cancel()
		for _, m := range members {
			m.leaving.Store(true)
			m.conn.SetWriteDeadline(time.Now())
		}
		shouting.Wait()
	}
}

// watchMemory tells by how many bytes a server's memory has grown at most, once it is stopped.
func (s *site) watchMemory(ctx context.Context) (grown *int, stop func()) {
	grown = new(int)
	if s.process == nil {
		return grown, func() {}
	}
	before, err := s.process.memory(ctx)
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(memorySample)
		defer tick.Stop()
		for err == nil {
			now, _, e := s.process.resident()
			*grown, err = max(*grown, now-before), e
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return grown, func() { cancel(); watching.Wait() }
}
