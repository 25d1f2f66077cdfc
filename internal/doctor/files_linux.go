package doctor

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// openFiles finds the process that listens on a TCP port, and tells how many files it may have open, and has.
func openFiles(port string) (limit uint64, open int, kind string) {
	sockets := listening(port)
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range processes {
		files, err := os.ReadDir(filepath.Join(p, "fd"))
		if err != nil {
			continue // somebody else's
		}
		if !slices.ContainsFunc(files, func(f os.DirEntry) bool {
			to, err := os.Readlink(filepath.Join(p, "fd", f.Name()))
			return err == nil && sockets[to]
		}) {
			continue
		}
		if limit, ok := limitOf(p); ok {
			return limit, len(files), "ok"
		}
	}
	return 0, 0, "unknown"
}

// listening are the sockets that listen on a port, as /proc/PID/fd names them: proc(5).
func listening(port string) map[string]bool {
	const local, state, inode, listen = 1, 3, 9, "0A"
	found := make(map[string]bool)
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return found
	}
	suffix := fmt.Sprintf(":%04X", n)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > inode && f[state] == listen && strings.HasSuffix(f[local], suffix) {
				found["socket:["+f[inode]+"]"] = true
			}
		}
	}
	return found
}

// limitOf is the soft limit of a process.
func limitOf(process string) (uint64, bool) {
	f, err := os.Open(filepath.Join(process, "limits"))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "Max open files"); ok {
			if fields := strings.Fields(rest); len(fields) > 0 {
				n, err := strconv.ParseUint(fields[0], 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}
