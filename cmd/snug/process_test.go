package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const patience = 20 * time.Second // for one thing to happen

// process is the program, running, with pipes.
type process struct {
	t          *testing.T
	args       []string
	cmd        *exec.Cmd
	in         io.WriteCloser
	out, notes stream // standard output and error
	exited     chan struct{}
}

// start runs the program until it ends by itself or with the test.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, args: args, cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	notes, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in = in
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(&p.out, out) })
	reading.Go(func() { io.Copy(&p.notes, notes) })
	go func() {
		reading.Wait()
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.end)
	return p
}

// end kills what still runs, and looks for what no process may say.
func (p *process) end() {
	p.cmd.Process.Kill()
	<-p.exited
	said := p.out.text() + p.notes.text()
	for _, bad := range []string{"DATA RACE", "panic", "goroutine ", ".go:"} {
		if strings.Contains(said, bad) {
			p.t.Errorf("%q: %s", p.args, said)
			return
		}
	}
	if p.t.Failed() {
		p.t.Logf("%q\nstdout: %q\nstderr: %q", p.args, p.out.text(), p.notes.text())
	}
}

func (p *process) write(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		p.t.Fatal(err)
	}
}

// status waits for the end and returns the exit status.
func (p *process) status() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(2 * patience):
		p.t.Fatalf("%q doesn't end", p.args)
		return -1
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// says waits for text on standard output.
func (p *process) says(text string) {
	p.t.Helper()
	p.until(&p.out, func(s string) bool { return strings.Contains(s, text) }, text)
}

// tells waits for text on standard error.
func (p *process) tells(text string) {
	p.t.Helper()
	p.until(&p.notes, func(s string) bool { return strings.Contains(s, text) }, text)
}

// until waits for what a process has written so far to be right.
func (p *process) until(s *stream, right func(string) bool, what string) {
	p.t.Helper()
	late := time.After(patience)
	for {
		text, more := s.now()
		if right(text) {
			return
		}
		select {
		case <-more:
		case <-p.exited:
			if !right(s.text()) {
				p.t.Fatalf("%q ended without %q: %q, %q", p.args, what, p.out.text(), p.notes.text())
			}
			return
		case <-late:
			p.t.Fatalf("%q waits for %q: %q, %q", p.args, what, p.out.text(), p.notes.text())
		}
	}
}

// stream keeps what was written, and tells when there is more. Its zero value is ready.
type stream struct {
	mu   sync.Mutex
	all  []byte
	more chan struct{}
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, b...)
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return len(b), nil
}

func (s *stream) now() (text string, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return string(s.all), s.more
}

func (s *stream) text() string {
	text, _ := s.now()
	return text
}

var inviteLine = regexp.MustCompile(`(?m)^ +(http://\S+/r/\S+)$`)

// serve runs a hub and returns an invite to it.
func serve(t *testing.T, args ...string) (invite string, p *process) {
	t.Helper()
	p = start(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.says("Ctrl-C stops it.\n")
	found := inviteLine.FindStringSubmatch(p.out.text())
	if found == nil {
		t.Fatalf("there is no invite: %s", p.out.text())
	}
	return found[1], p
}

func parse(t *testing.T, invite string) signaling.Invite {
	t.Helper()
	to, err := signaling.ParseInvite(invite)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// fill takes n places in a room.
func fill(t *testing.T, invite string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var filling sync.WaitGroup
	for range n {
		filling.Go(func() {
			hello := signaling.Hello{Secret: signaling.NewSecret(), Name: "one of many", Kind: "go"}
			conn, err := signaling.Dial(ctx, parse(t, invite), hello, nil)
			if err != nil {
				t.Error(err)
				return
			}
			receiving := make(chan struct{})
			go func() {
				defer close(receiving)
				var err error
				for err == nil {
					_, err = conn.Receive(context.Background())
				}
				if !errors.Is(err, signaling.ErrClosed) {
					t.Errorf("a member was put out: %v", err)
				}
			}()
			t.Cleanup(func() { conn.Close(); <-receiving })
		})
	}
	filling.Wait()
}
