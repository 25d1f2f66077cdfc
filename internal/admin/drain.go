package admin

import (
	"net/http"
	"time"
)

const (
	defaultDrain = 30 * time.Second
	maxDrain     = time.Hour
)

type draining struct {
	Draining bool `json:"draining"`
}

func (a *api) drain(w http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := readQuery(r); err != nil {
		return nil, err
	}
	var request drainRequest
	if err := readBody(w, r, &request); err != nil {
		return nil, err
	}
	over, err := request.duration()
	if err != nil {
		return nil, err
	}
	a.logger.Info("an operator drains the hub", "over", over)
	a.hub.Drain(over)
	return draining{true}, nil
}

type drainRequest struct {
	Over *string `json:"over"`
}

func (d drainRequest) duration() (time.Duration, error) {
	if d.Over == nil {
		return defaultDrain, nil
	}
	over, err := time.ParseDuration(*d.Over)
	if err != nil || over < 0 || over > maxDrain {
		return 0, malformedf(`over must be a duration from "0s" to "1h", such as "30s" or "5m".`)
	}
	return over, nil
}

func (a *api) undrain(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := readNothing(w, r); err != nil {
		return nil, err
	}
	a.logger.Info("an operator has the hub take members again")
	a.hub.Undrain()
	return draining{false}, nil
}
