package signaling

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin refuses a page of a foreign origin: PROTOCOL.md, section 1. What
// doesn't come from a page has no Origin.
func (h *Hub) checkOrigin(r *http.Request) *Error {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(h.options.Load().Origins, origin) {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	if err == nil && isLoopback(u.Hostname()) && isLoopback(hostname(r.Host)) && onLoopback(r) {
		return nil
	}
	return refusef(CodeOrigin, "This hub doesn't let pages of %.200s in. Its operator can: snug serve --origin %.200s", origin, origin)
}

// onLoopback tells whether r came in on a loopback address. Its Host header
// alone wouldn't do: a name that points to 127.0.0.1 can be anybody's.
func onLoopback(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return local != nil && isLoopback(hostname(local.String()))
}

// isLoopback tells whether host is a name or an address of this machine alone (RFC 6761 §6.3).
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func hostname(hostport string) string { return (&url.URL{Host: hostport}).Hostname() }
