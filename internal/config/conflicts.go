package config

import "strings"

// Check finds values that are fine one by one, and not together. [Load] has done so.
func (c *Config) Check() (all Problems) {
	for _, check := range []func() *Problem{
		c.entrance, c.openWithKeys, c.certificate, c.certificates, c.turnTLS, c.turnAddresses, c.iceCredentials, c.icePassword, c.adminAddress,
		c.heartbeat, c.ending, c.queue, c.replay, c.roomBytes, c.hubBytes,
	} {
		if p := check(); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// entrance: nobody opens a hub to others without knowing it.
func (c *Config) entrance() *Problem {
	if Loopback(c.Listen) || c.LAN || c.Open || c.Auth.Keys != "" {
		return nil
	}
	return c.Problem("others can reach %s, and everybody among them could come in: ask for tokens (--token-keys FILE, auth.keys), or open the hub to all of them (--open, open: true)",
		[]any{c.Listen}, "listen")
}

func (c *Config) openWithKeys() *Problem {
	if !c.Open || c.Auth.Keys == "" {
		return nil
	}
	return c.Problem("the hub can't ask for tokens (auth.keys) and be open to everybody: leave one of the two out", nil, "open")
}

func (c *Config) certificate() *Problem {
	switch t := c.TLS; {
	case t.Cert != "" && t.Key == "":
		return c.Problem("a certificate needs its key: name that as well (tls.key)", nil, "tls.cert")
	case t.Cert == "" && t.Key != "":
		return c.Problem("a key needs its certificate: name that as well (tls.cert)", nil, "tls.key")
	}
	return nil
}

func (c *Config) certificates() *Problem {
	switch a := c.TLS.ACME; {
	case c.TLS.Cert != "" && len(a.Domains) > 0:
		return c.Problem("certificates come from a file (tls.cert) or by ACME, not both: leave one of the two out", nil, "tls.acme.domains")
	case len(a.Domains) == 0 && (a.Email != "" || a.Directory != "" || a.CA != ""):
		return c.Problem("means nothing without host names: name them (tls.acme.domains)", nil, "tls.acme.email", "tls.acme.directory", "tls.acme.ca")
	case len(a.Domains) > 0 && a.Storage == "":
		return c.Problem("certificates have to be kept somewhere: name a directory (tls.acme.storage)", nil, "tls.acme.domains")
	}
	return nil
}

func (c *Config) turnTLS() *Problem {
	if t := c.TURN.TLSListen; t == "" || t == "off" || c.TLS.On() {
		return nil
	}
	return c.Problem("TURN over TLS needs the hub's certificate (tls.cert or tls.acme.domains): give it one, or leave this out", nil, "turn.tls_listen")
}

func (c *Config) turnAddresses() *Problem {
	a := c.TURN.Addresses
	if len(a) < 2 || len(a) == 2 && a[0].Is4() != a[1].Is4() {
		return nil
	}
	return c.Problem("relays get one address of IPv4 and one of IPv6 at most: leave the others out", nil, "turn.addresses")
}

func (c *Config) iceCredentials() *Problem {
	switch i := c.ICE; {
	case i.Relays() && i.SecretFile == "" && i.Username == "":
		return c.Problem("a TURN server needs credentials: name the file of its secret (ice.secret_file), or a name and the file of its password (ice.username, ice.password_file)", nil, "ice.servers")
	case i.SecretFile != "" && i.Username != "":
		return c.Problem("credentials are made with a secret (ice.secret_file) or given as they are (ice.username), not both: leave one of the two out", nil, "ice.username")
	case !i.Relays() && (i.SecretFile != "" || i.Username != ""):
		return c.Problem("means nothing without a TURN server: name it (ice.servers)", nil, "ice.secret_file", "ice.username")
	}
	return nil
}

func (c *Config) icePassword() *Problem {
	switch i := c.ICE; {
	case i.Username != "" && i.PasswordFile == "":
		return c.Problem("a name needs its password: name the file that it is in (ice.password_file)", nil, "ice.username")
	case i.Username == "" && i.PasswordFile != "":
		return c.Problem("a password needs its name: say that as well (ice.username)", nil, "ice.password_file")
	}
	return nil
}

func (c *Config) adminAddress() *Problem {
	switch a := c.Admin; {
	case a.Listen == "" && a.TokenFile != "":
		return c.Problem("means nothing without the operator's own listener: name its address (--admin, admin.listen)", nil, "admin.token_file")
	case a.Listen != "" && a.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0"): // any port: two different ones
		return c.Problem("is the address of the hub: choose another port", nil, "admin.listen")
	}
	return nil
}

func (c *Config) heartbeat() *Problem {
	if c.Session.Timeout > c.Session.Ping {
		return nil
	}
	return c.Problem("session.timeout (%s) has to be longer than session.ping (%s), or every quiet connection is given up",
		[]any{formatDuration(c.Session.Timeout), formatDuration(c.Session.Ping)}, "session.timeout", "session.ping")
}

func (c *Config) ending() *Problem {
	if c.Deadline >= c.Drain {
		return nil
	}
	return c.Problem("deadline (%s) can't be shorter than drain (%s), which is a part of it",
		[]any{formatDuration(c.Deadline), formatDuration(c.Drain)}, "deadline", "drain")
}

func (c *Config) queue() *Problem     { return c.atLeast("limits.queue", "limits.frame") }
func (c *Config) replay() *Problem    { return c.atLeast("limits.replay", "limits.frame") }
func (c *Config) roomBytes() *Problem { return c.atLeast("limits.room_bytes", "limits.queue") }
func (c *Config) hubBytes() *Problem  { return c.atLeast("limits.hub_bytes", "limits.room_bytes") }

// atLeast: what is around can't be smaller than what is in it.
func (c *Config) atLeast(around, inside string) *Problem {
	sizes := map[string]int{
		"limits.frame": c.Limits.Frame, "limits.queue": c.Limits.Queue, "limits.replay": c.Limits.Replay,
		"limits.room_bytes": c.Limits.RoomBytes, "limits.hub_bytes": c.Limits.HubBytes,
	}
	if sizes[around] >= sizes[inside] {
		return nil
	}
	return c.Problem("%s (%s) can't be less than %s (%s)", []any{around, formatSize(sizes[around]), inside, formatSize(sizes[inside])}, around, inside)
}
