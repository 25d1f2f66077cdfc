package admin

import "net/http"

// Livez answers 200 as long as the process serves. It may stand on the public listener, too.
func Livez() http.Handler {
	return methods{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, struct {
			Live bool `json:"live"`
		}{true})
	}}
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitzero"`
}

// Readyz answers 200 while hub takes newcomers, and 503 with the reason while it doesn't.
// It may stand on the public listener, too.
func Readyz(hub interface{ Draining() bool }) http.Handler {
	return methods{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if hub.Draining() {
			answer(w, http.StatusServiceUnavailable, readiness{Reason: "draining"})
			return
		}
		answer(w, http.StatusOK, readiness{Ready: true})
	}}
}
