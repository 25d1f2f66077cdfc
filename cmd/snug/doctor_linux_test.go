package main

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDoctorOnTheServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snug.yaml")
	if err := os.WriteFile(file, []byte("limits: {connections: 300}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	invite, p := serve(t, "--config", file)
	if found, status := examine(t, invite, "--server", file); found["server-files"] != "" || status != 0 {
		t.Errorf("found %v, status %d", found, status)
	}
	low := unix.Rlimit{Cur: 500, Max: 500}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &low, nil); err != nil {
		t.Fatal(err)
	}
	if found, status := examine(t, invite, "--server", file); found["server-files"] != "low" || status != exitError {
		t.Errorf("found %v, status %d", found, status)
	}
	if err := os.WriteFile(file, []byte("listne: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, []string{"doctor", "--server", file, invite}, file+":1: listne")
}
