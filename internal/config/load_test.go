package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snug-chat/snug/internal/turn"
	"github.com/snug-chat/snug/signaling"
)

func TestLaterLayersWin(t *testing.T) {
	const text = "listen: 127.0.0.1:1\norigins: ['https://file.example']\nlimits: {frame: 32KiB, members: 8}\nlog: {level: debug}\n"
	environment := []string{"PATH=/bin", "SNUG_CONFIG=other.yaml", "SNUG_LISTEN=127.0.0.1:2", "SNUG_ORIGINS=https://a.example, https://b.example,", "SNUG_LIMITS_FRAME=16KiB", "SNUG_OPEN="}
	flags := []Flag{{"--listen", "listen", []string{"127.0.0.1:3"}}, {"--set", "limits.queue", []string{"2MiB"}}, {"--set", "limits.queue", []string{"1MiB", "3MiB"}}}
	write(t, text)
	c, err := Load(Sources{File: "snug.yaml", Environment: environment, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || !slices.Equal(c.Origins, []string{"https://a.example", "https://b.example"}) || c.Limits.Frame != 16<<10 || c.Limits.Members != 8 || c.Limits.Queue != 3<<20 {
		t.Errorf("got %+v", c)
	}
	for key, want := range map[string]string{"listen": "--listen", "origins": "SNUG_ORIGINS", "limits.frame": "SNUG_LIMITS_FRAME", "limits.members": "snug.yaml:3", "limits.queue": "--set", "limits.rooms": "", "open": ""} {
		if got := c.Origin(key); got != want {
			t.Errorf("%s is from %q, not %q", key, got, want)
		}
	}
}

func TestEveryKeyCanBeSetInTheEnvironment(t *testing.T) {
	values := map[string]string{
		"listen": "127.0.0.1:9", "auth.max_age": "7h", "open": "true", "origins": "https://a.example", "hosts": "a.example", "ice.servers": "stun:a.example", "proxies": "10.0.0.0/8",
		"tls.acme.domains": "a.example", "tls.acme.email": "a@a.example", "tls.acme.directory": "https://a.example/", "auth.duplicates": "refuse",
		"turn.mode": "off", "turn.listen": "127.0.0.1:11", "turn.tls_listen": "off", "turn.host": "a.example", "turn.addresses": "198.51.100.7", "turn.ports": "1024-2047", "turn.allow": "10.0.0.0/8",
		"admin.listen": "127.0.0.1:10", "log.level": "info", "log.format": "json", "log.addresses": "true",
	}
	variables := map[string]bool{}
	for _, k := range Default().keys() {
		if variables[k.variable()] {
			t.Errorf("two keys are %s", k.variable())
		}
		variables[k.variable()] = true
		text := values[k.name]
		if text == "" {
			text = other(k)
		}
		c, _ := Load(Sources{Environment: []string{k.variable() + "=" + text}}) // conflicts don't matter here
		if changes := Changes(Default(), c); len(changes) != 1 || changes[0].Key != k.name || changes[0].To != text {
			t.Errorf("%s=%s changes %v", k.variable(), text, changes)
		}
	}
}

// other is another value than the one that k has.
func other(k key) string {
	switch {
	case k.accepts(tagFloat):
		return "0.5"
	case k.accepts(tagInt) && k.accepts(tagText) && strings.HasPrefix(k.expects(), "a size"):
		return "12KiB"
	case k.accepts(tagInt) && k.accepts(tagText):
		return "59s"
	case k.accepts(tagInt):
		return "7"
	}
	return "a/file"
}

func TestWrongVariables(t *testing.T) {
	for variable, want := range map[string]string{
		"SNUG_LISSEN=x":             "SNUG_LISSEN: there is no such setting: did you mean SNUG_LISTEN?",
		"SNUG_LIMITS_SIGNAL_RATE=":  "", // empty: as good as none
		"SNUG_LIMITS_SIGNAL_RATE=1": "SNUG_LIMITS_SIGNAL_RATE: there is no such setting: did you mean SNUG_LIMITS_SIGNALS_RATE?",
		"SNUG_WHISKERS_OF_A_CAT=1":  "SNUG_WHISKERS_OF_A_CAT: there is no such setting.",
		"SNUG_CONFG=x":              "SNUG_CONFG: there is no such setting: did you mean SNUG_CONFIG?",
		"SNUG_LIMITS_FRAME=huge":    `SNUG_LIMITS_FRAME: "huge" is no size: write bytes, or a whole number of KiB, MiB or GiB, such as 64KiB.`,
		"SNUG_OPEN=1":               `SNUG_OPEN: "1" is neither true nor false.`,
		"SNUG_PROXIES=10.0.0.1,x":   `SNUG_PROXIES: "x" are no addresses: write one such as 10.1.2.3, or all of a network, such as 10.0.0.0/8.`,
		"SNUG_LISTEN=:80":           "SNUG_LISTEN: others can reach :80, and everybody among them could come in: ask for tokens (--token-keys FILE, auth.keys), or open the hub to all of them (--open, open: true).",
	} {
		_, err := Load(Sources{Environment: []string{variable}})
		if got := ""; err != nil {
			got = err.Error()
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		} else if want != "" {
			t.Errorf("%s is fine", variable)
		}
	}
}

func TestWrongFlags(t *testing.T) {
	for _, c := range []struct {
		flag Flag
		want string
	}{
		{Flag{"--listen", "listen", []string{"nonsense"}}, `--listen: "nonsense" is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080.`},
		{Flag{"--set", "limits.fram", []string{"1"}}, "--set: there is no such setting: did you mean limits.frame?"},
		{Flag{"--open", "open", []string{"perhaps"}}, `--open: "perhaps" is neither true nor false.`},
	} {
		if _, err := Load(Sources{Flags: []Flag{c.flag}}); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestWhoMayListenWhere(t *testing.T) {
	for _, c := range []struct {
		s  Sources
		ok bool
	}{
		{Sources{}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=localhost:80"}}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=127.8.9.10:80"}}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=[::1]:80"}}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=[::ffff:127.0.0.1]:80"}}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=:80"}}, false},
		{Sources{Environment: []string{"SNUG_LISTEN=[::]:80"}}, false},
		{Sources{Environment: []string{"SNUG_LISTEN=10.0.0.1:80"}}, false},
		{Sources{Environment: []string{"SNUG_LISTEN=localhost.example.org:80"}}, false},
		{Sources{Environment: []string{"SNUG_LISTEN=:80", "SNUG_OPEN=true"}}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=:80", "SNUG_OPEN=false"}}, false},
		{Sources{Environment: []string{"SNUG_LISTEN=:80", "SNUG_AUTH_KEYS=k"}}, true},
		{Sources{Environment: []string{"SNUG_LISTEN=:80"}, LAN: true}, true},
	} {
		if _, err := Load(c.s); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.s, err)
		}
	}
}

