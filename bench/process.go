package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	clockTick   = time.Second / 100 // the unit of CPU time in /proc/PID/stat
	settlePause = time.Second / 4   // between two readings of memory
	settleTimes = 4                 // readings in a row that find no less
)

// process is a server in a process of its own, so that its memory and CPU are
// nobody else's.
type process struct {
	command *exec.Cmd
	stdin   io.Closer // closing it ends the process
	address string
}

func startProcess(name string) (*process, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("memory and CPU of a process are read from /proc, which only Linux has; run this on Linux")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, name)
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
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stdin.Close()
		return nil, fmt.Errorf("%s didn't start: %w", name, errors.Join(err, c.Wait()))
	}
	return &process{c, stdin, strings.TrimSpace(address)}, nil
}

func (p *process) stop() error {
	p.stdin.Close()
	defer time.AfterFunc(patience, func() { p.command.Process.Kill() }).Stop()
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
		if err := p.settle(ctx); err != nil {
			return 0, err
		}
		now, err := p.resident()
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

func (p *process) resident() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == "VmRSS:" {
			kib, err := strconv.Atoi(f[1])
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/PID/status has no VmRSS")
}

func (p *process) settle(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+settlePath, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// cpu is the time that the process has run so far, in user and kernel mode.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The fields after the name, which may hold spaces, begin with the third.
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err1 := strconv.Atoi(f[14-3])
	system, err2 := strconv.Atoi(f[15-3])
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}
