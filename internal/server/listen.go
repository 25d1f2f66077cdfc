package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/snug-chat/snug/internal/config"
)

// address is where to listen: listen itself or, where that isn't what the local network reaches, its port
// on every interface.
func address(listen string, lan bool) string {
	if _, port, err := net.SplitHostPort(listen); err == nil && lan && config.Loopback(listen) {
		return net.JoinHostPort("", port)
	}
	return listen
}

// explain says why addr can't be listened on, and what to do. flag is the one that names another address.
func explain(addr, flag string, err error) error {
	host, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		other := "8081"
		if port == other {
			other = "8082"
		}
		return fmt.Errorf("port %s is in use by another program: end that, or choose another port with %s %s", port, flag, net.JoinHostPort(host, other))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %s needs more rights than you have: choose one above 1023 with %s %s", port, flag, net.JoinHostPort(host, "8080"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is no address of this machine: choose one that is, or 0.0.0.0 for all, with %s", host, flag)
	}
	return fmt.Errorf("can't listen on %s: %w", addr, err)
}
