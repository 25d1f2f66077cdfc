package signaling

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// lab is a hub in this process, on real TCP unless it is in a bubble, where it is
// reached through pipes.
type lab struct {
	t      testing.TB
	hub    *Hub
	invite Invite
	dial   *DialOptions

	// In a bubble.
	listener *pipeListener
	handler  atomic.Pointer[Hub] // what answers now
	block    atomic.Int32        // blocking of WebSockets
	fail     atomic.Int32        // how many sends over HTTP are to fail
	unheard  atomic.Int32        // how many of them are taken, but the answers are lost
}

// blocking is what a network does to WebSockets.
type blocking int32

const (
	blockRefuse  blocking = iota + 1 // as a proxy that doesn't know them
	blockSwallow                     // as one that never answers
)

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrade := r.Header.Get("Upgrade") != ""
	switch block := blocking(l.block.Load()); {
	case upgrade && block == blockRefuse:
		http.Error(w, "no upgrades here", http.StatusBadGateway)
	case upgrade && block == blockSwallow:
		<-r.Context().Done()
	case strings.HasSuffix(r.URL.Path, "/send") && l.fail.Add(-1) >= 0:
		http.Error(w, "not now", http.StatusBadGateway)
	case strings.HasSuffix(r.URL.Path, "/send") && l.unheard.Add(-1) >= 0:
		l.handler.Load().ServeHTTP(httptest.NewRecorder(), r)
		http.Error(w, "not now", http.StatusBadGateway)
	default:
		l.handler.Load().ServeHTTP(w, r)
	}
}

func newLab(t testing.TB, o *Options) *lab {
	t.Helper()
	hub := NewHub(o)
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		if err := hub.Shutdown(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		server.Close()
	})
	u, _ := url.Parse(server.URL)
	return &lab{t: t, hub: hub, invite: Invite{Hub: u, Room: "lobby"}}
}

// newBubbleLab is for use inside synctest.Test.
func newBubbleLab(t *testing.T, o *Options) *lab {
	t.Helper()
	hub := NewHub(o)
	l := newPipeListener()
	u, _ := url.Parse("http://hub.test")
	lab := &lab{t: t, hub: hub, listener: l, invite: Invite{Hub: u, Room: "lobby"}, dial: &DialOptions{NetDialContext: l.dial}}
	lab.handler.Store(hub)
	server := &http.Server{Handler: lab}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	t.Cleanup(func() {
		hub.Shutdown(t.Context())
		server.Close()
		serving.Wait()
	})
	return lab
}

