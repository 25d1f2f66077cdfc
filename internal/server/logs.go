package server

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"regexp"
	"sync/atomic"

	"github.com/snug-chat/snug/internal/config"
)

// logs is where everything is logged. How it is done can be changed while it is used.
type logs struct {
	out       io.Writer
	handler   atomic.Pointer[slog.Handler] // that writes
	level     slog.LevelVar
	addresses atomic.Bool

	logger *slog.Logger // what is at the level or above
	told   *slog.Logger // what an operator asked for or waits for: at info, too, whatever the level is
}

func newLogs(out io.Writer, c config.Log) *logs {
	l := &logs{out: out}
	l.configure(c)
	l.logger = slog.New(&handler{logs: l, level: &l.level})
	l.told = slog.New(&handler{logs: l, level: infoOrBelow{&l.level}})
	return l
}

func (l *logs) configure(c config.Log) {
	var h slog.Handler = slog.NewTextHandler(l.out, &slog.HandlerOptions{Level: slog.LevelDebug})
	if c.Format == config.FormatJSON {
		h = slog.NewJSONHandler(l.out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: readable})
	}
	l.handler.Store(&h)
	l.level.Set(c.Level)
	l.addresses.Store(c.Addresses)
}

// infoOrBelow is info, or what is set if that is less.
type infoOrBelow struct{ set slog.Leveler }

func (l infoOrBelow) Level() slog.Level { return min(slog.LevelInfo, l.set.Level()) }

// readable writes durations with their unit, as the text format does; in JSON they would be nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// handler passes on to what logs writes with now.
type handler struct {
	logs  *logs
	level slog.Leveler
	with  []func(slog.Handler) slog.Handler // attributes and groups, in their order
}

func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	to := *h.logs.handler.Load()
	for _, with := range h.with {
		to = with(to)
	}
	return to.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	return h.and(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *handler) and(with func(slog.Handler) slog.Handler) slog.Handler {
	return &handler{h.logs, h.level, append(h.with[:len(h.with):len(h.with)], with)}
}

// http is for what net/http has to say. Most of it is about what clients do.
func (l *logs) http() *log.Logger { return log.New(&httpLog{l}, "", 0) }

type httpLog struct{ logs *logs }

// clientOf finds the address of a client in a line of net/http.
var clientOf = regexp.MustCompile(`(from |serving |to |->)(\[[0-9a-fA-F:.%a-z]*\]|[0-9.]+):[0-9]+`)

func (h *httpLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	switch {
	case bytes.Contains(line, []byte("panic serving")):
		level = slog.LevelError
	case bytes.Contains(line, []byte("Accept error")):
		level = slog.LevelWarn
	}
	text := string(bytes.TrimSpace(line))
	if !h.logs.addresses.Load() {
		text = clientOf.ReplaceAllString(text, "${1}a client")
	}
	h.logs.logger.Log(context.Background(), level, text)
	return len(line), nil
}
