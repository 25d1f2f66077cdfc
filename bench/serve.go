package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/snug-chat/snug/signaling"
)

const settlePath = "/settle"

// serve serves on a free port, which it prints, until standard input ends: so it
// never outlives who started it.
func serve(start func() (h http.Handler, stop func())) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	handler, stop := start()
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("POST "+settlePath, settle)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	io.Copy(io.Discard, os.Stdin)
	server.Close()
	<-served
	stop()
	return nil
}

// settle gives back to the system what is no longer used: a sync.Pool keeps
// what it holds through one collection.
func settle(http.ResponseWriter, *http.Request) {
	debug.FreeOSMemory()
	debug.FreeOSMemory()
}

func serveSnug() (http.Handler, func()) {
	hub := signaling.NewHub(nil)
	return hub, func() { hub.Shutdown(context.Background()) }
}
