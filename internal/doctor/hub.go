package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/snug-chat/snug/signaling"
)

const maxBody = 16 << 10 // bytes of an answer that are looked at

// checkHub asks the hub for what it is. It tells whether there is one, and whether it runs on this machine.
func (e *examination) checkHub(ctx context.Context) (reached, local bool) {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	with := values{"address": e.target.address(), "host": e.target.host(), "port": e.target.port()}
	if e.ips = e.lookup(ctx); len(e.ips) == 0 {
		e.say("hub", "name", with)
		return false, false
	}
	local = slices.ContainsFunc(e.ips, isOwn)
	start := time.Now()
	answer, body, err := e.ask(ctx)
	took := time.Since(start)
	if err != nil {
		e.say("hub", unreachable(err), with.and("error", cause(err)))
		return false, local
	}
	kind := whatAnswers(answer, body, with)
	e.say("hub", kind, with.and("ms", milliseconds(took)))
	if kind != "ok" {
		return false, local
	}
	e.checkTLS(answer.TLS)
	e.checkClock(answer, start.Add(took/2), took)
	return true, local
}

// lookup finds the hub's addresses.
func (e *examination) lookup(ctx context.Context) []netip.Addr {
	if ip, err := netip.ParseAddr(e.target.host()); err == nil {
		return []netip.Addr{ip}
	}
	ips, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", e.target.host())
	for i, ip := range ips {
		ips[i] = ip.Unmap()
	}
	return ips
}

// ask sends a request that every hub answers, whoever comes (PROTOCOL.md, section 1). What certificate it shows is looked at later.
func (e *examination) ask(ctx context.Context) (*http.Response, []byte, error) {
	unchecked := e.TLS.Clone()
	unchecked.InsecureSkipVerify = true
	unchecked.MinVersion = tls.VersionTLS10 // to say so
	client := http.Client{
		Transport:     &http.Transport{DialContext: e.Dial, TLSClientConfig: unchecked, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.target.Hub.JoinPath("v1", "rooms", "doctor").String(), nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	return answer, body, err
}

func unreachable(err error) string {
	var header tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.As(err, &header), errors.As(err, &alert), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "tls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, syscall.EHOSTUNREACH):
		return "silent"
	}
	return "failed"
}

// whatAnswers tells a hub from what else may answer.
func whatAnswers(answer *http.Response, body []byte, with values) string {
	with["code"] = strconv.Itoa(answer.StatusCode)
	var said struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // no JSON is no hub
	switch {
	case said.Code == signaling.CodeUpgrade:
		return "ok"
	case said.Code == signaling.CodeHost:
		with["error"] = said.Message
		return "host"
	case said.Code == signaling.CodeLimit, said.Code == signaling.CodeGoingAway:
		with["error"] = said.Message
		return "refuses"
	case answer.StatusCode/100 == 3:
		with["location"] = answer.Header.Get("Location")
		return "redirect"
	case answer.StatusCode == http.StatusBadRequest && answer.TLS == nil && strings.Contains(string(body), "HTTPS"):
		return "plain"
	case answer.StatusCode == http.StatusBadGateway, answer.StatusCode == http.StatusServiceUnavailable, answer.StatusCode == http.StatusGatewayTimeout:
		return "behind"
	}
	return "other"
}

// isOwn tells whether ip is one of this machine.
func isOwn(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	found, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(found, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		own, ok := netip.AddrFromSlice(n.IP)
		return ok && own.Unmap() == ip.Unmap()
	})
}

// and is v with one more value.
func (v values) and(key, value string) values {
	all := values{key: value}
	for k, old := range v {
		all[k] = old
	}
	return all
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10)
}

func seconds(d time.Duration) string {
	return strconv.Itoa(int(d.Round(time.Second) / time.Second))
}
