package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/snug-chat/snug/signaling"
)

// What a server is told, and answers: [process].
const (
	orderSettle   = "settle"   // give back memory
	orderProfile  = "profile"  // write CPU profiles to this file from now on
	orderProfiled = "profiled" // stop that
	orderHeap     = "heap"     // write a heap profile to this file
	answerOK      = "ok"
)

// Names of servers.
const (
	serverSnug  = "snug"
	serverTuned = "tuned"
	serverPlain = "plain"
)

// Servers are the names that [Serve] knows.
var servers = map[string]func() (h http.Handler, stop func()){
	serverSnug:  serveSnug,
	serverTuned: serveTuned,
	serverPlain: servePlain,
}

// serveSnug is the hub with its defaults, limits too; only rooms may be as large as a storm has them. It takes us
// for a proxy, and each member for one with an address of its own: those on loopback have no limits.
func serveSnug() (http.Handler, func()) {
	hub := signaling.NewHub(&signaling.Options{
		Limits:         signaling.HubLimits{Members: stormRoom},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	return hub, func() { hub.Shutdown(context.Background()) }
}

// Serve is one of the servers under load, as a process: it serves on a free port of this
// machine, with the certificate in a folder unless that is empty, and does what it reads from in, until that ends. So it
// never outlives who started it.
func Serve(name, certificate string, in io.Reader, out io.Writer) error {
	start := servers[name]
	if start == nil {
		return fmt.Errorf("there is no server %q", name)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler, stop := start()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	served := make(chan error, 1)
	go func() {
		if certificate == "" {
			served <- server.Serve(listener)
		} else {
			served <- server.ServeTLS(listener, filepath.Join(certificate, certificateFile), filepath.Join(certificate, keyFile))
		}
	}()
	fmt.Fprintln(out, listener.Addr())
	obey(in, out)
	server.Close()
	err = <-served
	stop()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func obey(in io.Reader, out io.Writer) {
	profile := new(cpuProfile)
	defer profile.stop()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		order, file, _ := strings.Cut(lines.Text(), " ")
		var err error
		switch order {
		case orderSettle:
			// A sync.Pool keeps what it holds through one collection.
			debug.FreeOSMemory()
			debug.FreeOSMemory()
		case orderProfile:
			err = profile.start(file)
		case orderProfiled:
			err = profile.stop()
		case orderHeap:
			err = writeHeap(file)
		default:
			err = fmt.Errorf("unknown order %q", order)
		}
		if err != nil {
			fmt.Fprintln(out, err)
		} else {
			fmt.Fprintln(out, answerOK)
		}
	}
}

// cpuProfile is one that may be under way.
type cpuProfile struct{ file *os.File }

func (p *cpuProfile) start(name string) (err error) {
	if p.file, err = os.Create(name); err != nil {
		return err
	}
	return pprof.StartCPUProfile(p.file)
}

func (p *cpuProfile) stop() error {
	if p.file == nil {
		return nil
	}
	pprof.StopCPUProfile()
	err := p.file.Close()
	p.file = nil
	return err
}

func writeHeap(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	debug.FreeOSMemory()
	return errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close())
}
