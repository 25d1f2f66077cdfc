package main

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// keygen makes a pair of keys with the program, and returns the name of both files without their ends.
func keygen(t *testing.T) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "backend")
	p := start(t, "token", "keygen", "--out", name)
	if status := p.status(); status != 0 || p.notes.text() != "" {
		t.Fatalf("status %d, %s", status, p.notes.text())
	}
	return name
}

// makeToken makes a token with the program: one line on standard output, and nothing else.
func makeToken(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, append([]string{"token"}, args...)...)
	if status := p.status(); status != 0 || p.notes.text() != "" {
		t.Fatalf("status %d, %s", status, p.notes.text())
	}
	line, ended := strings.CutSuffix(p.out.text(), "\n")
	if !ended || strings.ContainsAny(line, "\n \t\r") || strings.Count(line, ".") != 2 {
		t.Fatalf("this is no token: %q", p.out.text())
	}
	return line
}

func authorize(t *testing.T, keyFile, room, tok string) (signaling.Grant, error) {
	t.Helper()
	keys, err := token.ReadKeys(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return token.NewAuthorizer(keys, nil).Authorize(t.Context(), signaling.AuthRequest{Room: room, Token: tok})
}

func TestKeygen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "backend")
	p := start(t, "token", "keygen", "--out", name+".pem") // the end may be there
	p.says("snug token --key " + name + ".pem --room ROOM --sub NAME\n")
	for _, say := range []string{name + ".pem is the private key.", "show it to nobody", name + ".pub.pem is the public key.", "snug serve --token-keys " + name + ".pub.pem\n"} {
		p.says(say)
	}
	if status := p.status(); status != 0 || p.notes.text() != "" {
		t.Errorf("status %d, %s", status, p.notes.text())
	}
	if info, err := os.Stat(name + ".pem"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	private, err := token.ReadPrivateKey(name + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	public, err := token.MarshalPublic(private.Public().(ed25519.PublicKey))
	if err != nil || string(public) != read(t, name+".pub.pem") {
		t.Errorf("%s, %v", public, err)
	}
	if strings.Contains(p.out.text(), strings.Split(read(t, name+".pem"), "\n")[1]) {
		t.Error("the private key was printed")
	}
}

func TestKeygenOverwritesNothing(t *testing.T) {
	for _, end := range []string{".pem", ".pub.pem"} {
		t.Run(end, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "backend")
			if err := os.WriteFile(name+end, []byte("in use"), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, []string{"token", "keygen", "--out", name}, "There is a file", "backend"+end, "choose another name with --out")
			if read(t, name+end) != "in use" {
				t.Error("the file was overwritten")
			}
			if files, err := os.ReadDir(filepath.Dir(name)); err != nil || len(files) != 1 {
				t.Errorf("%v, %v", files, err)
			}
		})
	}
}

func TestKeygenWhereNothingCanBeWritten(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "missing", "backend")
	refused(t, []string{"token", "keygen", "--out", nowhere}, "can't be written")
	for _, name := range []string{"", ".pem", t.TempDir() + "/"} {
		refused(t, []string{"token", "keygen", "--out", name}, "The keys need a name")
	}
}

func TestTokenGrantsWhatWasSaid(t *testing.T) {
	name := keygen(t)
	before := time.Now().Truncate(time.Second)
	key := []string{"--key", name + ".pem", "--room", "lobby"}
	for _, c := range []struct {
		args []string
		want signaling.Grant
		in   time.Duration
	}{
		{[]string{"--sub", "ann"}, signaling.Grant{Identity: "ann", Permissions: signaling.PermitJoin}, time.Hour},
		{[]string{"--sub", "小明", "--permission", "join", "--id", "t1", "--expires", "10m"}, signaling.Grant{Identity: "小明", TokenID: "t1", Permissions: signaling.PermitJoin}, 10 * time.Minute},
		{
			[]string{"--sub", "Ann B.", "--permission", "kick", "--permission", "lock", "--kid", "k", "--expires", "24h"},
			signaling.Grant{Identity: "Ann B.", Permissions: signaling.PermitJoin | signaling.PermitKick | signaling.PermitLock}, 24 * time.Hour,
		},
	} {
		tok := makeToken(t, append(key, c.args...)...)
		got, err := authorize(t, name+".pub.pem", "lobby", tok)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		if first, last := before.Add(c.in), time.Now().Add(c.in); got.Expires.Before(first) || got.Expires.After(last) {
			t.Errorf("%q: expires %v, not from %v to %v", c.args, got.Expires, first, last)
		}
		c.want.Expires = got.Expires
		if c.want.TokenID == "" {
			c.want.TokenID = got.TokenID
		}
		if got != c.want {
			t.Errorf("%q: %+v instead of %+v", c.args, got, c.want)
		}
		if _, err := authorize(t, name+".pub.pem", "board", tok); err == nil {
			t.Errorf("%q: lets into another room", c.args)
		}
		if _, err := authorize(t, keygen(t)+".pub.pem", "lobby", tok); err == nil {
			t.Errorf("%q: lets into another hub", c.args)
		}
	}
}

