package peer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Bounds of waiting for other processes.
const (
	lockWait  = 5 * time.Second
	lockEvery = 5 * time.Millisecond
)

// pinsStore keeps the pins of a room. Several goroutines may use it at once.
type pinsStore interface {
	// update changes the pins while nobody else does. change tells whether it has changed anything. Errors are sentences.
	update(ctx context.Context, change func(*pins) bool) error
}

// pinsMemory keeps them for as long as the room is joined. The zero value has none.
type pinsMemory struct {
	mu  sync.Mutex
	all pins // guarded by mu
}

func (m *pinsMemory) update(_ context.Context, change func(*pins) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.all)
	return nil
}

// pinsFile keeps the pins of a room in a file. Several goroutines and processes may use it at once.
type pinsFile struct{ path string }

// pinsIn is the file for a room in a directory of identities, which loadIdentity has made.
func pinsIn(dir, room string) pinsFile { return pinsFile{filepath.Join(dir, fileOf(room)+".pins")} }

// update waits for others for at most 5 s, less if ctx ends. If nothing has changed, nothing is written. A
// damaged file is left alone.
func (f pinsFile) update(ctx context.Context, change func(*pins) bool) error {
	unlock, err := lock(ctx, f.path+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	all, err := f.read()
	if err != nil || !change(&all) {
		return err
	}
	return publish(f.path, all.encode(), os.Rename)
}

func (f pinsFile) read() (pins, error) {
	data, err := readPrivate(f.path, maxPinsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := decodePins(data)
	if err != nil {
		return nil, fmt.Errorf("the file %q, which says who was here before, is damaged or of a newer version. Move it away to begin anew: all members will be unverified then", f.path)
	}
	return all, nil
}

// lock takes a file that all who want it lock; it stays. The system lets go of it when a process ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, privateMode)
	if err != nil {
		return nil, fmt.Errorf("the file %q can't be opened: %w", path, pathCause(err))
	}
	for {
		taken, err := tryLock(f)
		if taken {
			return func() { f.Close() }, nil
		}
		if err == nil {
			select {
			case <-time.After(lockEvery):
				continue
			case <-ctx.Done():
				err = fmt.Errorf("another process holds it: %w", ctx.Err())
			}
		}
		f.Close()
		return nil, fmt.Errorf("the file %q can't be locked: %w", path, err)
	}
}

// pinsText is the file.
type pinsText struct {
	Version int   `json:"version"`
	Pins    []pin `json:"pins"`
}

func (p pins) encode() []byte {
	text, err := json.Marshal(pinsText{pinsVersion, append([]pin{}, p...)}, json.Deterministic(true))
	if err != nil {
		panic("peer: " + err.Error()) // names are UTF-8
	}
	return text
}

var errPins = errors.New("peer: pins: not of this version's form")

// decodePins is strict: a file with anything unknown in it is of another version, or damaged.
func decodePins(data []byte) (pins, error) {
	var text pinsText
	if len(data) > maxPinsFile || json.Unmarshal(data, &text, json.RejectUnknownMembers(true)) != nil {
		return nil, errPins
	}
	if text.Version != pinsVersion || text.Pins == nil || len(text.Pins) > maxPins {
		return nil, errPins
	}
	seen := make(map[publicKey]bool, len(text.Pins))
	for _, p := range text.Pins {
		if seen[p.Key] || !p.sound() {
			return nil, errPins
		}
		seen[p.Key] = true
	}
	return text.Pins, nil
}

func (p pin) sound() bool {
	times := p.First > 0 && p.Seen >= p.First && p.Seen <= maxPinTime && (p.Verified == 0 || p.Verified >= p.First && p.Verified <= maxPinTime)
	return times && !p.Key.weak() && len(p.Name) <= maxPinText && len(p.Identity) <= maxPinText
}
