package admin

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/snug-chat/snug/signaling"
)

const (
	defaultPage = 100 // entries
	maxPage     = 1000
)

// readPage takes the parameters of a list.
func readPage(r *http.Request) (q url.Values, limit int, err error) {
	if q, err = readQuery(r, "after", "limit"); err != nil {
		return nil, 0, err
	}
	limit = defaultPage
	if q.Has("limit") {
		limit, err = strconv.Atoi(q.Get("limit"))
		if err != nil || limit < 1 || limit > maxPage {
			return nil, 0, malformedf("limit must be a number from 1 to %d.", maxPage)
		}
	}
	return q, limit, nil
}

type roomPage struct {
	Rooms []signaling.RoomInfo `json:"rooms"`
	Next  string               `json:"next,omitzero"` // missing on the last page
}

func (a *api) rooms(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, limit, err := readPage(r)
	if err != nil {
		return nil, err
	}
	after := q.Get("after")
	if after != "" && signaling.CheckRoom(after) != nil {
		return nil, badRoom()
	}
	found := a.hub.Rooms(after, limit+1) // one more tells whether there is a next page
	page := roomPage{Rooms: found[:min(len(found), limit)]}
	if len(found) > limit {
		page.Next = found[limit-1].Name
	}
	return page, nil
}

func (a *api) room(_ http.ResponseWriter, r *http.Request) (any, error) {
	name, err := roomOf(r)
	if err != nil {
		return nil, err
	}
	if _, err := readQuery(r); err != nil {
		return nil, err
	}
	room, ok := a.hub.Room(name)
	if !ok {
		return nil, noRoom(name)
	}
	return room, nil
}

// member is a MemberInfo whose address is missing where the hub doesn't tell it.
type member struct {
	signaling.MemberInfo
	Address string `json:"address,omitzero"`
}

type memberPage struct {
	Members []member `json:"members"`
	Next    uint64   `json:"next,omitzero"` // missing on the last page
}

// members are paged by the roster's number at which they joined: that orders
// them, and still says where a page begins when a member has left meanwhile.
func (a *api) members(_ http.ResponseWriter, r *http.Request) (any, error) {
	name, err := roomOf(r)
	if err != nil {
		return nil, err
	}
	q, limit, err := readPage(r)
	if err != nil {
		return nil, err
	}
	var after uint64
	if q.Has("after") {
		if after, err = strconv.ParseUint(q.Get("after"), 10, 64); err != nil {
			return nil, malformedf("after must be the number that the last page called next.")
		}
	}
	all, ok := a.hub.Members(name)
	if !ok {
		return nil, noRoom(name)
	}
	return newMemberPage(all, after, limit), nil
}

func newMemberPage(all []signaling.MemberInfo, after uint64, limit int) memberPage {
	page := memberPage{Members: []member{}}
	for _, m := range all {
		if m.Joined <= after {
			continue
		}
		if len(page.Members) == limit {
			page.Next = page.Members[limit-1].Joined
			break
		}
		page.Members = append(page.Members, member{m, m.Address})
	}
	return page
}

func (a *api) kick(w http.ResponseWriter, r *http.Request) (any, error) {
	room, err := roomOf(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if signaling.CheckMemberID(id) != nil {
		return nil, faultf(http.StatusBadRequest, "member", "A member's id is 22 characters of base64url, as the list of members says it.")
	}
	if err := readNothing(w, r); err != nil {
		return nil, err
	}
	holds := a.hub.Kick(room, id)
	a.logger.Info("an operator kicked a member", "room", room, "member", id, "holds", holds)
	return struct {
		Holds signaling.Holds `json:"holds"`
	}{holds}, nil
}

func (a *api) lock(locked bool) call {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		room, err := roomOf(r)
		if err != nil {
			return nil, err
		}
		if err := readNothing(w, r); err != nil {
			return nil, err
		}
		if !a.hub.Lock(room, locked) {
			return nil, noRoom(room)
		}
		a.logger.Info("an operator locked or unlocked a room", "room", room, "locked", locked)
		return struct {
			Locked bool `json:"locked"`
		}{locked}, nil
	}
}

// readNothing refuses what a request without arguments shouldn't bring.
func readNothing(w http.ResponseWriter, r *http.Request) error {
	if _, err := readQuery(r); err != nil {
		return err
	}
	return readBody(w, r, &struct{}{})
}