// pipeListener is a net.Listener of pipes, which block durably in a bubble.
type pipeListener struct {
	slowClose atomic.Bool // what is dialled from now on is closed as TLS is, to a client that doesn't read
	halfOpen  atomic.Bool // what is dialled from now on, or was, gets nothing through
	conns     chan net.Conn
	done      chan struct{}
	once      sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	ours = &halfOpenConn{ours, &l.halfOpen}
	if l.slowClose.Load() {
		theirs = slowCloseConn{theirs}
	}
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// halfOpenConn swallows what is written while its listener says so.
type halfOpenConn struct {
	net.Conn
	halfOpen *atomic.Bool
}

func (c *halfOpenConn) Write(b []byte) (int, error) {
	if c.halfOpen.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// slowCloseConn waits before it closes, and has a connection below that doesn't.
type slowCloseConn struct{ net.Conn }

func (c slowCloseConn) NetConn() net.Conn { return c.Conn }

func (c slowCloseConn) Close() error {
	time.Sleep(5 * time.Second)
	return c.Conn.Close()
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *lab) join(name string) *Conn { return l.joinAs(NewSecret(), name) }

func (l *lab) joinAs(s Secret, name string) *Conn {
	l.t.Helper()
	c, err := Dial(l.t.Context(), l.invite, Hello{Secret: s, Name: name, Kind: "go"}, l.dial)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func receive[M Message](t testing.TB, c *Conn) M {
	t.Helper()
	return receiveWithin[M](t, c, 10*time.Second)
}

// receiveWithin passes over acknowledgements unless they are asked for.
func receiveWithin[M Message](t testing.TB, c *Conn, patience time.Duration) M {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := c.Receive(ctx)
	var none M
	for _, acks := any(none).(Ack); err == nil && !acks; {
		if _, isAck := m.(Ack); !isAck {
			break
		}
		m, err = c.Receive(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, ok := m.(M)
	if !ok {
		t.Fatalf("got %#v, want a %T", m, got)
	}
	return got
}

func receiveError(t testing.TB, c *Conn) *Error {
	t.Helper()
	for {
		_, err := c.Receive(t.Context())
		if err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v, want an *Error", err)
		}
		return e
	}
}

func send(t testing.TB, c *Conn, to *Conn, body string) {
	t.Helper()
	if _, err := c.Signal(t.Context(), to.Welcome().You, jsontext.Value(body)); err != nil {
		t.Fatal(err)
	}
}

func names(members []Member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.Name)
	}
	return strings.Join(all, " ")
}

func TestMembersMeet(t *testing.T) {
	l := newLab(t, &Options{ICE: func(AuthRequest, Grant) ICE {
		return ICE{Servers: []ICEServer{{URLs: []string{"stun:stun.example.org"}}}}
	}})
	ann := l.join("Ann")
	w := ann.Welcome()
	if names(w.Roster.Members) != "Ann" || w.Roster.N != 1 || w.Recovered || w.ICE.Servers[0].URLs[0] != "stun:stun.example.org" {
		t.Errorf("welcome %+v", w)
	}
	if w.Heartbeat != (Heartbeat{15000, 30000, 60000}) || w.Limits != (Limits{65536, 64, 8192, 128, 1024, 262144, SignalLimits{100, 1000}, 64}) {
		t.Errorf("heartbeat %v, limits %v", w.Heartbeat, w.Limits)
	}
	bob := l.join("Bob")
	if got := names(bob.Welcome().Roster.Members); got != "Ann Bob" {
		t.Errorf("Bob is welcomed by %s", got)
	}
	c := receive[RosterChange](t, ann)
	if names(c.Joined) != "Bob" || c.N != 2 || c.Epoch != w.Roster.Epoch || c.Joined[0].Joined != 2 {
		t.Errorf("Ann is told %+v", c)
	}

	send(t, bob, ann, `{"type":"offer","sdp":"\u2028"}`)
	s := receive[Signal](t, ann)
	if s.From != bob.Welcome().You || string(s.Body) != `{"type":"offer","sdp":"\u2028"}` {
		t.Errorf("got %+v; a body must come as it was sent", s)
	}
	if err := ann.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	receive[Pong](t, ann)

	bob.Close()
	c = receive[RosterChange](t, ann)
	if len(c.Left) != 1 || c.Left[0] != (Departure{bob.Welcome().You, ReasonBye, 3}) {
		t.Errorf("Ann is told %+v", c)
	}
}

func TestLostConnectionIsAwayAndThenATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann, bob := l.join("Ann"), l.join("Bob")
		receive[RosterChange](t, ann)
		bob.wire.abort()
		if c := receive[RosterChange](t, ann); len(c.Away) != 1 || c.Away[0] != (Presence{bob.Welcome().You, true, 3}) {
			t.Errorf("Ann is told %+v", c)
		}
		start := time.Now()
		cem := l.join("Cem")
		receive[RosterChange](t, ann)
		if m := cem.Welcome().Roster.Members; names(m) != "Ann Bob Cem" || m[0].Away || !m[1].Away || m[2].Away {
			t.Errorf("Cem is told %+v", m)
		}
		go cem.Receive(t.Context()) // answers pings
		c := receiveWithin[RosterChange](t, ann, 2*defaultGrace)
		if len(c.Left) != 1 || c.Left[0].Reason != ReasonTimeout || time.Since(start).Round(2*time.Second) != defaultGrace {
			t.Errorf("Ann is told %+v after %v", c, time.Since(start))
		}
	})
}

func TestRoomsAreApart(t *testing.T) {
	l := newLab(t, nil)
	ann := l.join("Ann")
	l.invite.Room = "elsewhere"
	bob := l.join("Bob")
	if got := names(bob.Welcome().Roster.Members); got != "Bob" {
		t.Errorf("elsewhere is %s", got)
	}
	send(t, bob, ann, `1`)
	if u := receive[Undeliverable](t, bob); u != (Undeliverable{ann.Welcome().You, 1, UndeliverableGone, 0}) {
		t.Errorf("got %+v", u)
	}
}

func TestUndeliverableNamesTheSignal(t *testing.T) {
	l := newLab(t, nil)
	ann, bob := l.join("Ann"), l.join("Bob")
	receive[RosterChange](t, ann)
	bob.Close()
	receive[RosterChange](t, ann)
	for i, c := range []struct{ to, reason string }{
		{bob.Welcome().You, UndeliverableGone},
		{ann.Welcome().You, UndeliverableUnknown},
		{"nobody", UndeliverableUnknown},
		{"", UndeliverableUnknown},
	} {
		if n, err := ann.Signal(t.Context(), c.to, jsontext.Value("null")); err != nil || n != uint64(i+1) {
			t.Fatal(n, err)
		}
		if u := receive[Undeliverable](t, ann); u != (Undeliverable{c.to, uint64(i + 1), c.reason, 0}) {
			t.Errorf("got %+v, want %s", u, c.reason)
		}
	}
}

