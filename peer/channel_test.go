package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// pair are two members with a link that is live.
func pair(t testing.TB) (ann, bob *Room) {
	t.Helper()
	h := newTestHub(t)
	ann, bob = h.join("Ann"), h.join("Bob")
	until(t, ann, live(1))
	until(t, bob, live(1))
	return ann, bob
}

func channelOf(t testing.TB, r *Room, name string, o *ChannelOptions) *Channel {
	t.Helper()
	c, err := r.Channel(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type receiver interface {
	Receive(context.Context) (Message, error)
}

func receives(t testing.TB, r receiver, want string) Message {
	t.Helper()
	m, err := r.Receive(within(t, 20*time.Second))
	if err != nil || string(m.Data) != want {
		t.Fatalf("got %.40q, %v; want %.40q", m.Data, err, want)
	}
	return m
}

func random(size int) []byte {
	dice := rand.New(rand.NewPCG(uint64(size), 1))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(dice.Uint32())
	}
	return data
}

func TestMessagesOfAllSizes(t *testing.T) {
	ann, bob := pair(t)
	sizes := []int{0, 1, maxPayload, maxPayload + 1, firstPieceBytes + maxPayload, firstPieceBytes + maxPayload + 1, 130_000, 300_000, 5 << 20, MaxMessage, 3}
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for _, size := range sizes {
			if err := ann.Broadcast(within(t, time.Minute), Bytes(random(size))); err != nil {
				t.Error(err)
			}
		}
		if err := ann.Broadcast(t.Context(), Text(strings.Repeat("你好", 20_000))); err != nil {
			t.Error(err)
		}
	})
	for _, size := range sizes {
		if m, err := bob.Receive(within(t, time.Minute)); err != nil || m.Text || !bytes.Equal(m.Data, random(size)) {
			t.Fatalf("%d bytes came as %d, %v", size, len(m.Data), err)
		}
	}
	if m := receives(t, bob, strings.Repeat("你好", 20_000)); !m.Text {
		t.Error("text came as bytes")
	}
}

func TestAMessageThatTheOtherSideDoesntTakeIsRefusedInWords(t *testing.T) {
	ann, bob := pair(t)
	link := ann.Link(bob.Self().ID)
	err := link.Send(t.Context(), Bytes(make([]byte, MaxMessage+1)))
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
	if err := link.await(within(t, 20*time.Second), func() (bool, error) { return link.outgoing.out.heard, nil }); err != nil {
		t.Fatal(err)
	}
	link.outgoing.mu.Lock()
	link.outgoing.out.heard, link.outgoing.out.maxMessage = true, 20_000 // as another program may say; its own hello may come later
	link.outgoing.mu.Unlock()
	err = link.Send(t.Context(), Bytes(make([]byte, 20_001)))
	if err == nil || !strings.Contains(err.Error(), "20000 are allowed") {
		t.Errorf("got %v", err)
	}
	says(t, ann, "and on")
	hears(t, bob, "Ann", "and on")
}

