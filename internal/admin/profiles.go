package admin

import (
	"net/http"
	"net/http/pprof"
)

// profiles are those of net/http/pprof, without its list of command-line
// arguments. They are served here alone: http.DefaultServeMux, where that package puts them as well, is
// served by nobody.
func profiles() http.Handler {
	mux := http.NewServeMux()
	for path, serve := range map[string]http.HandlerFunc{
		"/debug/pprof/":        pprof.Index,
		"/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol":  pprof.Symbol,
		"/debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(path, methods{http.MethodGet: serve})
	}
	return mux
}
