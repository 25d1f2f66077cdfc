//go:build linux && packaging

// Package packaging tests what stands around the binary: image, compose file and unit.
package packaging

import (
	"bufio"
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	patience = 20 * time.Second // for one thing to happen
	top      = "../.."          // of the repository
)

// instruction is a line of a Dockerfile.
type instruction struct{ name, rest string }

// dockerfile reads the instructions of each stage. Ours has no line that goes on in the next.
func dockerfile(t *testing.T) (build, final []instruction) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(top, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var stages [][]instruction
	for line := range strings.Lines(string(content)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
			continue
		case name == "FROM":
			stages = append(stages, nil)
		}
		last := len(stages) - 1
		stages[last] = append(stages[last], instruction{name, rest})
	}
	if len(stages) != 2 {
		t.Fatalf("there are %d stages", len(stages))
	}
	return stages[0], stages[1]
}

// image is what docker build would make, in a folder; there is no Docker engine where tests run.
type image struct {
	root        string
	environment []string
	user        syscall.Credential
	command     []string
}

func newImage(t *testing.T) image {
	t.Helper()
	build, final := dockerfile(t)
	from := t.TempDir() // the build stage's root, but for what its base has
	at := "/"
	for _, i := range build {
		switch i.name {
		case "FROM":
			goVersion(t, i.rest)
		case "WORKDIR":
			at = i.rest
			mkdir(t, from+at)
		case "COPY":
			words := strings.Fields(i.rest)
			for _, source := range words[:len(words)-1] {
				copyIn(t, source, path.Join(from, at, words[len(words)-1]))
			}
		case "RUN":
			mkdir(t, from+"/out")
			command := exec.Command("sh", "-ec", strings.NewReplacer(" /out/", " "+from+"/out/", "$TARGETOS", "linux", "$TARGETARCH", "").Replace(i.rest))
			command.Dir = from + at
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", i.rest, err, out)
			}
		case "ARG":
		default:
			t.Fatalf("the test doesn't know %s", i.name)
		}
	}
	return finish(t, from, final)
}

func finish(t *testing.T, from string, stage []instruction) image {
	t.Helper()
	made := image{root: t.TempDir(), user: syscall.Credential{Uid: 0, Gid: 0}}
	os.Chmod(filepath.Dir(made.root), 0o755) // so that another user may enter
	for _, i := range stage {
		words := strings.Fields(i.rest)
		switch i.name {
		case "FROM":
			if i.rest != "scratch" {
				t.Errorf("the image is made from %s", i.rest)
			}
		case "COPY":
			made.take(t, from, words)
		case "USER":
			if i.rest != "65532:65532" {
				t.Errorf("it runs as %s", i.rest)
			}
			made.user = syscall.Credential{Uid: 65532, Gid: 65532}
		case "ENV":
			made.environment = append(made.environment, words...)
		case "ENTRYPOINT", "CMD":
			for _, word := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(i.rest, -1) {
				made.command = append(made.command, word[1])
			}
		case "EXPOSE", "VOLUME", "STOPSIGNAL":
		default:
			t.Fatalf("the test doesn't know %s", i.name)
		}
	}
	return made
}

