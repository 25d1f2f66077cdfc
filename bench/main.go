// Bench measures what the documents claim, beside something to compare it with.
// Nothing is asserted: figures depend on the machine, their ratios much less.
//
//	go run ./bench hub     memory and CPU of the hub, beside a plain relay
//	node bench/links.js    time from joining to an open link, for each pair of members
//
// These two start the other commands: serve-snug, serve-gorilla and member.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

const usage = `Usage:
  go run ./bench hub [--members N] [--signals N] [--rounds N]
  node bench/links.js [--runs N] [--rule kind,newcomer]
`

func main() {
	command, args := "", os.Args[1:]
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "hub":
		err = measureHub(args)
	case "serve-snug":
		err = serve(serveSnug)
	case "serve-gorilla":
		err = serve(serveGorilla)
	case "member":
		err = member(args)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// progress says on standard error what is being done.
func progress(format string, args ...any) {
	fmt.Fprintln(os.Stderr, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}