func TestChannelsAreTakenByName(t *testing.T) {
	ann, bob := pair(t)
	files, moves := channelOf(t, ann, "files", nil), channelOf(t, bob, "moves", nil)
	if _, err := ann.Channel("files", nil); err == nil {
		t.Error("two channels have one name")
	}
	for _, name := range []string{"", strings.Repeat("x", maxName+1), "a\n", "\xff"} {
		if _, err := ann.Channel(name, nil); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	if err := files.Broadcast(t.Context(), Text("before anybody asked")); err != nil {
		t.Fatal(err)
	}
	for e := range bob.Events(within(t, 20*time.Second)) {
		if e.Type == ChannelOpened {
			if e.Channel != "files" || e.Member.Name != "Ann" {
				t.Errorf("%+v", e)
			}
			break
		}
	}
	says(t, ann, "hello")
	hears(t, bob, "Ann", "hello")
	bobs := channelOf(t, bob, "files", nil)
	receives(t, bobs, "before anybody asked")
	if err := bobs.Send(t.Context(), ann.Self().ID, Text("thanks")); err != nil {
		t.Fatal(err)
	}
	receives(t, files, "thanks")
	if err := bobs.Send(t.Context(), "nobody", Text("x")); !errors.Is(err, ErrNoMember) {
		t.Errorf("sending to nobody: %v", err)
	}

	// A link's own channel comes before the room's.
	own, err := bob.Link(ann.Self().ID).Channel("files", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Broadcast(t.Context(), Text("to the link's")); err != nil {
		t.Fatal(err)
	}
	receives(t, own, "to the link's")
	_ = moves
}

func TestAClosedChannelStopsItsSenders(t *testing.T) {
	ann, bob := pair(t)
	anns, bobs := channelOf(t, ann, "files", nil), channelOf(t, bob, "files", nil)
	if err := anns.Broadcast(t.Context(), Text("1")); err != nil {
		t.Fatal(err)
	}
	receives(t, bobs, "1")
	bobs.Close()
	if _, err := bobs.Receive(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Receive after Close: %v", err)
	}
	if err := bobs.Broadcast(t.Context(), Text("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Broadcast after Close: %v", err)
	}
	ctx := within(t, 20*time.Second)
	for { // a window's worth at most
		err := anns.Send(ctx, bob.Self().ID, Bytes(make([]byte, maxPayload)))
		if errors.Is(err, ErrUnwanted) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	again := channelOf(t, bob, "files", nil)
	for err := ErrUnwanted; err != nil; { // what waited in between may be told likewise
		if err = anns.Send(ctx, bob.Self().ID, Text("last")); err != nil && !errors.Is(err, ErrUnwanted) {
			t.Fatal(err)
		}
	}
	for {
		m, err := again.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) == "last" {
			break
		}
	}
}

// fill sends on a channel that nobody reads until that waits.
func fill(t testing.TB, send func(context.Context, Message) error) (sent int) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		err := send(ctx, Bytes(make([]byte, maxPayload)))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return sent
		}
		if err != nil {
			t.Fatal(err)
		}
		if sent++; sent > 100 {
			t.Fatal("1.6 MB were taken for somebody who doesn't receive")
		}
	}
}

func TestASlowReaderMakesOnlyItsOwnSendersWait(t *testing.T) {
	h := newTestHub(t)
	ann, bob, cem := h.join("Ann"), h.join("Bob"), h.join("Cem")
	for _, r := range []*Room{ann, bob, cem} {
		until(t, r, live(2))
	}
	slow, fast := channelOf(t, ann, "slow", nil), channelOf(t, ann, "fast", nil)
	bobs, cems := channelOf(t, bob, "fast", nil), channelOf(t, cem, "slow", nil)
	fill(t, func(ctx context.Context, m Message) error { return slow.Send(ctx, bob.Self().ID, m) })
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { // in a message that waits, too
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := slow.Send(ctx, bob.Self().ID, Bytes(random(3<<20))); err != nil {
			t.Error(err)
		}
	})
	for i := range 100 {
		what := fmt.Sprint(i, strings.Repeat("x", 50_000))
		if err := fast.Send(t.Context(), bob.Self().ID, Text(what)); err != nil {
			t.Fatal(err)
		}
		receives(t, bobs, what)
		if err := slow.Send(t.Context(), cem.Self().ID, Text(what)); err != nil {
			t.Fatal(err)
		}
		receives(t, cems, what)
	}
	says(t, ann, "chat")
	hears(t, bob, "Ann", "chat")
	late := channelOf(t, bob, "slow", nil)
	for {
		m, err := late.Receive(within(t, 20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) == 3<<20 {
			if !bytes.Equal(m.Data, random(3<<20)) {
				t.Error("it came as something else")
			}
			break
		}
	}
}

