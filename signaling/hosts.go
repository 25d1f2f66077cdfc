package signaling

import (
	"net/http"
	"slices"
	"strings"
)

// checkHost refuses a request for a host that isn't this hub. A page whose name was pointed at the hub's address (DNS
// rebinding) says that name as its origin and as the host, so the check of origins takes it for the hub's own.
func (h *Hub) checkHost(r *http.Request) *Error {
	hosts := h.options.Load().Hosts
	if len(hosts) == 0 {
		return nil
	}
	host := plainHost(hostname(r.Host))
	if isLoopback(host) && onLoopback(r) || slices.ContainsFunc(hosts, func(own string) bool { return plainHost(own) == host }) {
		return nil
	}
	return refusef(CodeHost, "This hub isn't called %.200s. Its operator can say that it is: snug serve --set hosts=%.200s", host, host)
}

// plainHost is a host as it is compared: names don't tell letters apart, nor the root.
func plainHost(host string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
