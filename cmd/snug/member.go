package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
	"github.com/spf13/cobra"
)

const maxTokenFile = 8 << 10 // bytes

// membership is what commands that join a room are told about how.
type membership struct {
	tokenFile string
	transport string
	relayOnly bool
	port      uint16
	tcpPort   uint16
	identity  string
}

func (m *membership) flags(c *cobra.Command) {
	c.Flags().StringVar(&m.tokenFile, "token-file", "", "the `FILE` of the token, where the hub asks for one; it is read again for each connection")
	c.Flags().StringVar(&m.transport, "transport", "", "reach the hub by this `TRANSPORT` only: websocket or http (default: what gets through)")
	c.Flags().StringVar(&m.identity, "identity", "", "keep the keys of sealed rooms, and who was there, in this `DIRECTORY`: others know you again, and you them (default: a new key each time)")
	c.Flags().BoolVar(&m.relayOnly, "relay-only", false, "talk through the hub's TURN server only: to test it, or to keep this machine's addresses from the others")
	c.Flags().Uint16Var(&m.port, "port", 0, "the UDP `PORT` that all links share, for a firewall that lets one in (default: any)")
	c.Flags().Uint16Var(&m.tcpPort, "tcp-port", 0, "a TCP `PORT` for those whom no UDP reaches (default: none)")
}

// options are those of a peer.
func (m *membership) options(o peer.Options) (*peer.Options, error) {
	dial := &signaling.DialOptions{Transport: m.transport}
	switch m.transport {
	case signaling.TransportAny, signaling.TransportWebSocket, signaling.TransportHTTP:
	default:
		return nil, fmt.Errorf("there is no transport named %q: it is websocket or http", m.transport)
	}
	if m.tokenFile != "" {
		dial.Token = func(context.Context) (string, error) { return readToken(m.tokenFile) }
		if _, err := readToken(m.tokenFile); err != nil {
			return nil, err
		}
	}
	o.Signaling, o.Identity = dial, m.identity
	o.RelayOnly, o.Port, o.TCPPort = m.relayOnly, m.port, m.tcpPort
	return &o, nil
}

func readToken(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the token can't be read: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || len(data) > maxTokenFile {
		return "", fmt.Errorf("%s holds no token: it should hold what snug token prints, and nothing else", file)
	}
	return token, nil
}
