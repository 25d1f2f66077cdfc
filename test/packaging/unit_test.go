//go:build linux && packaging

package packaging

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const unitFile = top + "/packaging/snug.service"

// settings of the unit with this name, in order.
func settings(t *testing.T, name string) (all []string) {
	t.Helper()
	content, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(string(content), -1) {
		all = append(all, found[1])
	}
	if all == nil {
		t.Fatalf("the unit has no %s", name)
	}
	return all
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "snug")
	if out, err := exec.Command("go", "build", "-C", top, "-o", binary, "./cmd/snug").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

func TestUnitIsCorrectAndConfined(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	content, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "snug.service")
	text := strings.ReplaceAll(string(content), "/usr/local/bin/snug", build(t))
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	// Of 100, the more the worse: 16 when this was written.
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", unit).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// This test is the service manager: it starts, reloads and stops as the unit says.
func TestUnitStartsReloadsAndStops(t *testing.T) {
	binary, dir := build(t), t.TempDir()
	configuration, err := exec.Command(binary, "config", "print", "--defaults").Output() // as the unit's head says
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "snug.yaml")
	if err := os.WriteFile(file, configuration, 0o644); err != nil {
		t.Fatal(err)
	}
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()

	command := strings.Fields(settings(t, "ExecStart")[0])
	if command[0] != "/usr/local/bin/snug" || command[len(command)-1] != "/etc/snug/snug.yaml" {
		t.Fatalf("it runs %q", command)
	}
	command[len(command)-1] = file
	service := exec.Command(binary, command[1:]...)
	state := filepath.Join(dir, settings(t, "StateDirectory")[0])
	service.Env = append(service.Env, "STATE_DIRECTORY="+state, "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "SNUG_LISTEN=127.0.0.1:0")
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(3*patience, func() { service.Process.Kill() })
	defer late.Stop()
	hear(t, manager, "READY=1")
	reload := strings.Fields(settings(t, "ExecReload")[0])
	if len(reload) != 3 || reload[0] != "/bin/kill" || reload[1] != "-HUP" || reload[2] != "$MAINPID" {
		t.Fatalf("it reloads with %q", reload)
	}
	service.Process.Signal(syscall.SIGHUP)
	hear(t, manager, "RELOADING=1")
	hear(t, manager, "READY=1")
	service.Process.Signal(syscall.SIGTERM)
	hear(t, manager, "STOPPING=1")
	if err := service.Wait(); err != nil {
		t.Error(err)
	}
}

func hear(t *testing.T, manager *net.UnixConn, want string) {
	t.Helper()
	b := make([]byte, 1024)
	manager.SetReadDeadline(time.Now().Add(patience))
	n, err := manager.Read(b)
	if got := string(b[:n]); err != nil || !strings.HasPrefix(got, want) {
		t.Fatalf("got %q, %v, not %s", got, err, want)
	}
}
