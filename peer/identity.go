package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	maxIdentity   = 4 << 10 // bytes of a file
	privateMode   = 0o600   // of what an identity directory holds
	directoryMode = 0o700
	othersAny     = 0o077
	othersWrite   = 0o022

	pemPrivate = "PRIVATE KEY"
)

// identity is the key that a device has in a room. It never changes and may be used by several goroutines.
type identity struct {
	private ed25519.PrivateKey
	key     publicKey
}

// newIdentity draws one that nobody has seen before.
func newIdentity() *identity {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic("peer: " + err.Error()) // the system's randomness doesn't fail
	}
	return &identity{private, publicKey(public)}
}

// Format prints no key, whatever the verb: an identity that is logged by mistake tells nothing.
func (*identity) Format(s fmt.State, _ rune) { io.WriteString(s, "an identity") }

func (i *identity) sign(transcript []byte) proof {
	return proof{i.key, signature(ed25519.Sign(i.private, transcript))}
}

// loadIdentity reads the key of a room from its file in dir, or makes it, and dir, if there is none. Several
// processes may do so at once, and get the same. A file that is damaged, or that others may read, is left
// alone. Errors are sentences, which name the file and not what is in it.
func loadIdentity(dir, room string) (*identity, error) {
	if err := prepareDirectory(dir); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fileOf(room)+".key")
	id, err := readIdentity(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	id = newIdentity()
	if err := id.create(file); err == nil || !errors.Is(err, fs.ErrExist) {
		return id, err
	}
	return readIdentity(file) // of the process that was faster
}

// fileOf names a room's files: a room's name lets one in, so it isn't told, and file systems don't all keep a and A apart.
func fileOf(room string) string {
	sum := sha256.Sum256(texts("snug.v1 room", room))
	return hex.EncodeToString(sum[:16])
}

func prepareDirectory(dir string) error {
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return fmt.Errorf("the directory of identities %q can't be made: %w", dir, pathCause(err))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("the directory of identities %q can't be read: %w", dir, pathCause(err))
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&othersWrite != 0 { // Windows has no such modes
		return fmt.Errorf("the directory of identities %q can be written to by others (mode %#o), who could put keys of their own there: run chmod 700 on it", dir, info.Mode().Perm())
	}
	return nil
}

func readIdentity(file string) (*identity, error) {
	data, err := readPrivate(file, maxIdentity)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block != nil && block.Type == pemPrivate && len(bytes.TrimSpace(rest)) == 0 {
		parsed, _ := x509.ParsePKCS8PrivateKey(block.Bytes) // the cause could quote the key
		if private, ok := parsed.(ed25519.PrivateKey); ok {
			return &identity{private, publicKey(private.Public().(ed25519.PublicKey))}, nil
		}
	}
	return nil, fmt.Errorf("the identity %q is damaged: it must hold one Ed25519 key as PEM. Restore it from a backup, or move it away: then a new one is made, which others haven't seen before", file)
}

// readPrivate reads a file of at most limit bytes that is its owner's alone. The error wraps fs.ErrNotExist if there is none.
func readPrivate(file string, limit int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the file %q can't be read: %w", file, pathCause(err))
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, fmt.Errorf("%q is no regular file", file)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&othersAny != 0 {
		return nil, fmt.Errorf("the file %q is open to others (mode %#o): run chmod 600 on it, or, if somebody may have read it, move it away to have a new one made", file, info.Mode().Perm())
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the file %q can't be read: %w", file, pathCause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("the file %q can't be read: %w", file, pathCause(err))
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("the file %q is longer than %d bytes", file, limit)
	}
	return data, nil
}

// create writes the key into a file that must not be there: as a link to a whole one, so that nobody sees half of it.
func (i *identity) create(file string) error {
	der, err := x509.MarshalPKCS8PrivateKey(i.private)
	if err != nil {
		panic("peer: " + err.Error()) // Ed25519 is known
	}
	return publish(file, pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), os.Link)
}

// publish writes data to a file beside and gives it its name by os.Link, which overwrites nothing, or os.Rename, which
// does. Others see all of it or nothing, also if the machine stops.
func publish(file string, data []byte, name func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // mode 0600
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Sync(), f.Close())
		if err == nil {
			err = name(f.Name(), file)
		}
		if removed := os.Remove(f.Name()); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	if err != nil {
		return fmt.Errorf("the file %q can't be written: %w", file, pathCause(err))
	}
	syncDirectory(filepath.Dir(file))
	return nil
}

// syncDirectory has names survive a machine that stops, where directories can be synced.
func syncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// pathCause leaves out the path, which the sentence around it says.
func pathCause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}
