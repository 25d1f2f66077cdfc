package chat

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/signaling"
)

type golden struct {
	Name  string         `json:"name"`
	Text  string         `json:"text"`
	Value jsontext.Value `json:"value"`
	Error string         `json:"error"`
}

func goldens(t testing.TB) []golden {
	t.Helper()
	data, err := os.ReadFile("../../signaling/testdata/chat.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Cases []golden `json:"cases"`
	}
	if err := json.Unmarshal(data, &f); err != nil || len(f.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(f.Cases), err)
	}
	return f.Cases
}

func TestGoldenMessages(t *testing.T) {
	for _, c := range goldens(t) {
		t.Run(c.Name, func(t *testing.T) {
			m, err := decode([]byte(c.Text))
			if c.Error != "" {
				if err == nil || errors.Is(err, errUnknownType) != (c.Error == "unknown-type") {
					t.Errorf("got %+v, %v; want %s", m, err, c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Value == nil {
				c.Value = jsontext.Value(c.Text)
			}
			want, err := decode(c.Value)
			if err != nil || fmt.Sprint(m) != fmt.Sprint(want) {
				t.Errorf("got %+v, want %+v, %v", m, want, err)
			}
			text, err := m.encode()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := decode(text); err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
				t.Errorf("%s became %+v, %v", text, again, err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range goldens(f) {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decode(text); err != nil || again.Body != m.Body || !again.Time.Equal(m.Time) || len(again.Refs) != len(m.Refs) {
			t.Errorf("%s became %+v, %v", data, again, err)
		}
	})
}

// lobby is the invite to a hub of this process.
func lobby(t testing.TB) string {
	t.Helper()
	hub := signaling.NewHub(nil)
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		hub.Shutdown(context.Background())
		server.Close()
	})
	return server.URL + "/r/lobby"
}

func join(t testing.TB, invite, name string) *Chat {
	t.Helper()
	c, err := Join(t.Context(), invite, &peer.Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestConversation(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	invite := lobby(t)
	ann, bob := join(t, invite, "Ann"), join(t, invite, "Bob")
	said, err := bob.Send(ctx, "你好 👋🏽")
	if err != nil {
		t.Fatal(err)
	}
	heard, err := ann.Receive(ctx)
	if err != nil || heard.From.Name != "Bob" || heard.Body != said.Body || heard.ID != said.ID || !heard.Time.Equal(said.Time) {
		t.Fatalf("got %+v, %v", heard, err)
	}
	if _, err := ann.Reply(ctx, heard, "hi"); err != nil {
		t.Fatal(err)
	}
	for m, err := range bob.Messages(ctx) {
		want := []Ref{{Rel: RelReply, ID: said.ID, Author: said.Author}}
		if err != nil || m.Body != "hi" || !reflect.DeepEqual(m.Refs, want) {
			t.Errorf("got %+v, %v", m, err)
		}
		break
	}
	if _, err := ann.Send(ctx, strings.Repeat("x", MaxBody+1)); err == nil {
		t.Error("a body that is too long was sent")
	}
	if _, err := ann.Send(ctx, ""); err == nil {
		t.Error("an empty body was sent")
	}
}

func TestHostileMessagesArePassedOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	invite := lobby(t)
	ann, mal := join(t, invite, "Ann"), join(t, invite, "Mal")
	good, _ := Message{ID: "1", Author: mal.room.Self().ID, Time: time.Now(), Body: "good"}.encode()
	forged, _ := Message{ID: "2", Author: ann.room.Self().ID, Time: time.Now(), Body: "I am Ann"}.encode()
	last, _ := Message{ID: "3", Author: mal.room.Self().ID, Time: time.Now(), Body: "last"}.encode()
	for _, text := range []string{"", "hi", "{}", string(forged), string(good), string(good), `{"type":"dance"}`, string(last)} {
		if err := mal.room.Broadcast(ctx, peer.Text(text)); err != nil {
			t.Fatal(err)
		}
	}
	mal.room.Broadcast(ctx, peer.Bytes(good))
	for _, want := range []string{"good", "last"} {
		if m, err := ann.Receive(ctx); err != nil || m.Body != want {
			t.Errorf("got %q, %v; want %q", m.Body, err, want)
		}
	}
}

func TestRememberedIDsAreBounded(t *testing.T) {
	r := recent{ids: map[string]bool{}}
	for i := range 3 * maxRemembered {
		if !r.add(fmt.Sprint(i)) {
			t.Fatalf("%d was never there", i)
		}
	}
	if len(r.ids) != maxRemembered || len(r.order) != maxRemembered {
		t.Errorf("%d ids are remembered", len(r.ids))
	}
	if r.add(fmt.Sprint(3*maxRemembered-1)) || r.add(fmt.Sprint(2*maxRemembered)) {
		t.Error("a message came twice")
	}
}
