package admin

import (
	"net/http"

	"github.com/snug-chat/snug/signaling"
)

// stats are [signaling.Stats] with their names in JSON.
type stats struct {
	Rooms         int               `json:"rooms"`
	Members       int               `json:"members"`
	Away          int               `json:"away"`
	Connections   int               `json:"connections"`
	Bytes         int64             `json:"bytes"`
	Draining      bool              `json:"draining"`
	Joins         uint64            `json:"joins"`
	Resumed       uint64            `json:"resumed"`
	NotRecovered  uint64            `json:"notRecovered"`
	Superseded    uint64            `json:"superseded"`
	Leaves        map[string]uint64 `json:"leaves"`
	Refusals      map[string]uint64 `json:"refusals"`
	Limited       map[string]uint64 `json:"limited"`
	Messages      map[string]uint64 `json:"messages"`
	SignalBytes   uint64            `json:"signalBytes"`
	Undeliverable map[string]uint64 `json:"undeliverable"`

	Links []signaling.LinkCount `json:"links"`
	Opens []signaling.OpenTimes `json:"opens"`
}

func (a *api) stats(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := readQuery(r); err != nil {
		return nil, err
	}
	return stats(a.hub.Stats()), nil
}
