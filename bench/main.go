// Bench is what bench/links.js starts: a member written in Go, whose links it times.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := member(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
