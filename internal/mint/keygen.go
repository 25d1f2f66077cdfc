package mint

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/snug-chat/snug/signaling/token"
)

// Modes of the files: the private key is for its owner alone.
const (
	privateMode = 0o600
	publicMode  = 0o644
)

// Keygen draws a pair of keys, writes NAME.pem and NAME.pub.pem, and tells w what they are for. It
// overwrites nothing: either both files are new, or there is none. The error is a sentence.
func Keygen(name string, w io.Writer) error {
	name = strings.TrimSuffix(name, ".pem")
	if name == "" || strings.HasSuffix(name, string(os.PathSeparator)) {
		return errors.New("the keys need a name: --out backend makes backend.pem and backend.pub.pem")
	}
	key := token.GenerateKey()
	private, err := token.MarshalPrivate(key)
	if err != nil {
		return err
	}
	public, err := token.MarshalPublic(key.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	privateFile, publicFile := name+".pem", name+".pub.pem"
	if err := create(privateFile, private, privateMode); err != nil {
		return err
	}
	if err := create(publicFile, public, publicMode); err != nil {
		return errors.Join(err, os.Remove(privateFile))
	}
	_, err = fmt.Fprintf(w, `%[1]s is the private key. Keep it where tokens are made, and show it to nobody: whoever has it can let anybody in.
%[2]s is the public key. A hub with it lets in who has a token: snug serve --token-keys %[2]s

This makes a token: snug token --key %[1]s --room ROOM --sub NAME
`, privateFile, publicFile)
	return err
}

// create writes a file that must not be there.
func create(file string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a file %q already, and it may hold a key that is in use: choose another name with --out", file)
	}
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Sync(), f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}
	if err != nil {
		return fmt.Errorf("the key file %q can't be written: %w", file, plainCause(err))
	}
	return nil
}

// plainCause leaves out what a path error says of the file.
func plainCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
