package doctor

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/snug-chat/snug/signaling"
)

const (
	signSlack = 4 * time.Second // that a sign of life may be late: hubs look once a second
	lookEvery = 50 * time.Millisecond
	// lastWords is how long after a sign of life is waited for an end: a proxy that cuts may say something first.
	lastWords = 500 * time.Millisecond
	shortest  = 2 // s; the hub's bound of session.ping is one
)

// lines know when something last passed the connections of a visit, however it is encrypted.
type lines struct {
	mu   sync.Mutex
	last time.Time     // that something passed, in either direction
	sign time.Duration // the longest silence that the other side ended
	cut  time.Duration // the longest silence that ended with a connection
}

func newLines() *lines { return &lines{last: time.Now()} }

// through is dial, with connections that lines listens in on.
func (l *lines) through(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &tapped{conn, l}, nil
	}
}

// received takes down that something came, or that a connection ended.
func (l *lines) received(n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	silent := time.Since(l.last)
	switch {
	case n > 0:
		l.sign = max(l.sign, silent)
		l.last = time.Now()
	case err != nil:
		l.cut = max(l.cut, silent)
	}
}

// sends takes down that something is sent.
func (l *lines) sends() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
}

// silences are the longest that the other side, and that the end of a connection ended.
func (l *lines) silences() (sign, cut time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sign, l.cut
}

type tapped struct {
	net.Conn
	lines *lines
}

func (t *tapped) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.lines.received(n, err)
	return n, err
}

func (t *tapped) Write(b []byte) (int, error) {
	t.lines.sends()
	return t.Conn.Write(b)
}

// silence is what became of a silent connection.
type silence struct {
	kind string
	with values
}

// checkIdle waits for what becomes of connections on which nothing is said until the hub's sign of life. The worst is told.
func (e *examination) checkIdle(ctx context.Context, in []*visit) {
	if e.Idle < 0 {
		e.say("idle", "off", nil)
		return
	}
	found := make([]silence, len(in))
	var work sync.WaitGroup
	for i, v := range in {
		work.Go(func() { found[i] = v.wait(ctx, e.Idle) })
	}
	work.Wait()
	worst := found[0]
	for _, s := range found[1:] {
		if render("idle", s.kind, nil).Status == Failed && render("idle", worst.kind, nil).Status != Failed {
			worst = s
		}
	}
	e.say("idle", worst.kind, worst.with)
}

// wait waits until the hub gives a sign of life, the connection ends, or for so long.
func (v *visit) wait(ctx context.Context, bound time.Duration) silence {
	ping := time.Duration(v.Welcome().Heartbeat.Ping) * time.Millisecond
	with := values{"transport": map[string]string{signaling.TransportWebSocket: "WebSocket", signaling.TransportHTTP: "HTTP"}[v.Transport()],
		"ping": seconds(ping)}
	end := time.NewTimer(bound)
	defer end.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-v.over:
			return v.cut(with)
		case <-ctx.Done():
			return silence{"skipped", nil}
		case <-end.C:
			if bound > ping+signSlack {
				return silence{"swallowed", with.and("s", seconds(bound))}
			}
			return silence{"stayed", with.and("s", seconds(bound))}
		case <-look.C:
		}
		sign, _ := v.lines.silences()
		if sign < ping/2 || ping == 0 {
			continue
		}
		select {
		case <-v.over:
			return v.cut(with)
		case <-time.After(lastWords):
			return silence{"ok", with.and("s", seconds(sign))}
		}
	}
}

// cut is a connection that ended, maybe with a last word, after nothing had passed for a while.
func (v *visit) cut(with values) silence {
	var told *signaling.Error
	if errors.As(v.err, &told) {
		return silence{"ended", values{"error": told.Message}}
	}
	sign, cut := v.lines.silences()
	after := int(max(sign, cut).Round(time.Second) / time.Second)
	with["shorter"] = strconv.Itoa(max(shortest, after/2))
	return silence{"cut", with.and("s", strconv.Itoa(after))}
}

// roomIn is what a token says which room it is for, without checking it.
func roomIn(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Room string `json:"room"`
	}
	if json.Unmarshal(text, &claims) != nil || signaling.CheckRoom(claims.Room) != nil {
		return ""
	}
	return claims.Room
}