func TestACancelledLongMessageIsForgotten(t *testing.T) {
	ann, bob := pair(t)
	link := ann.Link(bob.Self().ID)
	for _, name := range []string{"one", "two"} { // all that Bob reserves for long messages: what is long stops midway
		c, err := link.Channel(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Broadcast(within(t, 20*time.Second), Bytes(make([]byte, MaxMessage))); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, link.Send)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := link.Send(ctx, Bytes(make([]byte, 6<<20)))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		for range 3 {
			if m, err := bob.Receive(within(t, 20*time.Second)); err != nil || len(m.Data) != maxPayload {
				t.Fatalf("got %d bytes, %v", len(m.Data), err)
			}
		}
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		if err := link.Send(within(t, 20*time.Second), Text("last")); err != nil {
			t.Error(err)
		}
	})
	for {
		m, err := bob.Receive(within(t, 20*time.Second))
		if err != nil || len(m.Data) != maxPayload && string(m.Data) != "last" {
			t.Fatalf("got %d bytes, %v", len(m.Data), err)
		}
		if m.Text {
			break
		}
	}
}

func TestACancelledMessageSaysHowFarItCame(t *testing.T) {
	ann, bob := pair(t)
	link := ann.Link(bob.Self().ID)
	other := bob.Link(ann.Self().ID)
	other.incoming.mu.Lock()
	other.incoming.in.reserved = maxReserved // others have it all
	other.incoming.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := link.Send(ctx, Bytes(make([]byte, 6<<20)))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "given up after 245636 of 6291456 bytes") {
		t.Errorf("got %v", err)
	}
	says(t, ann, "and on")
	hears(t, bob, "Ann", "and on")
}

func TestReceiveTakesFromEachLinkInTurn(t *testing.T) {
	h := newTestHub(t)
	ann, bob, cem := h.join("Ann"), h.join("Bob"), h.join("Cem")
	for _, r := range []*Room{ann, bob, cem} {
		until(t, r, live(2))
	}
	for range 10 {
		if err := bob.Link(ann.Self().ID).Send(t.Context(), Text("many")); err != nil {
			t.Fatal(err)
		}
	}
	waits := func(from *Room, n int) {
		l := ann.Link(from.Self().ID)
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
			ann.inboxes.mu.Lock()
			waiting := l.sources[""].waiting.len()
			ann.inboxes.mu.Unlock()
			if waiting == n {
				return
			}
		}
		t.Fatal("it didn't come")
	}
	waits(bob, 10)
	for range 2 {
		if err := cem.Link(ann.Self().ID).Send(t.Context(), Text("few")); err != nil {
			t.Fatal(err)
		}
	}
	waits(cem, 2)
	var order []string
	for range 5 {
		m, err := ann.Receive(within(t, 20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, m.From.Name)
	}
	if got := strings.Join(order, " "); got != "Bob Cem Bob Cem Bob" {
		t.Error(got)
	}
}

func TestWhatHasComeIsReceivedAfterTheLinkIsGone(t *testing.T) {
	ann, bob := pair(t)
	files := channelOf(t, ann, "files", nil)
	bobs := channelOf(t, bob, "files", nil)
	for _, text := range []string{"1", "2"} {
		if err := bobs.Broadcast(t.Context(), Text(text)); err != nil {
			t.Fatal(err)
		}
	}
	says(t, bob, "bye")
	bob.Close(t.Context())
	until(t, ann, func(m []Member) bool { return len(m) == 0 })
	hears(t, ann, "Bob", "bye")
	receives(t, files, "1")
	receives(t, files, "2")
}

// Members come and go faster than an application may receive: what they leave is bounded.
func TestWhatGoneMembersLeaveIsBounded(t *testing.T) {
	h := newTestHub(t)
	ann := h.join("Ann")
	channelOf(t, ann, "files", nil)
	ann.inboxes.mu.Lock()
	ann.inboxes.left = maxLeft - 600_000 // as of others before
	ann.inboxes.mu.Unlock()
	for i := range 3 {
		bob := h.join("Bob")
		until(t, bob, live(1))
		files := channelOf(t, bob, "files", nil)
		for range 2 { // on a channel that Ann doesn't receive from
			if err := files.Send(within(t, 20*time.Second), ann.Self().ID, Bytes(make([]byte, 125_000-i))); err != nil {
				t.Fatal(err)
			}
		}
		bob.Close(t.Context())
		until(t, ann, func(m []Member) bool { return len(m) == 0 })
	}
	ann.Close(t.Context())
	if left := ann.inboxes.left; left > maxLeft || left < maxLeft-200_000 {
		t.Errorf("%d bytes are left of %d", left, maxLeft)
	}
}