func TestDefaultsAreTheHubs(t *testing.T) {
	c, hub := Default(), signaling.Defaults()
	if c.Limits.HubLimits != hub.Limits || c.Session.Grace != hub.Grace || c.Auth.Duplicates != signaling.DuplicatesBoth {
		t.Errorf("got %+v, and the hub has %+v", c, hub)
	}
	if p := c.Check(); len(p) > 0 {
		t.Errorf("the defaults are wrong: %v", p)
	}
	for _, k := range c.keys() { // or nobody could write them down
		if err := k.set(k.texts()); err != nil && k.texts()[0] != "" {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

func TestValues(t *testing.T) {
	c, err := load(t, `
listen: "[::1]:443"
proxies: [10.0.0.0/8, "::1", 192.0.2.7]
ice: {servers: ["stun:stun.example.org", "turn:[2001:db8::1]:5349"], secret_file: s}
turn: {mode: off, ports: 1024-2047, allow: [10.0.0.0/8], addresses: ["2001:db8::1", "::ffff:198.51.100.7"], requests: {rate: 5}}
tls: {acme: {domains: [a.example.org, B-2.example.org], storage: here}}
limits: {frame: 65536, queue: 2 MiB, hub_bytes: 1GiB, joins: {rate: 0.5}}
session: {grace: 1m30s, ping: 1500ms}
drain: 0
log: {level: error, addresses: true}
`)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Proxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.7/32")}) {
		t.Errorf("proxies are %v", c.Proxies)
	}
	if c.TURN.Mode != TURNOff || c.TURN.Ports != (turn.Ports{First: 1024, Last: 2047}) || c.TURN.Addresses[1] != netip.MustParseAddr("198.51.100.7") || c.TURN.Requests != 5 {
		t.Errorf("turn is %+v", c.TURN)
	}
	if c.Limits.Frame != 65536 || c.Limits.Queue != 2<<20 || c.Limits.HubBytes != 1<<30 || c.Limits.Joins.PerSecond != 0.5 ||
		c.Session.Grace != 90*time.Second || c.Session.Ping != 1500*time.Millisecond || c.Drain != 0 || !c.Log.Addresses || !c.TLS.On() {
		t.Errorf("got %+v", c)
	}
}

func TestCertificatesAreKeptInTheUsersDirectory(t *testing.T) {
	for storage, want := range map[string]string{"": filepath.Join("data", "acme"), "here": "here"} {
		c, err := Load(Sources{Environment: []string{"SNUG_TLS_ACME_DOMAINS=a.example", "SNUG_TLS_ACME_STORAGE=" + storage}, Data: "data"})
		if err != nil || c.TLS.ACME.Storage != want {
			t.Errorf("%q: %q, %v", storage, c.TLS.ACME.Storage, err)
		}
	}
}

func TestFileFrom(t *testing.T) {
	environment := []string{"SNUG_CONFIG=a.yaml"}
	if FileFrom("", environment) != "a.yaml" || FileFrom("b.yaml", environment) != "b.yaml" || FileFrom("", nil) != "" {
		t.Error("the flag goes above the environment")
	}
}

func TestWhenTheHubRelays(t *testing.T) {
	for _, c := range []struct {
		listen, mode string
		lan, want    bool
		ice          string
	}{
		{listen: "127.0.0.1:8080", mode: "auto", want: false},
		{listen: "127.0.0.1:8080", mode: "auto", lan: true, want: true},
		{listen: "127.0.0.1:8080", mode: "on", want: true},
		{listen: ":8080", mode: "auto", want: true},
		{listen: ":8080", mode: "off", want: false},
		{listen: ":8080", mode: "auto", ice: "turn:a.example", want: false},
		{listen: ":8080", mode: "auto", ice: "stun:a.example", want: true},
		{listen: ":8080", mode: "on", ice: "turn:a.example", want: true},
	} {
		config := Default()
		config.Listen, config.LAN, config.TURN.Mode = c.listen, c.lan, TURNMode(c.mode)
		if c.ice != "" {
			config.ICE.Servers = []string{c.ice}
		}
		if config.TURNEnabled() != c.want {
			t.Errorf("%+v", c)
		}
	}
}
