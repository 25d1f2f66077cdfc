package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	settlePause = time.Second / 10 // between two readings of memory
	settleTimes = 5                // readings in a row that find no less
)

// process is a server in a process of its own, so that its memory and CPU are nobody else's. Its first
// line says at which address it listens; after that it answers each line that it gets with one
// line, "ok" or what went wrong, and it ends with its standard input.
type process struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	address string
}

func startProcess(command []string) (*process, error) {
	c := exec.Command(command[0], command[1:]...)
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	p := &process{command: c, stdin: stdin, stdout: bufio.NewReader(stdout)}
	if p.address, err = p.line(); err != nil {
		return nil, fmt.Errorf("a server didn't start: %w", errors.Join(err, p.stop()))
	}
	return p, nil
}

func (p *process) line() (string, error) {
	late := time.AfterFunc(patience, func() { p.command.Process.Kill() })
	defer late.Stop()
	line, err := p.stdout.ReadString('\n')
	return strings.TrimSpace(line), err
}

// tell has the process do something, and returns when that is done.
func (p *process) tell(order ...string) error {
	if _, err := io.WriteString(p.stdin, strings.Join(order, " ")+"\n"); err != nil {
		return fmt.Errorf("the server is gone: %w", err)
	}
	answer, err := p.line()
	if err != nil {
		return fmt.Errorf("the server is gone: %w", err)
	}
	if answer != answerOK {
		return fmt.Errorf("the server: %s", answer)
	}
	return nil
}

func (p *process) stop() error {
	p.stdin.Close()
	late := time.AfterFunc(patience, func() { p.command.Process.Kill() })
	defer late.Stop()
	return p.command.Wait()
}

// memory is the resident memory in bytes, once the process has given back what it
// doesn't use: when it has stopped falling.
func (p *process) memory(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := time.NewTicker(settlePause)
	defer pause.Stop()
	least := math.MaxInt
	for steady := 0; steady < settleTimes; steady++ {
		if err := p.tell(orderSettle); err != nil {
			return 0, err
		}
		now, _, err := p.resident()
		if err != nil {
			return 0, err
		}
		if now < least {
			least, steady = now, 0
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return least, nil
}
