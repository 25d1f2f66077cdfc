package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file snug.yaml in the test's working directory, so that errors name it by that alone.
func write(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("snug.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	write(t, text)
	return Load(Sources{File: "snug.yaml"})
}

func TestWrongFiles(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "lissten: x", "snug.yaml:1: lissten: is no key: did you mean listen?"},
		{"unknown key in a section", "limits:\n  frames: 1KiB", "snug.yaml:2: limits.frames: is no key: did you mean frame?"},
		{"two letters swapped", "opne: true", "snug.yaml:1: opne: is no key: did you mean open?"},
		{"another spelling", "tls: {ACME: {}}", "snug.yaml:1: tls.ACME: is no key: did you mean acme?"},
		{"capitals", "LISTEN: x", "snug.yaml:1: LISTEN: is no key: did you mean listen?"},
		{"in another section", "signals:\n  rate: 1", "snug.yaml:1: signals: is no key: did you mean limits.signals?"},
		{"in another section, a value", "grace: 60s", "snug.yaml:1: grace: is no key: did you mean session.grace?"},
		{"nothing like it", "\n\nwhiskers: 7", "snug.yaml:3: whiskers: is no key."},
		{"with dots", "limits.signals.rate: 7", "snug.yaml:1: limits.signals.rate: is no key: write rate: below limits: and signals:."},
		{"empty name", `"": 7`, "snug.yaml:1: is no key."},
		{"a list as key", "[a]: 7", "snug.yaml:1: this is no key: write a word."},
		{"merge", "<<: {open: true}", "snug.yaml:1: <<: is no key."},
		{"twice", "open: true\n\nopen: true", "snug.yaml:3: open: is here a second time; the first is in line 1."},
		{"twice in a section", "log: {level: info, level: warn}", "snug.yaml:1: log.level: is here a second time; the first is in line 1."},
		{"section twice", "log: {}\nlog: {}", "snug.yaml:2: log: is here a second time; the first is in line 1."},
		{"no value", "listen:", "snug.yaml:1: listen: has no value: write an address, such as 127.0.0.1:8080, or leave the key out."},
		{"number for text", "listen: 8080", "snug.yaml:1: listen: is the number 8080, and has to be an address, such as 127.0.0.1:8080: write it in quotes if that is meant."},
		{"text for truth", "open: yes", `snug.yaml:1: open: is the text "yes", and has to be true or false.`},
		{"quoted truth", "open: 'true'", `snug.yaml:1: open: is the text "true", and has to be true or false, without quotes.`},
		{"truth for size", "limits:\n  frame: true", "snug.yaml:2: limits.frame: is true, and has to be a size, such as 64KiB."},
		{"list for one", "listen: [a, b]", "snug.yaml:1: listen: is a list, and has to be an address, such as 127.0.0.1:8080."},
		{"section for one", "listen: {a: b}", "snug.yaml:1: listen: is a section, and has to be an address, such as 127.0.0.1:8080."},
		{"one for a list", "origins: https://example.org", `snug.yaml:1: origins: is the text "https://example.org", and has to be a list: write it in brackets, such as [one, another].`},
		{"null in a list", "origins: [null]", "snug.yaml:1: origins: is empty, and has to be an origin, such as https://example.org: write null in quotes if that is meant."},
		{"empty in a list", "origins:\n  - https://example.org\n  -", "snug.yaml:3: origins: is empty, and has to be an origin, such as https://example.org."},
		{"one for a section", "limits: 5", "snug.yaml:1: limits: is the number 5, and has to be a section: write its keys below it, indented."},
		{"list for a section", "limits: [frame]", "snug.yaml:1: limits: is a list, and has to be a section: write its keys below it, indented."},
		{"alias", "listen: &a 127.0.0.1:1\nadmin: {listen: *a}", "snug.yaml:2: admin.listen: is an alias (*a), and has to be an address, such as 127.0.0.1:8080."},
		{"alias for a section", "log: &a {}\nadmin: *a", "snug.yaml:2: admin: is an alias (*a), and has to be a section: write its keys below it, indented."},
		{"type of its own", "listen: !secret x", `snug.yaml:1: listen: is "x" of the type !secret, and has to be an address, such as 127.0.0.1:8080.`},
		{"date", "tls: {cert: 2024-01-01, key: k}", `snug.yaml:1: tls.cert: is "2024-01-01" of the type !!timestamp, and has to be a file's name: write it in quotes if that is meant.`},
		{"no section at all", "- listen", "snug.yaml:1: this is a list: write keys with their values, such as listen: 127.0.0.1:8080."},
		{"text alone", "listen", `snug.yaml:1: this is the text "listen": write keys with their values, such as listen: 127.0.0.1:8080.`},
		{"second document", "open: true\n---\nopen: true", "snug.yaml:2: a second document begins here: write one only, and leave out the line ---."},
		{"no YAML", "listen: [", "snug.yaml:1: this is no YAML: did not find expected node content."},
		{"tab", "log:\n\tlevel: info", "snug.yaml:2: this is no YAML: found character that cannot start any token."},
		{"not UTF-8", "listen: \xff", "snug.yaml: this is no YAML: invalid leading UTF-8 octet."},

		{"no address", "listen: nonsense", `snug.yaml:1: listen: "nonsense" is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080.`},
		{"no port", "listen: 127.0.0.1:http", `snug.yaml:1: listen: "http" is no port: write a number from 0 to 65535.`},
		{"no origin", "origins: [example.org]", `snug.yaml:1: origins: "example.org" is no origin: write its scheme, host and port alone, such as https://example.org.`},
		{"origin with a path", "origins: ['https://example.org/']", `snug.yaml:1: origins: "https://example.org/" is no origin: write its scheme, host and port alone, such as https://example.org.`},
		{"no STUN server", "ice: {servers: ['http://example.org']}", `snug.yaml:1: ice.servers: "http://example.org" is no STUN or TURN server: write stun:HOST:PORT, turn:HOST:PORT?transport=udp (or tcp), or turns:HOST:PORT?transport=tcp.`},
		{"TURN without credentials", "ice: {servers: ['turn:example.org']}", `snug.yaml:1: ice.servers: a TURN server needs credentials: name the file of its secret (ice.secret_file), or a name and the file of its password (ice.username, ice.password_file).`},
		{"TURN with both", "ice: {servers: ['turn:example.org'], secret_file: a, username: b, password_file: c}", `snug.yaml:1: ice.username: credentials are made with a secret (ice.secret_file) or given as they are (ice.username), not both: leave one of the two out.`},
		{"name without password", "ice: {servers: ['turn:example.org'], username: b}", `snug.yaml:1: ice.username: a name needs its password: name the file that it is in (ice.password_file).`},
		{"password without name", "ice: {password_file: b}", `snug.yaml:1: ice.password_file: a password needs its name: say that as well (ice.username).`},
		{"secret without TURN", "ice: {servers: ['stun:example.org'], secret_file: a}", `snug.yaml:1: ice.secret_file: means nothing without a TURN server: name it (ice.servers).`},
		{"no TURN mode", "turn: {mode: maybe}", `snug.yaml:1: turn.mode: "maybe" is not possible: write auto, on or off.`},
		{"TURN over TLS without a certificate", "turn: {tls_listen: ':5349'}", `snug.yaml:1: turn.tls_listen: TURN over TLS needs the hub's certificate (tls.cert or tls.acme.domains): give it one, or leave this out.`},
		{"two addresses of a family", "turn: {addresses: [198.51.100.7, 198.51.100.8]}", `snug.yaml:1: turn.addresses: relays get one address of IPv4 and one of IPv6 at most: leave the others out.`},
		{"relaying to itself", "turn: {allow: [127.0.0.1]}", `snug.yaml:1: turn.allow: 127.0.0.1/32 can't be relayed to: name private networks, such as 10.0.0.0/8; public ones need no mention.`},
		{"no ports", "turn: {ports: 1}", `snug.yaml:1: turn.ports: is the number 1, and has to be ports, such as 49152-65535: write it in quotes if that is meant.`},
		{"no prefix", "proxies: [example.org]", `snug.yaml:1: proxies: "example.org" are no addresses: write one such as 10.1.2.3, or all of a network, such as 10.0.0.0/8.`},
		{"prefix with a host", "proxies: [10.1.2.3/8]", `snug.yaml:1: proxies: "10.1.2.3/8" names one address of a network: write 10.0.0.0/8 for the network, or 10.1.2.3 for the address.`},
		{"no domain", "tls: {acme: {domains: ['https://example.org']}}", `snug.yaml:1: tls.acme.domains: "https://example.org" is no host name: write one such as chat.example.org.`},
		{"no e-mail address", "tls: {acme: {email: example.org}}", `snug.yaml:1: tls.acme.email: "example.org" is no e-mail address: write one such as ops@example.org.`},
		{"no URL", "tls: {acme: {directory: 'http://x/', domains: [example.org]}}", `snug.yaml:1: tls.acme.directory: "http://x/" is no URL of a directory: write one that begins with https://.`},
		{"control character", `tls: {cert: "a\e[2J", key: k}`, `snug.yaml:1: tls.cert: "a\x1b[2J" holds a control character.`},
		{"no policy", "auth: {duplicates: never}", `snug.yaml:1: auth.duplicates: "never" is not possible: write both, replace or refuse.`},
		{"no format", "log: {format: xml}", `snug.yaml:1: log.format: "xml" is not possible: write text or json.`},
		{"no level", "log: {level: INFO}", `snug.yaml:1: log.level: "INFO" is no level: write debug, info, warn or error.`},
		{"no whole number", "limits: {members: 0x40}", `snug.yaml:1: limits.members: "0x40" is no whole number: write one such as 64.`},
		{"too few", "limits: {members: 0}", "snug.yaml:1: limits.members: 0 is too little: 1 is the least."},
		{"too many", "limits: {members: 1000000}", "snug.yaml:1: limits.members: 1000000 is too much: 10000 is the most."},
		{"size without sense", "limits: {frame: 64 pages}", `snug.yaml:1: limits.frame: "64 pages" is no size: write bytes, or a whole number of KiB, MiB or GiB, such as 64KiB.`},
		{"decimal size", "limits: {frame: 64KB}", `snug.yaml:1: limits.frame: "64KB" is no size: write bytes, or a whole number of KiB, MiB or GiB, such as 64KiB.`},
		{"negative size", "limits: {frame: -1}", `snug.yaml:1: limits.frame: "-1" is no size: write bytes, or a whole number of KiB, MiB or GiB, such as 64KiB.`},
		{"small size", "limits: {frame: 1KiB}", "snug.yaml:1: limits.frame: 1KiB is too little: 8KiB is the least."},
		{"endless size", "limits: {hub_bytes: 99999999999GiB}", `snug.yaml:1: limits.hub_bytes: "99999999999GiB" is more than this machine can count.`},
		{"no unit", "session: {grace: 60}", "snug.yaml:1: session.grace: 60 has no unit: write 60s for seconds, or one of ms, m and h."},
		{"no duration", "session: {grace: a while}", `snug.yaml:1: session.grace: "a while" is no duration: write one such as 60s, 1m30s or 24h.`},
		{"short", "session: {grace: 10ms}", "snug.yaml:1: session.grace: 10ms is too little: 1s is the least."},
		{"long", "drain: 48h", "snug.yaml:1: drain: 48h is too much: 1h is the most."},
		{"no rate", "limits: {joins: {rate: .nan}}", `snug.yaml:1: limits.joins.rate: ".nan" is no number: write one such as 100 or 0.5.`},
		{"rate of zero", "limits: {joins: {rate: 0}}", "snug.yaml:1: limits.joins.rate: 0 is too little: 0.001 is the least."},
		{"endless list", "origins: [" + strings.Repeat("http://a,", 1001) + "]", "snug.yaml:1: origins: has 1001 values; 1000 are allowed."},

		{"reachable without keys", "\nlisten: 0.0.0.0:80", "snug.yaml:2: listen: others can reach 0.0.0.0:80, and everybody among them could come in: ask for tokens (--token-keys FILE, auth.keys), or open the hub to all of them (--open, open: true)."},
		{"reachable by a name", "listen: example.org:80", "snug.yaml:1: listen: others can reach example.org:80, and everybody among them could come in: ask for tokens (--token-keys FILE, auth.keys), or open the hub to all of them (--open, open: true)."},
		{"open with keys", "open: true\nauth: {keys: k}", "snug.yaml:1: open: the hub can't ask for tokens (auth.keys) and be open to everybody: leave one of the two out."},
		{"certificate without key", "tls: {cert: c}", "snug.yaml:1: tls.cert: a certificate needs its key: name that as well (tls.key)."},
		{"key without certificate", "tls: {key: c}", "snug.yaml:1: tls.key: a key needs its certificate: name that as well (tls.cert)."},
		{"two certificates", "tls:\n  cert: c\n  key: k\n  acme: {domains: [example.org]}", "snug.yaml:4: tls.acme.domains: certificates come from a file (tls.cert) or by ACME, not both: leave one of the two out."},
		{"ACME without domains", "tls:\n  acme:\n    email: a@example.org", "snug.yaml:3: tls.acme.email: means nothing without host names: name them (tls.acme.domains)."},
		{"ACME without a place", "tls: {acme: {domains: [example.org]}}", "snug.yaml:1: tls.acme.domains: certificates have to be kept somewhere: name a directory (tls.acme.storage)."},
		{"token of no admin", "admin: {token_file: t}", "snug.yaml:1: admin.token_file: means nothing without the operator's own listener: name its address (--admin, admin.listen)."},
		{"admin beside the hub", "admin: {listen: '127.0.0.1:8080', token_file: t}", "snug.yaml:1: admin.listen: is the address of the hub: choose another port."},
		{"timeout below ping", "session: {ping: 30s}", "snug.yaml:1: session.ping: session.timeout (30s) has to be longer than session.ping (30s), or every quiet connection is given up."},
		{"drain beyond the deadline", "drain: 1m", "snug.yaml:1: drain: deadline (20s) can't be shorter than drain (1m), which is a part of it."},
		{"queue below frame", "limits: {queue: 8KiB}", "snug.yaml:1: limits.queue: limits.queue (8KiB) can't be less than limits.frame (64KiB)."},
		{"replay below frame", "limits: {frame: 512KiB}", "snug.yaml:1: limits.frame: limits.replay (256KiB) can't be less than limits.frame (512KiB)."},
		{"room below queue", "limits: {room_bytes: 1000KiB}", "snug.yaml:1: limits.room_bytes: limits.room_bytes (1000KiB) can't be less than limits.queue (1MiB)."},
		{"hub below room", "limits: {hub_bytes: 2MiB}", "snug.yaml:1: limits.hub_bytes: limits.hub_bytes (2MiB) can't be less than limits.room_bytes (16MiB)."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := load(t, c.text); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAllProblemsAreReported(t *testing.T) {
	_, err := load(t, "listen: 0.0.0.0:80\nopn: true\nlimits:\n  frame: big\n  members: 64\nlog: {level: loud}\n")
	want := `snug.yaml:2: opn: is no key: did you mean open?
snug.yaml:4: limits.frame: "big" is no size: write bytes, or a whole number of KiB, MiB or GiB, such as 64KiB.
snug.yaml:6: log.level: "loud" is no level: write debug, info, warn or error.`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	_, err = load(t, "listen: 0.0.0.0:80\ndrain: 1m\n")
	if problems, ok := err.(Problems); !ok || len(problems) != 2 || problems[0].Key != "listen" || problems[1].Key != "drain" {
		t.Errorf("got %v", err)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	write(t, strings.Repeat("#", maxFile+1))
	os.Mkdir("directory", 0o700)
	for name, want := range map[string]string{
		"snug.yaml":    "snug.yaml: is larger than 256KiB, and no configuration.",
		"nowhere.yaml": "nowhere.yaml: there is no such file.",
		"directory":    "directory: can't be read: is a directory.",
	} {
		if _, err := Load(Sources{File: name}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestFilesWithNothingInThem(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "null\n", "{}", "limits:\n  # frame: 64KiB\nlog:\n", "tls:\n  acme:\n"} {
		c, err := load(t, text)
		if err != nil || len(Changes(Default(), c)) > 0 {
			t.Errorf("%q: %v, %v", text, Changes(Default(), c), err)
		}
	}
}

func TestRelativeNamesInAFileAreBelowItsDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	os.Mkdir("etc", 0o700)
	absolute, _ := filepath.Abs("key.pem")
	os.WriteFile("etc/snug.yaml", []byte("tls: {cert: certs/cert.pem, key: '"+absolute+"'}\nauth: {keys: ''}\n"), 0o600)
	c, err := Load(Sources{File: "etc/snug.yaml", Environment: []string{"SNUG_AUTH_KEYS=keys.pem"}})
	if err != nil || c.TLS.Cert != filepath.Join("etc", "certs", "cert.pem") || c.TLS.Key != absolute || c.Auth.Keys != "keys.pem" {
		t.Errorf("got %+v, %+v, %v", c.TLS, c.Auth, err)
	}
}