func TestSameSecretTakesOver(t *testing.T) {
	l := newLab(t, nil)
	secret := NewSecret()
	ann, old := l.join("Ann"), l.joinAs(secret, "Bob")
	receive[RosterChange](t, ann)
	again := l.joinAs(secret, "Bob")
	if e := receiveError(t, old); e.Code != CodeSuperseded || !e.Final {
		t.Errorf("the old connection ended with %+v", e)
	}
	if got := names(again.Welcome().Roster.Members); got != "Ann Bob" || again.Welcome().Recovered {
		t.Errorf("welcome %+v", again.Welcome())
	}
	send(t, again, ann, `2`)
	if s := receive[Signal](t, ann); string(s.Body) != "2" { // and no roster change before
		t.Errorf("got %+v", s)
	}
	send(t, ann, again, `3`)
	if s := receive[Signal](t, again); string(s.Body) != "3" {
		t.Errorf("got %+v", s)
	}
}

func TestFullRoom(t *testing.T) {
	l := newLab(t, &Options{Limits: HubLimits{Members: 2}})
	ann, _ := l.join("Ann"), l.join("Bob")
	_, err := Dial(t.Context(), l.invite, Hello{Secret: NewSecret(), Kind: "go"}, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeFull || e.Final || e.Retry != fullRetry {
		t.Errorf("got %v", err)
	}
	ann.Close()
	l.join("Cem")
}

func TestSlowMemberIsClosed(t *testing.T) { synctest.Test(t, slowMemberIsClosed) }

func slowMemberIsClosed(t *testing.T) {
	l := newBubbleLab(t, &Options{Limits: HubLimits{Queue: 1 << 17, Frame: 1 << 20, Signals: Rate{1e6, 1e6}}})
	ann, bob, cem := l.join("Ann"), l.join("Bob"), l.join("Cem")
	body := `"` + strings.Repeat("x", 60<<10) + `"`
	receive[RosterChange](t, ann)
	told := make(chan Undeliverable, 1)
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() {
		for {
			m, err := ann.Receive(t.Context())
			if u, ok := m.(Undeliverable); ok || err != nil {
				told <- u
				return
			}
		}
	})
	for range 5 { // Bob doesn't read
		send(t, ann, bob, body)
	}
	select {
	case u := <-told:
		if u.Reason != UndeliverableSlow || u.To != bob.Welcome().You {
			t.Errorf("Ann is told %+v", u)
		}
	case <-time.After(time.Second):
		t.Fatal("the queue has no bound")
	}
	if e := receiveError(t, bob); e.Code != CodeSlow || e.Final {
		t.Errorf("Bob is told %v", e)
	}
	send(t, ann, cem, `"still here"`)
	for {
		m, err := cem.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := m.(Signal); ok && string(s.Body) == `"still here"` {
			return
		}
	}
}

func TestRosterChangesAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		ann := l.join("Ann")
		var others []*Conn
		for i := range 20 {
			others = append(others, l.join(fmt.Sprint(i)))
		}
		// The first goes out at once, the others together, 50 ms later.
		start := time.Now()
		if c := receive[RosterChange](t, ann); len(c.Joined) != 1 || time.Since(start) != 0 {
			t.Errorf("first %d after %v", len(c.Joined), time.Since(start))
		}
		if c := receive[RosterChange](t, ann); len(c.Joined) != 19 || time.Since(start) != mergeWait {
			t.Errorf("then %d after %v", len(c.Joined), time.Since(start))
		}
		// A newcomer is introduced before its signal comes, however soon that is.
		<-time.After(time.Second)
		dan, eve := l.join("Dan"), l.join("Eve")
		send(t, dan, ann, `"dan"`)
		send(t, eve, ann, `"eve"`)
		r := ann.Welcome().Roster
		for seen := 0; seen < 2; {
			m, err := ann.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch m := m.(type) {
			case RosterChange:
				r.Apply(m)
			case Signal:
				seen++
				if r.index(m.From) < 0 {
					t.Errorf("a signal of %s came before its introduction", m.Body)
				}
			}
		}
		for _, o := range others {
			go o.wire.abort()
		}
	})
}

func TestSilentConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		mute, err := l.dial.NetDialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer mute.Close()
		ann := l.join("Ann")
		start := time.Now()
		// Bob's Receive is never called, so his pongs don't come, but the pipe
		// has to be read for the hub's frames to leave.
		bob := l.join("Bob")
		go func() {
			buf := make([]byte, 1024)
			for {
				if _, err := bob.wire.(*webSocket).ws.NetConn().Read(buf); err != nil {
					return
				}
			}
		}()
		receive[RosterChange](t, ann)
		c, err := ann.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if away := c.(RosterChange).Away; len(away) != 1 || !away[0].Away {
			t.Errorf("got %+v", c)
		}
		if d := time.Since(start); d < 30*time.Second || d > 35*time.Second {
			t.Errorf("a silent member was given up after %v", d)
		}
		c = receiveWithin[RosterChange](t, ann, 2*defaultGrace)
		if left := c.(RosterChange).Left; len(left) != 1 || left[0].Reason != ReasonTimeout {
			t.Errorf("got %+v", c)
		}
		// Ann, who answers, stays.
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if m, err := ann.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after an hour: %v, %v", m, err)
		}
	})
}

func TestClientNoticesASilentHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, &Options{PingInterval: time.Hour, PongTimeout: 2 * time.Hour})
		ann := l.join("Ann")
		ann.welcome.Heartbeat = Heartbeat{15000, 30000, 60000} // what the hub doesn't keep
		start := time.Now()
		if _, err := ann.Receive(t.Context()); !errors.Is(err, ErrUnreachable) || time.Since(start) != 45*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestConcurrentJoinsAndLeavesMissNobody(t *testing.T) {
	l := newLab(t, &Options{Limits: HubLimits{Members: 200}})
	const stay, pass = 24, 24
	var all sync.WaitGroup
	stayers := make([]*Conn, stay)
	for i := range stay {
		all.Go(func() { stayers[i] = l.join(fmt.Sprint("stays ", i)) })
	}
	for i := range pass {
		all.Go(func() { l.join(fmt.Sprint("passes ", i)).Close() })
	}
	all.Wait()
	stayers = append(stayers, l.join("last"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	passes := func(m Member) bool { return strings.HasPrefix(m.Name, "passes") }
	var want Roster
	for i, c := range stayers {
		r := c.Welcome().Roster
		for len(r.Members) != len(stayers) || slices.ContainsFunc(r.Members, passes) || r.N < want.N {
			m, err := c.Receive(ctx)
			if err != nil {
				t.Fatalf("%v; at %d knows %s", err, r.N, names(r.Members))
			}
			change := m.(RosterChange)
			if change.N <= r.N {
				t.Fatalf("told %d, which was known at %d", change.N, r.N)
			}
			for _, m := range change.Joined {
				if m.Joined > r.N && r.index(m.ID) >= 0 {
					t.Errorf("%s came twice", m.Name)
				}
			}
			r.Apply(change)
		}
		if i == 0 {
			want = r
		}
		if !slices.EqualFunc(r.Members, want.Members, func(a, b Member) bool { return a.ID == b.ID && a.Joined == b.Joined }) {
			t.Errorf("roster %s\nwant   %s", names(r.Members), names(want.Members))
		}
	}
}

func TestShutdownSaysWhenToComeBack(t *testing.T) {
	l := newLab(t, nil)
	var conns []*Conn
	for i := range 8 {
		conns = append(conns, l.join(fmt.Sprint(i)))
	}
	ended := make(chan *Error, len(conns))
	for _, c := range conns {
		go func() { ended <- receiveError(t, c) }()
	}
	if err := l.hub.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	retries := map[time.Duration]bool{}
	for range conns {
		e := <-ended
		if e.Code != CodeGoingAway || e.Final || e.Retry < goingAwayRetryMin || e.Retry > goingAwayRetryMax {
			t.Errorf("got %+v", e)
		}
		retries[e.Retry] = true
	}
	if len(retries) < 2 {
		t.Error("everybody is to come back at the same time")
	}
	_, err := Dial(t.Context(), l.invite, Hello{Secret: NewSecret(), Kind: "go"}, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeGoingAway || e.Final {
		t.Errorf("then: %v", err)
	}
	if err := l.hub.Shutdown(t.Context()); err != nil {
		t.Error("a second Shutdown:", err)
	}
}

func TestShutdownCutsWhoDoesntClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBubbleLab(t, nil)
		l.join("Ann") // reads nothing any more
		start := time.Now()
		if err := l.hub.Shutdown(t.Context()); err != nil || time.Since(start) != closeWait {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		again := NewHub(nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := again.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestEmptyRoomsAreForgotten(t *testing.T) {
	l := newLab(t, nil)
	ann := l.join("Ann")
	epoch := ann.Welcome().Roster.Epoch
	ann.Close()
	l.invite.Room = "other"
	l.join("Bob")
	l.invite.Room = "lobby"
	if again := l.join("Ann").Welcome().Roster; again.N != 1 || again.Epoch == epoch {
		t.Errorf("the room came back as %+v", again)
	}
}