func TestTokenOfAKeyOfOpenSSL(t *testing.T) {
	const keys = "../../signaling/token/testdata/openssl"
	tok := makeToken(t, "--key", keys+".pem", "--room", "lobby", "--sub", "ann")
	if _, err := authorize(t, keys+".pub.pem", "lobby", tok); err != nil {
		t.Error(err)
	}
}

func TestWrongTokens(t *testing.T) {
	name := keygen(t)
	for _, c := range []struct {
		change []string
		say    string
	}{
		{[]string{"--key", name + ".pub.pem"}, "the key in line 1 is a public one; tokens are signed with the private one"},
		{[]string{"--key", name}, "can't be read: no such file"},
		{[]string{"--key", filepath.Dir(name)}, "can't be read: is a directory"},
		{[]string{"--key", "token_test.go"}, "it holds no key"},
		{[]string{"--room", "a/b"}, "only A-Z a-z 0-9 - _ . ~ are allowed"},
		{[]string{"--room", ""}, "the room's name is missing"},
		{[]string{"--sub", ""}, "sub is empty"},
		{[]string{"--sub", "a\x1b[2J"}, "sub holds the control character U+001B"},
		{[]string{"--sub", "a\xff"}, "sub is no UTF-8"},
		{[]string{"--sub", longName}, "sub is 129 bytes long; 128 are allowed"},
		{[]string{"--id", longName}, "jti is 129 bytes long; 128 are allowed"},
		{[]string{"--kid", strings.Repeat("x", 4000)}, "4096 are allowed"},
		{[]string{"--expires", "0s"}, "use --expires with a second or more, such as 1h"},
		{[]string{"--expires", "-1h"}, "use --expires with a second or more, such as 1h"},
	} {
		refused(t, append([]string{"token", "--key", name + ".pem", "--room", "lobby", "--sub", "ann"}, c.change...), c.say)
	}
}

func TestWrongUsageOfToken(t *testing.T) {
	for _, c := range []struct{ args, say string }{
		{"token", "--key and --room and --sub are missing. See: snug token --help"},
		{"token --key k --sub ann", "--room is missing"},
		{"token lobby", `unknown command "lobby" for "snug token"`},
		{"token --key k --room r --sub s more", `unknown command "more"`},
		{"token --key k --room r --sub s --permission fly", "the permissions are join, kick, lock"},
		{"token --key k --room r --sub s --expires soon", `invalid argument "soon"`},
		{"token --invite", "unknown flag: --invite"},
		{"token keygen", "--out is missing. See: snug token keygen --help"},
		{"token keygen --out a b", `unknown command "b" for "snug token keygen"`},
	} {
		p := start(t, strings.Fields(c.args)...)
		if status := p.status(); status != exitUsage || p.out.text() != "" {
			t.Errorf("%q: status %d, %s", c.args, status, p.out.text())
		}
		oneSentence(t, p.notes.text(), c.say, "--help")
	}
}

func TestHelpOfToken(t *testing.T) {
	for args, say := range map[string]string{"--help": "token       Make a token", "token --help": "--room ROOM", "token keygen --help": "--out NAME"} {
		p := start(t, strings.Fields(args)...)
		if status := p.status(); status != 0 || !strings.Contains(p.out.text(), say) || p.notes.text() != "" {
			t.Errorf("%q: status %d, %s%s", args, status, p.out.text(), p.notes.text())
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
