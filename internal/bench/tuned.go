package bench

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// The tuned relay is the least that gorilla/websocket can be brought to: each member has one
// goroutine, which reads and writes what it has read to the receiver at once, under that one's lock. Buffers
// are pooled, the handler has returned. It checks nothing: it takes a message's first part for what it should be, knows no
// room, no roster, no limit, no deadline, and a member that doesn't read holds up whoever writes to it.

const tunedBuffer = 2 << 10 // bytes; a signal is written at once

type tunedRelay struct {
	upgrader websocket.Upgrader
	buffers  sync.Pool

	mu      sync.RWMutex
	members map[string]*tunedMember // by id
}

type tunedMember struct {
	id string
	ws *websocket.Conn
	mu sync.Mutex // held while writing
}

func serveTuned() (http.Handler, func()) {
	return &tunedRelay{
		upgrader: websocket.Upgrader{ReadBufferSize: 1 << 10, WriteBufferSize: tunedBuffer, WriteBufferPool: new(sync.Pool)},
		buffers:  sync.Pool{New: func() any { return new(bytes.Buffer) }},
		members:  make(map[string]*tunedMember),
	}, func() {}
}

func (r *tunedRelay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	ws, err := r.upgrader.Upgrade(w, request, nil)
	if err != nil {
		return // Upgrade has answered
	}
	go r.run(&tunedMember{ws: ws})
}

func (r *tunedRelay) run(m *tunedMember) {
	defer m.ws.Close()
	for r.read(m) == nil {
	}
	r.mu.Lock()
	delete(r.members, m.id)
	r.mu.Unlock()
}

func (r *tunedRelay) read(m *tunedMember) error {
	_, message, err := m.ws.NextReader()
	if err != nil {
		return err
	}
	buffer := r.buffers.Get().(*bytes.Buffer)
	defer r.buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(message); err != nil {
		return err
	}
	if m.id == "" {
		return r.join(m, buffer.Bytes())
	}
	r.pass(m, buffer.Bytes())
	return nil
}

// join takes {"id":"…"}.
func (r *tunedRelay) join(m *tunedMember, message []byte) error {
	m.id = string(bytes.Split(message, []byte(`"`))[3])
	r.mu.Lock()
	r.members[m.id] = m
	r.mu.Unlock()
	return m.write([]byte(`{}`))
}

// pass takes {"to":"…",…, puts the sender's id in the place of the receiver's, which is as long, and writes that.
func (r *tunedRelay) pass(from *tunedMember, message []byte) {
	id := message[len(`{"to":"`):][:len(from.id)]
	r.mu.RLock()
	to := r.members[string(id)]
	r.mu.RUnlock()
	if to == nil {
		return
	}
	copy(id, from.id)
	to.write(message)
}

func (m *tunedMember) write(message []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ws.WriteMessage(websocket.TextMessage, message)
}
