package server

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/snug-chat/snug/internal/config"
)

// logBuffer is a bytes.Buffer for several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestHowIsLoggedCanChange(t *testing.T) {
	var out logBuffer
	l := newLogs(&out, config.Log{Level: slog.LevelWarn, Format: config.FormatText})
	part := l.logger.With("part", "hub").WithGroup("g").With("a", 1)
	part.Info("one")
	part.Warn("two", "b", 2)
	l.told.Info("three")
	l.told.Debug("not this")
	l.configure(config.Log{Level: slog.LevelInfo, Format: config.FormatJSON})
	part.Info("four", "b", 2)
	part.Debug("five")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{
		`level=WARN msg=two part=hub g.a=1 g.b=2`,
		`level=INFO msg=three`,
		`"level":"INFO","msg":"four","part":"hub","g":{"a":1,"b":2}}`,
	}
	if len(lines) != len(want) {
		t.Fatalf("got %s", out.String())
	}
	for i := range want {
		if !strings.HasSuffix(lines[i], want[i]) {
			t.Errorf("got %s, not %s", lines[i], want[i])
		}
	}
}

func TestAddressesAreLoggedOnlyIfAskedFor(t *testing.T) {
	var out logBuffer
	l := newLogs(&out, config.Log{Level: slog.LevelDebug, Format: config.FormatText})
	for _, line := range []string{
		"http: TLS handshake error from 192.0.2.7:5000: EOF",
		"http: TLS handshake error from [2001:db8::7%eth0]:5000: EOF",
		"http: TLS handshake error from 192.0.2.7:5000: read tcp 127.0.0.1:443->192.0.2.7:5000: read: connection reset by peer",
		"http: panic serving 192.0.2.7:5000: oh",
		"http: Accept error: too many open files; retrying in 5ms",
	} {
		l.http().Print(line)
	}
	text := out.String()
	if strings.Contains(text, "192.0.2.7") || strings.Contains(text, "db8") || strings.Count(text, "a client: EOF") != 2 {
		t.Errorf("got %s", text)
	}
	for _, want := range []string{`level=ERROR msg="http: panic serving a client: oh"`, `level=WARN msg="http: Accept error`, `level=DEBUG msg="http: TLS`} {
		if !strings.Contains(text, want) {
			t.Errorf("it doesn't say %s: %s", want, text)
		}
	}
	l.configure(config.Log{Level: slog.LevelDebug, Format: config.FormatText, Addresses: true})
	l.http().Print("http: TLS handshake error from 192.0.2.7:5000: EOF")
	if !strings.Contains(out.String(), "192.0.2.7:5000") {
		t.Errorf("got %s", out.String())
	}
}
