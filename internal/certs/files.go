package certs

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const lookInterval = time.Minute

// files is a certificate from two files.
type files struct {
	certFile, keyFile string
	logger            *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // one load at a time
	seen [2]version // what the last load found, whether or not it could use it

	stop    context.CancelFunc
	watcher sync.WaitGroup
}

// version tells whether a file has changed. Its zero value is no file.
type version struct {
	size     int64
	modified int64
}

func versionOf(file string) version {
	info, err := os.Stat(file)
	if err != nil {
		return version{}
	}
	return version{info.Size(), info.ModTime().UnixNano()}
}

func newFiles(ctx context.Context, certFile, keyFile string, every time.Duration, logger *slog.Logger) (*files, error) {
	f := &files{certFile: certFile, keyFile: keyFile, logger: logger}
	if err := f.reload(); err != nil {
		return nil, err
	}
	if every <= 0 {
		every = lookInterval
	}
	ctx, f.stop = context.WithCancel(ctx)
	f.watcher.Go(func() { f.watch(ctx, every) })
	return f, nil
}

func (f *files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

func (f *files) protocols() []string { return []string{"http/1.1"} }

func (f *files) close() {
	f.stop()
	f.watcher.Wait()
}

func (f *files) reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = f.look() // before reading: what is written meanwhile is a change
	pair, err := readPair(f.certFile, f.keyFile)
	if err != nil {
		return err
	}
	f.current.Store(pair)
	from, until, now := pair.Leaf.NotBefore, pair.Leaf.NotAfter, time.Now()
	switch {
	case now.After(until):
		f.logger.Warn("the certificate has expired, no browser will take it", "file", f.certFile, "expired", until)
	case now.Before(from):
		f.logger.Warn("the certificate isn't valid yet, no browser will take it", "file", f.certFile, "from", from)
	default:
		f.logger.Info("a certificate was read", "file", f.certFile, "names", names(pair.Leaf), "until", until)
	}
	return nil
}

func (f *files) look() [2]version {
	return [2]version{versionOf(f.certFile), versionOf(f.keyFile)}
}

func (f *files) changed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen != f.look()
}

// watch reloads what has changed. A pair that can't be used is told of once. It may be half
// of a new one, whose other half is found the next time.
func (f *files) watch(ctx context.Context, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if !f.changed() {
			continue
		}
		if err := f.reload(); err != nil {
			f.logger.Error("the certificate has changed and can't be used, so the one before stays", "error", err)
		}
	}
}
