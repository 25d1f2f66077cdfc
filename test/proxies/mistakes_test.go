//go:build proxies

package proxies

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/snug-chat/snug/signaling"
)

// What docs/proxies.md says that matters: without it, this goes wrong. So the other tests
// would see it in a recipe.
func TestMistakes(t *testing.T) {
	t.Parallel()
	nginx, below := recipes[0], recipes[1]
	for _, c := range []struct {
		name    string
		recipe  recipe
		mistake edit
		wrong   func(t *testing.T, s *site, hub *hub) bool
	}{
		{"no upgrade", nginx, edit{"proxy_set_header Upgrade $http_upgrade;", ""}, func(t *testing.T, s *site, _ *hub) bool {
			ws, _, err := s.upgrade(t, nil)
			if err == nil {
				ws.Close()
			}
			s.join(t, "lobby", "Ann", here, signaling.TransportHTTP) // gets through all the same
			return err != nil
		}},
		{"no port", nginx, edit{"$http_host", "$host"}, func(t *testing.T, s *site, _ *hub) bool {
			answer, _ := get(t, s.client(t, here), s.url("/v1/rooms/lobby"), "Origin", s.origin())
			return answer.StatusCode == http.StatusForbidden
		}},
		{"the client's own word", nginx, edit{"proxy_set_header X-Forwarded-For $remote_addr;", ""}, func(t *testing.T, s *site, hub *hub) bool {
			ws, _, err := s.upgrade(t, http.Header{"X-Forwarded-For": {"198.51.100.7"}})
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			say(t, ws, signaling.Hello{Secret: signaling.NewSecret(), Name: "Mal", Kind: "go"})
			members, _ := hub.Members("lobby")
			return len(members) == 1 && members[0].Address == "198.51.100.7"
		}},
		{"small requests only", nginx, edit{"proxy_http_version 1.1;", "proxy_http_version 1.1; client_max_body_size 100k;"}, func(t *testing.T, s *site, _ *hub) bool {
			return s.post(t, 250<<10) == http.StatusRequestEntityTooLarge
		}},
		{"the path stays", below, edit{"proxy_pass http://127.0.0.1:8080/;", "proxy_pass http://127.0.0.1:8080;"}, func(t *testing.T, s *site, _ *hub) bool {
			answer, _ := get(t, s.client(t, here), s.url("/"))
			return answer.StatusCode == http.StatusNotFound
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hub := newHub(t, believes())
			if s := serve(t, c.recipe, hub.addr, c.mistake); !c.wrong(t, s, hub) {
				t.Error("nothing goes wrong")
			}
		})
	}
}

// post sends so many bytes where messages are sent over HTTP, and returns the status.
func (s *site) post(t *testing.T, size int) int {
	t.Helper()
	answer, err := s.client(t, here).Post(s.url("/v1/rooms/lobby/send"), "application/x-ndjson",
		bytes.NewReader([]byte(`{"connection":"`+strings.Repeat("A", 22)+`","n":1}`+"\n"+strings.Repeat(" ", size-64)+"\n")))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestLargestRequestReachesTheHub(t *testing.T) {
	each(t, func(t *testing.T, r recipe) {
		s := serve(t, r, newHub(t, nil).addr)
		if got := s.post(t, 250<<10); got != http.StatusGone && got != http.StatusBadRequest { // the hub's words: it knows no such connection
			t.Errorf("status %d", got)
		}
	})
}
