// Package web is the page that people talk on, and the SDK that other pages
// import. Both are built from TypeScript (go run ./web/build) and embedded.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/snug-chat/snug/signaling"
)

//go:embed dist
var dist embed.FS

// policy lets the page load what came with it, connect to its own hub, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"

var types = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".ts":   "text/plain; charset=utf-8", // no browser runs it
}

// file is one of dist, ready to be sent.
type file struct {
	contentType string
	etag        string
	plain       []byte
	zipped      []byte
}

func newFile(name string, content []byte) file {
	sum := sha256.Sum256(content)
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	z.Write(content)
	z.Close()
	// Weak, since plain and zipped are two representations (RFC 9110 §8.8.3.3).
	return file{types[path.Ext(name)], `W/"` + hex.EncodeToString(sum[:8]) + `"`, content, zipped.Bytes()}
}

var files = sync.OnceValue(func() map[string]file {
	all := make(map[string]file)
	entries, err := dist.ReadDir("dist")
	if err != nil {
		panic("web: " + err.Error()) // it is embedded
	}
	for _, e := range entries {
		content, _ := dist.ReadFile("dist/" + e.Name())
		switch e.Name() {
		case "index.html":
			// The page works below any path, so it names its files from where it is.
			all["/"] = newFile(e.Name(), bytes.ReplaceAll(content, []byte("BASE/"), []byte("./")))
			all["/r/"] = newFile(e.Name(), bytes.ReplaceAll(content, []byte("BASE/"), []byte("../")))
		case "doctor.html":
			all["/doctor"] = newFile(e.Name(), bytes.ReplaceAll(content, []byte("BASE/"), []byte("./")))
		default:
			all["/"+e.Name()] = newFile(e.Name(), content)
		}
	}
	return all
})

// Handler serves the page at / and /r/{room}, the one that finds out what gets through at /doctor, and the SDK at /sdk.js, with parts that it loads itself and its
// types at /sdk.d.ts, for pages of every origin. Mount it below a path with http.StripPrefix.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "This can only be read: use GET.", http.StatusMethodNotAllowed)
		return
	}
	name, status := r.URL.Path, http.StatusOK
	if room, ok := strings.CutPrefix(name, "/r/"); ok && !strings.Contains(room, "/") {
		name = "/r/"
		if signaling.CheckRoom(room) != nil {
			status = http.StatusBadRequest // the page says what is wrong
		}
	}
	f, ok := files()[name]
	if !ok {
		http.Error(w, fmt.Sprintf("There is nothing at %.200q. An invite looks like /r/ROOM.", r.URL.Path), http.StatusNotFound)
		return
	}
	if name == "/" || name == "/r/" || name == "/doctor" {
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	if strings.HasPrefix(name, "/sdk.") || strings.HasPrefix(name, "/sdk-") {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	f.send(w, r, status)
}

func (f file) send(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache") // ask each time; mostly the answer is 304
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if status == http.StatusOK && strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		w.Write(body)
	}
}

// acceptsGzip tells whether gzip is named, and not with the weight 0 (RFC 9110 §12.5.3).
func acceptsGzip(values []string) bool {
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, weighed := strings.Cut(weight, "=")
		quality, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || err == nil && quality > 0
	}
	return false
}
