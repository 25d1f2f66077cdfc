package admin

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/snug-chat/snug/signaling"
)

// api is what stands below /v1/.
type api struct {
	hub    Hub
	logger *slog.Logger
}

// call is one request of the API: its answer, or a [*fault].
type call func(http.ResponseWriter, *http.Request) (any, error)

func newAPI(hub Hub, logger *slog.Logger) http.Handler {
	a := &api{hub, logger}
	mux := http.NewServeMux()
	mux.HandleFunc("/", nothingHere)
	for path, m := range map[string]methods{
		"/v1/stats":                          {"GET": answering(a.stats)},
		"/v1/rooms":                          {"GET": answering(a.rooms)},
		"/v1/rooms/{room}":                   {"GET": answering(a.room)},
		"/v1/rooms/{room}/lock":              {"POST": answering(a.lock(true))},
		"/v1/rooms/{room}/unlock":            {"POST": answering(a.lock(false))},
		"/v1/rooms/{room}/members":           {"GET": answering(a.members)},
		"/v1/rooms/{room}/members/{id}/kick": {"POST": answering(a.kick)},
		"/v1/drain":                          {"POST": answering(a.drain)},
		"/v1/undrain":                        {"POST": answering(a.undrain)},
	} {
		mux.Handle(path, m)
	}
	return mux
}

func answering(c call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := c(w, r)
		if err == nil {
			answer(w, http.StatusOK, v)
			return
		}
		f := faultf(http.StatusInternalServerError, "internal", "That went wrong in the hub.")
		errors.As(err, &f)
		refuse(w, f)
	}
}

// roomOf is the room that the path names.
func roomOf(r *http.Request) (string, error) {
	name := r.PathValue("room")
	if signaling.CheckRoom(name) != nil {
		return "", badRoom()
	}
	return name, nil
}

func badRoom() *fault {
	return faultf(http.StatusBadRequest, "room", "A room's name is 1 to 128 characters of A-Z a-z 0-9 - _ . ~, and not . or ..")
}

func noRoom(name string) *fault {
	return faultf(http.StatusNotFound, "unknown", "There is no room %s now: a room is there as long as somebody is in it.", name)
}
