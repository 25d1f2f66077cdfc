package peer

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

func TestIdentityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "some", "where")
	first, err := loadIdentity(dir, "~room")
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadIdentity(dir, "~room")
	if err != nil || again.key != first.key {
		t.Errorf("another key the second time: %v", err)
	}
	if err := again.sign([]byte("x")).check([]byte("x")); err != nil {
		t.Error(err)
	}
	other, err := loadIdentity(dir, "~Room")
	if err != nil || other.key == first.key {
		t.Errorf("the same key in another room: %v", err)
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 2 {
		t.Errorf("there are %v", files)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || runtime.GOOS != "windows" && info.Mode() != privateMode {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
		if strings.Contains(f.Name(), "room") {
			t.Errorf("%s tells the room", f.Name())
		}
	}
	if info, _ := os.Stat(dir); runtime.GOOS != "windows" && info.Mode().Perm() != directoryMode {
		t.Errorf("the directory has mode %v", info.Mode())
	}
}

func TestIdentitiesAreNew(t *testing.T) {
	if first, second := newIdentity(), newIdentity(); first.key == second.key {
		t.Error("the same key twice")
	}
}

func TestIdentityIsNotPrinted(t *testing.T) {
	id := newIdentity()
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "identity", id)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "identity", id)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&log, verb+"\n", id)
	}
	bytes := strings.Trim(strings.ReplaceAll(fmt.Sprint([]byte(id.private[:8])), " ", ","), "[]")
	text := strings.ReplaceAll(log.String(), " ", ",")
	if hex := fmt.Sprintf("%x", id.private[:8]); strings.Contains(text, hex) || strings.Contains(text, bytes) || !strings.Contains(text, "an,identity") {
		t.Errorf("printed %s", log.String())
	}
}

// What is wrong with an identity is said in words that name the file and not the key, and nothing is overwritten.
func TestIdentityThatCannotBeTrustedIsRefused(t *testing.T) {
	mode := func(path string, mode os.FileMode) error { return os.Chmod(path, mode) }
	write := func(file, text string) error {
		return os.WriteFile(file, []byte(text), privateMode)
	}
	cases := []struct {
		name  string
		spoil func(dir, file string) error
		want  string
	}{
		{"others may read it", func(_, f string) error { return mode(f, 0o640) }, "chmod 600"},
		{"anybody may read it", func(_, f string) error { return mode(f, 0o604) }, "chmod 600"},
		{"others may write beside it", func(d, _ string) error { return mode(d, 0o720) }, "chmod 700"},
		{"empty", func(_, f string) error { return write(f, "") }, "is damaged"},
		{"no PEM", func(_, f string) error { return write(f, "secret!") }, "is damaged"},
		{"another kind of key", func(_, f string) error {
			return write(f, "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")
		}, "is damaged"},
		{"half of it", func(_, f string) error {
			data, err := os.ReadFile(f)
			return append([]error{err}, write(f, string(data[:len(data)/2])))[1]
		}, "is damaged"},
		{"more after it", func(_, f string) error {
			data, _ := os.ReadFile(f)
			return write(f, string(data)+"more")
		}, "is damaged"},
		{"too long", func(_, f string) error { return write(f, strings.Repeat("x", maxIdentity+1)) }, "is longer than"},
		{"a directory", func(_, f string) error { os.Remove(f); return os.Mkdir(f, 0o700) }, "is no regular file"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(c.want, "chmod") {
				t.Skip("Windows has no such modes")
			}
			dir := t.TempDir()
			if _, err := loadIdentity(dir, "room"); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, fileOf("room")+".key")
			if err := c.spoil(dir, file); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(file)
			_, err := loadIdentity(dir, "room")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Fatalf("got %v, want …%s…", err, c.want)
			}
			if after, _ := os.ReadFile(file); string(after) != string(before) {
				t.Error("it was overwritten")
			}
			if len(before) > 0 && len(before) < maxIdentity && strings.Contains(err.Error(), strings.TrimSpace(string(before))) {
				t.Errorf("%v quotes it", err)
			}
		})
	}
}

func TestIdentityNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, privateMode); err != nil {
		t.Fatal(err)
	}
	if _, err := loadIdentity(file, "room"); err == nil || !strings.Contains(err.Error(), "can't be made") {
		t.Errorf("got %v", err)
	}
}

// TestProcesses is run by others as a process of its own.
func TestProcesses(t *testing.T) {
	dir := os.Getenv("SNUG_TEST_IDENTITIES")
	if dir == "" {
		t.Skip("is run by other tests")
	}
	id, err := loadIdentity(dir, "room")
	if err != nil {
		t.Fatal(err)
	}
	const each = 20
	for i := range each {
		s := sighting{Key: newIdentity().key, Name: fmt.Sprintf("%d of %d", i, os.Getpid())}
		err := pinsIn(dir, "room").update(t.Context(), func(p *pins) bool { return p.verify(s, time.Now()) })
		if err != nil {
			t.Fatal(err)
		}
	}
	text, _ := json.Marshal(id.key)
	fmt.Printf("key %s\n", text)
}

// Processes that begin at once get one key, and none loses what another has pinned.
func TestProcessesShareADirectory(t *testing.T) {
	const processes, each = 4, 20
	dir := t.TempDir()
	keys := make([]string, processes)
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcesses$", "-test.timeout=1m")
			c.Env = append(os.Environ(), "SNUG_TEST_IDENTITIES="+dir)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			for line := range strings.SplitSeq(string(out), "\n") {
				if key, found := strings.CutPrefix(line, "key "); found {
					keys[i] = key
				}
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if key == "" || key != keys[0] {
			t.Errorf("the keys are %v", keys)
		}
	}
	if p, err := pinsIn(dir, "room").read(); err != nil || len(p) != processes*each {
		t.Errorf("%d pins of %d, %v", len(p), processes*each, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 3 { // key, pins, lock
		t.Errorf("there are %v", files)
	}
}