// take copies from the build stage: what its base has (/etc), or what was made there.
func (i image) take(t *testing.T, from string, words []string) {
	t.Helper()
	source, to := words[len(words)-2], words[len(words)-1]
	if strings.HasSuffix(to, "/") {
		to += path.Base(source)
	}
	if strings.HasPrefix(source, "/out/") {
		source = from + source
	}
	mkdir(t, path.Dir(i.root+to))
	if out, err := exec.Command("cp", "-a", source, i.root+to).CombinedOutput(); err != nil {
		t.Fatalf("COPY %v: %s", words, out)
	}
	if strings.Contains(strings.Join(words, " "), "--chown=65532:65532") && os.Getuid() == 0 {
		if err := os.Chown(i.root+to, 65532, 65532); err != nil {
			t.Fatal(err)
		}
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// goVersion checks that the base has the Go that go.mod asks for.
func goVersion(t *testing.T, base string) {
	t.Helper()
	module, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	if !strings.Contains(base, " golang:"+want+" AS build") && !strings.Contains(base, " golang:"+want+" ") {
		t.Errorf("it is built with %s, but go.mod asks for Go %s", base, want)
	}
}

// copyIn copies a source of COPY without what .dockerignore leaves out.
func copyIn(t *testing.T, source, to string) {
	t.Helper()
	ignored := ignores(t)
	err := filepath.WalkDir(filepath.Join(top, source), func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(top, file)
		if ignored(name) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		target := to
		if inside, _ := filepath.Rel(source, name); inside != "." {
			target = filepath.Join(to, inside)
		} else if !d.IsDir() && strings.HasSuffix(to, "/src") {
			target = filepath.Join(to, filepath.Base(source))
		}
		if d.IsDir() {
			mkdir(t, target)
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatalf("COPY %s: %v", source, err)
	}
}

// ignores reads .dockerignore, as far as ours goes: everything is left out but what stands after !, and of that,
// names at any depth.
func ignores(t *testing.T) func(name string) bool {
	t.Helper()
	file, err := os.Open(filepath.Join(top, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	kept := map[string]bool{}
	var out []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "*":
		case strings.HasPrefix(line, "!"):
			kept[line[1:]] = true
		case strings.HasPrefix(line, "**/"):
			out = append(out, line[3:])
		default:
			t.Fatalf("the test doesn't know %q in .dockerignore", line)
		}
	}
	return func(name string) bool {
		first, _, _ := strings.Cut(name, "/")
		for _, pattern := range out {
			if matched, _ := filepath.Match(pattern, filepath.Base(name)); matched {
				return true
			}
		}
		return !kept[first]
	}
}

// run runs the image as a container would: alone in its root, as its user, in a network of its own. It needs root.
func (i image) run(t *testing.T, environment ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can run something in a root of its own")
	}
	var said bytes.Buffer
	c := exec.Command(i.command[0], i.command[1:]...)
	c.Env, c.Dir = append(i.environment, environment...), "/"
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &i.user, Cloneflags: syscall.CLONE_NEWNET}
	c.Stderr = &said
	return c, &said
}

func TestImage(t *testing.T) {
	made := newImage(t)
	t.Run("the binary needs nothing", func(t *testing.T) {
		binary, err := elf.Open(made.root + made.command[0])
		if err != nil {
			t.Fatal(err)
		}
		defer binary.Close()
		for _, p := range binary.Progs {
			if p.Type == elf.PT_INTERP {
				t.Error("it is linked dynamically, and the image has no libraries")
			}
		}
	})
	t.Run("nobody is let in unless that was said", func(t *testing.T) {
		c, said := made.run(t)
		if err := c.Run(); err == nil || c.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "open") {
			t.Errorf("%v: %s", err, said)
		}
	})
	t.Run("it starts as in compose.yaml", func(t *testing.T) {
		c, said := made.run(t, compose(t).variables()...)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(patience, func() { c.Process.Kill() })
		defer late.Stop()
		first, _ := bufio.NewReader(out).ReadString('\n')
		if !strings.HasPrefix(first, "snug is running.") {
			t.Errorf("it says %q", first)
		}
		if data, err := os.Stat(made.root + "/data"); err != nil || data.Sys().(*syscall.Stat_t).Uid != made.user.Uid || data.Mode().Perm() != 0o700 {
			t.Errorf("/data isn't its user's alone: %v, %v", data, err)
		}
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
	})
}

// composeFile is what matters of compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Build       string
		Ports       []string
		Environment map[string]string
		Volumes     []string
	}
	Volumes map[string]any
}

func compose(t *testing.T) composeFile {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(top, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(content, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c composeFile) variables() (all []string) {
	for name, value := range c.Services["hub"].Environment {
		all = append(all, name+"="+value)
	}
	return all
}

// Who starts it without reading it opens nothing to the network.
func TestComposePublishesAnOpenHubOnThisMachineOnly(t *testing.T) {
	c := compose(t)
	hub := c.Services["hub"]
	if hub.Build != "." || len(hub.Ports) == 0 {
		t.Fatalf("got %+v", c)
	}
	for _, port := range hub.Ports {
		if hub.Environment["SNUG_OPEN"] == "true" && !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("it is open, and published at %s", port)
		}
	}
	for _, volume := range hub.Volumes {
		if name, _, _ := strings.Cut(volume, ":"); name != "" {
			if _, declared := c.Volumes[name]; !declared {
				t.Errorf("there is no volume %s", name)
			}
		}
	}
}
