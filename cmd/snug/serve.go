package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/snug-chat/snug/internal/config"
	"github.com/snug-chat/snug/internal/server"
	"github.com/snug-chat/snug/peer"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newServe() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a hub with its page",
		Long: `Run a hub with its page.

It listens on this machine only, unless told otherwise, and prints an invite to a new room. That
is sealed where browsers can do it, with TLS and on localhost: the invite holds the room's key behind
the #, which no hub is told. snug room new prints more of them. Any other room, /r/ROOM, is open, and
there as soon as somebody opens it.

Where others can reach it, it wants to know who may come in: those with a token (--token-keys), or
everybody (--open).

Flags go above the environment (SNUG_LISTEN, …), the environment above the file. docs/operating.md
lists every key; "snug config print --defaults" writes a file with all of them.`,
		Example: `  snug serve
  snug serve --lan
  snug serve --listen 127.0.0.1:9000 --origin https://example.org
  snug serve --listen :443 --acme-domain chat.example.org --token-keys keys.pem
  snug serve --config /etc/snug/snug.yaml --set limits.members=16`,
		Args: cobra.NoArgs,
		RunE: fails(func(c *cobra.Command, _ []string) error { return f.serve(c) }),
	}
	inParts(c, f.parts())
	return c
}

// serveFlags are the flags of snug serve.
type serveFlags struct {
	config string
	lan    bool
	set    []string
}

// keyOf gives each flag that sets a key of the configuration that key.
var keyOf = map[string]string{
	"listen": "listen", "open": "open", "origin": "origins", "ice-server": "ice.servers", "turn": "turn.mode", "turn-address": "turn.addresses", "proxy": "proxies",
	"token-keys": "auth.keys", "tls-cert": "tls.cert", "tls-key": "tls.key",
	"acme-domain": "tls.acme.domains", "acme-email": "tls.acme.email",
	"admin": "admin.listen", "admin-token-file": "admin.token_file", "log-level": "log.level", "log-format": "log.format",
}

// parts are the flags as the help shows them.
func (f *serveFlags) parts() []part {
	where := newPart("Where it listens")
	where.String("listen", config.Default().Listen, "the `ADDRESS` to listen on, HOST:PORT")
	where.BoolVar(&f.lan, "lan", false, "listen on the local network; anyone there can come in, unless tokens are asked for")

	who := newPart("Who comes in")
	who.String("token-keys", "", "only those who have a token, signed with a key of this `FILE` (PEM or JWKS)")
	who.Bool("open", false, "everybody who can reach the hub, without a token")
	who.StringArray("origin", nil, "pages of this `ORIGIN`, such as https://example.org (repeatable)")
	who.StringArray("proxy", nil, "believe the X-Forwarded-For of proxies at these `ADDRESSES`, such as 10.0.0.0/8 (repeatable)")

	tls := newPart("TLS, with a certificate from files or by ACME")
	tls.String("tls-cert", "", "the `FILE` of the certificate, PEM")
	tls.String("tls-key", "", "the `FILE` of its key, PEM")
	tls.StringArray("acme-domain", nil, "get a certificate for this `HOST` (repeatable)")
	tls.String("acme-email", "", "the `ADDRESS` that the authority may write to")

	running := newPart("Running it")
	running.StringVar(&f.config, "config", "", "read this `FILE`, in YAML (or SNUG_CONFIG)")
	running.StringArrayVar(&f.set, "set", nil, "set any `KEY=VALUE` of the configuration (repeatable; lists with commas)")
	running.String("admin", "", "the `ADDRESS` of the operator's own listener: metrics, admin API, profiles")
	running.String("admin-token-file", "", "the `FILE` with the token of the admin API")
	running.String("log-level", "warn", "log this `LEVEL` and what is worse: debug, info, warn or error")
	running.String("log-format", "text", "log as `FORMAT`: text or json")

	relay := newPart("Getting members through to each other")
	relay.String("turn", "auto", "relay for members who don't get through: `MODE` on, off, or auto, which is on where others can reach the hub")
	relay.StringArray("turn-address", nil, "the public `ADDRESS` of this machine, if it is behind a NAT (repeatable, once for IPv6)")
	relay.StringArray("ice-server", nil, "the `URL` of another STUN server for members, such as stun:stun.example.org:3478 (repeatable)")
	return []part{where, who, tls, relay, running}
}

func (f *serveFlags) serve(c *cobra.Command) error {
	sources, err := f.sources(c.Flags())
	if err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	if f.reloads(sources) { // first: whoever has changed the file now, doesn't mean to end the program
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	load := func() (*config.Config, error) { return config.Load(sources) }
	cfg, err := load()
	if err != nil {
		return err
	}
	s, err := server.Listen(cfg, server.Options{Load: load, Notify: notify, Invite: peer.NewInvite})
	if err != nil {
		return err
	}
	if err := s.Greet(os.Stdout); err != nil {
		s.Close()
		return err
	}
	return s.Serve(c.Context(), hangups)
}

// sources are where the configuration comes from.
func (f *serveFlags) sources(flags *pflag.FlagSet) (config.Sources, error) {
	s := sourcesOf(f.config)
	s.LAN = f.lan
	flags.Visit(func(flag *pflag.Flag) {
		key, ok := keyOf[flag.Name]
		if !ok {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		s.Flags = append(s.Flags, config.Flag{Name: "--" + flag.Name, Key: key, Values: values})
	})
	for _, set := range f.set {
		key, value, ok := strings.Cut(set, "=")
		if !ok {
			return s, fmt.Errorf("--set %q sets nothing: write KEY=VALUE, such as limits.members=16", set)
		}
		s.Flags = append(s.Flags, config.Flag{Name: "--set " + key, Key: key, Values: config.Split(key, value)})
	}
	return s, nil
}

// reloads tells whether SIGHUP reloads. On a terminal, without a file to reload, it says that
// the terminal was closed, and ends the program as it ends any other.
func (f *serveFlags) reloads(s config.Sources) bool {
	return s.File != "" || !term.IsTerminal(os.Stdin.Fd())
}

// notify tells systemd, if it has started us. If that fails, nobody is there to tell.
func notify(state string) {
	if state == server.StateReloading {
		state += "\n" + daemon.SdNotifyMonotonicUsec()
	}
	daemon.SdNotify(false, state)
}
