package bench

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The plain relay is what most programs do with gorilla/websocket. Each connection has
// one goroutine that reads, one that writes, and a channel of messages between them.
// It has members and rooms as the hub does, and tells everybody in a room of each who comes and goes, but
// knows nothing of limits in bytes or of lost messages.

const (
	plainQueue      = 256 // messages
	plainBuffer     = 1 << 10
	plainMaxMessage = 64 << 10
	plainPing       = 54 * time.Second
	plainPong       = 60 * time.Second
	plainWrite      = 10 * time.Second
)

type plainRelay struct {
	upgrader websocket.Upgrader

	mu    sync.RWMutex
	rooms map[string]*plainRoom
}

type plainRoom struct {
	changes int
	clients map[string]*plainClient // by id
}

type plainClient struct {
	relay *plainRelay
	room  string
	id    string
	ws    *websocket.Conn
	queue chan []byte
}

// plainMessage is a client's: the first says who it is, the others are for somebody. Or it is the relay's, of which
// those that tell a change of the room number it.
type plainMessage struct {
	ID     string          `json:"id,omitempty"`
	To     string          `json:"to,omitempty"`
	From   string          `json:"from,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
	Joined string          `json:"joined,omitempty"`
	Left   string          `json:"left,omitempty"`
	N      int             `json:"n,omitempty"`
}

func servePlain() (http.Handler, func()) {
	relay := &plainRelay{
		upgrader: websocket.Upgrader{ReadBufferSize: plainBuffer, WriteBufferSize: plainBuffer},
		rooms:    make(map[string]*plainRoom),
	}
	return relay, func() {}
}

func (r *plainRelay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	ws, err := r.upgrader.Upgrade(w, request, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c := &plainClient{relay: r, room: request.URL.Path, ws: ws, queue: make(chan []byte, plainQueue)}
	go c.write()
	go c.read()
}

func (c *plainClient) read() {
	defer c.leave()
	c.ws.SetReadLimit(plainMaxMessage)
	c.ws.SetReadDeadline(time.Now().Add(plainPong))
	c.ws.SetPongHandler(func(string) error { return c.ws.SetReadDeadline(time.Now().Add(plainPong)) })
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		var m plainMessage
		if json.Unmarshal(data, &m) != nil {
			return
		}
		if m.ID != "" && c.id == "" {
			c.join(m.ID)
			continue
		}
		c.relay.pass(c.room, m.To, plainMessage{From: c.id, Body: m.Body})
	}
}

func (c *plainClient) join(id string) {
	c.id = id
	c.relay.mu.Lock()
	defer c.relay.mu.Unlock()
	room := c.relay.rooms[c.room]
	if room == nil {
		room = &plainRoom{clients: make(map[string]*plainClient)}
		c.relay.rooms[c.room] = room
	}
	room.clients[id] = c
	room.tell(plainMessage{Joined: id})
}

func (c *plainClient) leave() {
	c.relay.mu.Lock()
	defer c.relay.mu.Unlock()
	if room := c.relay.rooms[c.room]; room != nil && c.id != "" {
		delete(room.clients, c.id)
		room.tell(plainMessage{Left: c.id})
		if len(room.clients) == 0 {
			delete(c.relay.rooms, c.room)
		}
	}
	close(c.queue)
	c.ws.Close()
}

// tell tells everybody of a change. Needs the relay's mu.
func (r *plainRoom) tell(m plainMessage) {
	r.changes++
	m.N = r.changes
	if data, err := json.Marshal(m); err == nil {
		for _, c := range r.clients {
			c.send(data)
		}
	}
}

// pass holds the lock while it queues, so that the queue isn't closed meanwhile.
func (r *plainRelay) pass(room, to string, m plainMessage) {
	data, err := json.Marshal(m)
	if err != nil {
		return
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if in := r.rooms[room]; in != nil && in.clients[to] != nil {
		in.clients[to].send(data)
	}
}

func (c *plainClient) send(data []byte) {
	select {
	case c.queue <- data:
	default:
		c.ws.Close() // too slow
	}
}

func (c *plainClient) write() {
	ping := time.NewTicker(plainPing)
	defer ping.Stop()
	defer c.ws.Close()
	for {
		kind, data := websocket.PingMessage, []byte(nil)
		select {
		case m, ok := <-c.queue:
			if !ok {
				return
			}
			kind, data = websocket.TextMessage, m
		case <-ping.C:
		}
		c.ws.SetWriteDeadline(time.Now().Add(plainWrite))
		if c.ws.WriteMessage(kind, data) != nil {
			return
		}
	}
}
