package main

import (
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/snug-chat/snug/internal/doctor"
)

// examine runs the doctor at the hub of an invite, and returns the cases of what isn't fine, and the exit status.
func examine(t *testing.T, invite string, flags ...string) (found map[string]string, status int) {
	t.Helper()
	p := start(t, append([]string{"doctor", "--json", "--idle", "0", "--timeout", "3s", hubOf(t, invite)}, flags...)...)
	status = p.status()
	var report doctor.Report
	if err := json.Unmarshal([]byte(p.out.text()), &report); err != nil {
		t.Fatalf("%v: %s%s", err, p.out.text(), p.notes.text())
	}
	found = make(map[string]string)
	for _, r := range report.Results {
		if r.Status == doctor.Failed || r.Status == doctor.Warning {
			found[r.ID] = r.Kind
		}
	}
	if report.OK != (status == 0) {
		t.Errorf("status %d: %s", status, p.out.text())
	}
	return found, status
}

func hubOf(t *testing.T, invite string) string {
	t.Helper()
	u, err := url.Parse(invite)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = ""
	return u.String()
}

func TestDoctorFindsNothingOnASoundHub(t *testing.T) {
	invite, _ := serve(t, "--turn", "on", "--turn-address", "127.0.0.1")
	if found, status := examine(t, invite); len(found) > 0 || status != 0 {
		t.Errorf("found %v, status %d", found, status)
	}
	p := start(t, "doctor", "--plain", "--idle", "0", invite)
	p.says("ok: TURN over UDP: 127.0.0.1:")
	p.says("ok: TURN over TCP: 127.0.0.1:")
	p.says("skipped: TURN over TLS: Not offered.")
	p.says("skipped: Silence: Not tried: --idle 0.")
	p.says("Everything that could be tried is fine.\n")
	if status := p.status(); status != 0 || p.notes.text() != "" {
		t.Errorf("status %d: %s", status, p.notes.text())
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("a secret of sixteen characters or more"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, _ := serve(t, "--turn", "on", "--turn-address", "127.0.0.1") // whose TURN server takes nobody else's passwords
	u, err := url.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		serve []string
		want  map[string]string
	}{
		"TURN off":             {nil, map[string]string{"stun": "none", "turn": "local"}},
		"TURN port closed":     {[]string{"--set", "ice.servers=turn:127.0.0.1:9", "--set", "ice.secret_file=" + secret}, map[string]string{"stun": "closed", "turn-udp": "closed"}},
		"wrong secret":         {[]string{"--set", "ice.servers=turn:" + u.Host + "?transport=tcp", "--set", "ice.secret_file=" + secret}, map[string]string{"stun": "none", "turn-tcp": "credentials"}},
		"wrong public address": {[]string{"--turn", "on", "--turn-address", "198.51.100.7", "--set", "turn.host=127.0.0.1"}, map[string]string{"server-address": "wrong"}},
	} {
		t.Run(name, func(t *testing.T) {
			invite, _ := serve(t, c.serve...)
			if found, _ := examine(t, invite); !maps.Equal(found, c.want) {
				t.Errorf("found %v, not %v", found, c.want)
			}
		})
	}
}

func TestDoctorFindsNoHub(t *testing.T) {
	found, status := examine(t, "http://127.0.0.1:9/r/lobby")
	if want := map[string]string{"hub": "refused"}; !maps.Equal(found, want) || status != exitError {
		t.Errorf("found %v, status %d", found, status)
	}
	refused(t, []string{"doctor", "--token-file", "no-such-file", "http://127.0.0.1:9"}, "The token can't be read")
}

func TestDoctorIsInterrupted(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := start(t, "doctor", "--timeout", "1m", "http://"+silent.Addr().String())
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.signal(os.Interrupt)
	if status := p.status(); status != exitError {
		t.Errorf("status %d", status)
	}
}

func TestDoctorIsCompleted(t *testing.T) {
	for typed, want := range map[string]string{"--s": "--server\t", "--server": "yaml\nyml\n:8\n", "--idle": ":4\n"} {
		args := []string{"__complete", "doctor", typed}
		if typed != "--s" {
			args = append(args, "")
		}
		p := start(t, args...)
		if status := p.status(); status != 0 || !strings.Contains(p.out.text(), want) {
			t.Errorf("%q: status %d, %q", typed, status, p.out.text())
		}
	}
}