func TestOnlyTheNewestOfAKeyIsReceived(t *testing.T) {
	ann, bob := pair(t)
	moves, bobs := channelOf(t, ann, "moves", &ChannelOptions{Unreliable: true}), channelOf(t, bob, "moves", nil)
	send := func(key, text string) {
		m := Text(text)
		m.Key = key
		if err := moves.Broadcast(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	first := "first"
	got := func() (m Message) { // on loopback nothing is lost but what comes before the channel was opened
		t.Helper()
		for m.Data == nil {
			send("cursor", first)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			m, _ = bobs.Receive(ctx)
			cancel()
		}
		return m
	}()
	if got.Key != "cursor" || !got.Unreliable || string(got.Data) != first {
		t.Errorf("%+v", got)
	}
	for i := range 100 {
		send("cursor", fmt.Sprint(i))
		send("scroll", fmt.Sprint(i))
	}
	send("end", "end")
	last := map[string]string{}
	count := 0
	for last["end"] == "" {
		m, err := bobs.Receive(within(t, 20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		last[m.Key] = string(m.Data)
		count++
	}
	t.Logf("%d were received: %v", count, last)
	m := Text("x")
	m.Key = "k"
	if err := ann.Broadcast(t.Context(), m); err == nil {
		t.Error("a reliable message had a key")
	}
	m.Key, m.Data = strings.Repeat("k", maxKey+1), nil
	if err := moves.Broadcast(t.Context(), m); err == nil {
		t.Error("a key was too long")
	}
	if err := moves.Broadcast(t.Context(), Bytes(make([]byte, MaxUnreliable+1))); err == nil {
		t.Error("an unreliable message was too long")
	}
}

// How long a chat line takes beside a transfer is measured, not asserted: that depends on the machine.
func TestAChatLineBesideATransfer(t *testing.T) {
	ann, bob := pair(t)
	files, bobs := channelOf(t, ann, "files", nil), channelOf(t, bob, "files", nil)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		for ctx.Err() == nil {
			files.Broadcast(ctx, Bytes(make([]byte, 1<<20)))
		}
	})
	transferred := 0
	running.Go(func() {
		for {
			m, err := bobs.Receive(ctx)
			if err != nil {
				return
			}
			transferred += len(m.Data)
		}
	})
	var longest, all time.Duration
	const lines = 50
	for i := range lines {
		start := time.Now()
		says(t, ann, fmt.Sprint(i))
		hears(t, bob, "Ann", fmt.Sprint(i))
		longest, all = max(longest, time.Since(start)), all+time.Since(start)
	}
	cancel()
	running.Wait()
	t.Logf("%d lines beside %d MiB: %v on average, %v at most", lines, transferred>>20, all/lines, longest)
}

// Closing what was never sent on is nothing that a link has to do, and nothing that piles up.
func TestManyChannelsAreAskedForAndClosed(t *testing.T) {
	ann, bob := pair(t)
	link := ann.Link(bob.Self().ID)
	for i := range 1000 {
		channelOf(t, ann, fmt.Sprint("c", i), nil).Close()
	}
	bobs := channelOf(t, bob, "x", nil)
	for range 1000 {
		c := channelOf(t, ann, "x", nil)
		if err := c.Broadcast(within(t, 20*time.Second), Text("x")); err != nil {
			t.Fatal(err)
		}
		c.Close()
		receives(t, bobs, "x")
	}
	says(t, ann, "and on")
	hears(t, bob, "Ann", "and on")
	if link.State() != LinkLive || len(link.outgoing.lanes) != 1 {
		t.Errorf("the link is %s and has %d lanes", link.State(), len(link.outgoing.lanes))
	}
}
