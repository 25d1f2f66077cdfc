package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const canMeasureProcesses = true

// cpu is the time that the process has run so far, in user and kernel mode. /proc/PID/stat tells
// it in steps of 10 ms; its clock (clock_getcpuclockid(3)), in ns.
func (p *process) cpu() (time.Duration, error) {
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.command.Process.Pid<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("the CPU time of the server: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// resident is the memory that the process holds, in bytes, and the most that it has held.
func (p *process) resident() (now, peak int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "VmRSS:":
			now, err = strconv.Atoi(f[1])
		case "VmHWM:":
			peak, err = strconv.Atoi(f[1])
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if now == 0 {
		return 0, 0, errors.New("/proc/PID/status has no VmRSS")
	}
	return now << 10, peak << 10, nil
}

// exactTimers makes this thread wake up when it wants, not up to 50 µs later.
func exactTimers() { unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }

// sleepUntil waits in the kernel: the runtime's timers may be a millisecond late.
func sleepUntil(t time.Time) {
	wait := time.Until(t)
	if wait <= 0 {
		return
	}
	left := unix.NsecToTimespec(int64(wait))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}

// processor is what the processor is called.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// loadAverage is that of the last minute; negative if unknown.
func loadAverage() float64 {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return -1
	}
	return load
}

// openFiles raises the number of files that this process may open to what it needs, or says what to do.
func openFiles(need int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= uint64(need) {
		return nil
	}
	raised := unix.Rlimit{Cur: uint64(need), Max: max(limit.Max, uint64(need))}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
		return nil
	}
	return fmt.Errorf("so many members need %d open files, and %d are allowed: run ulimit -n %d first, or use fewer --members", need, limit.Max, need)
}
