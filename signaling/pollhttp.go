package signaling

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// pollVerb serves one kind of request; nil if there is none of that name.
func (h *Hub) pollVerb(name string) func(http.ResponseWriter, *http.Request, string) {
	switch name {
	case "connect":
		return h.pollConnect
	case "receive":
		return h.pollReceive
	case "send":
		return h.pollSend
	}
	return nil
}

// allowPosts serves a request to post, or a browser's question whether it may (CORS; the origin was checked before).
func allowPosts(w http.ResponseWriter, r *http.Request, serve func()) {
	header := w.Header()
	if origin := r.Header.Get("Origin"); origin != "" {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Add("Vary", "Origin")
	}
	switch r.Method {
	case http.MethodOptions:
		header.Set("Access-Control-Allow-Methods", "POST")
		header.Set("Access-Control-Allow-Headers", "Content-Type")
		header.Set("Access-Control-Max-Age", corsMaxAge)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		serve()
	default:
		header.Set("Allow", "POST, OPTIONS")
		http.Error(w, "this is asked with POST", http.StatusMethodNotAllowed)
	}
}

// pollConnect makes a connection and gives it the hello.
func (h *Hub) pollConnect(w http.ResponseWriter, r *http.Request, room string) {
	o := h.options.Load()
	status, refusal := h.turnAway(r)
	if err := CheckRoom(room); refusal == nil && err != nil {
		status, refusal = http.StatusBadRequest, refusef(CodeRoom, "%s.", sentence(err))
	}
	var hello []byte
	if refusal == nil {
		status, hello, refusal = line(w, r, maxHello)
	}
	address := clientAddress(r, o)
	disconnected, ok := func() {}, true
	if refusal == nil {
		if disconnected, ok = h.addresses.connect(address, o); !ok {
			disconnected()
			status, refusal = http.StatusTooManyRequests, tooManyConnections(o)
		}
	}
	if refusal != nil {
		h.refuse(w, r, status, refusal)
		return
	}
	p := newPoll(h)
	c := &connection{hub: h, roomName: room, address: address, transport: p}
	p.connection = c
	h.mu.Lock()
	h.polls[p.id] = p
	h.mu.Unlock()
	h.start(p, func() {
		p.run(c)
		disconnected()
	}, nil)
	p.give(hello)
	lines, last := p.next(r.Context())
	first := textFrame(connectionLine{"connection", p.id, pollWait.Milliseconds()})
	p.answer(w, first, lines, last)
}

// give gives the connection a message, unless that is closed.
func (p *poll) give(message []byte) {
	p.giving.Lock()
	defer p.giving.Unlock()
	if !p.isClosed() {
		p.connection.message(message)
	}
}

type connectionLine struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Wait int64  `json:"wait"` // ms
}

// answer writes lines that next returned, after first if there is one. After the last, p is over, and if who asked
// doesn't read, too.
func (p *poll) answer(w http.ResponseWriter, first frame, lines []frame, last bool) {
	var text []byte
	bytes := 0
	if first != nil {
		text = append(append(text, first.payload()...), '\n')
	}
	for _, f := range lines {
		text = append(append(text, f.payload()...), '\n')
		bytes += len(f)
	}
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	out.SetWriteDeadline(time.Now().Add(answerWait))
	_, err := w.Write(text)
	if errFlush := out.Flush(); err == nil && !errors.Is(errFlush, errors.ErrUnsupported) {
		err = errFlush
	}
	out.SetWriteDeadline(time.Time{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done(bytes)
	if p.heardAt = time.Now(); last || err != nil {
		p.finish()
	}
}

// pollReceive answers with what there is to say.
func (h *Hub) pollReceive(w http.ResponseWriter, r *http.Request, room string) {
	status, data, refusal := body(w, http.MaxBytesReader(w, r.Body, maxHead), maxHead)
	var p *poll
	var head pollHead
	if refusal == nil {
		status, p, head, refusal = h.poll(room, data)
	}
	if refusal != nil {
		h.refuse(w, r, status, refusal)
		return
	}
	if !p.turn() {
		p.disorder(w, r)
		return
	}
	defer func() { <-p.receiving }()
	if !p.inOrder(&p.received, head.N) {
		p.disorder(w, r)
		return
	}
	p.wait(true)
	lines, last := p.next(r.Context())
	p.wait(false)
	if len(lines) == 0 && !last && r.Context().Err() != nil {
		return // nobody reads the answer, and nothing is lost with it: a bye may be on its way
	}
	p.answer(w, nil, lines, last)
}

// turn waits until the answer before is written, for a moment: whoever has read it may ask again before the hub
// knows that. It is false while another request waits, or its answer to be read.
func (p *poll) turn() bool {
	t := time.NewTimer(turnWait)
	defer t.Stop()
	select {
	case p.receiving <- struct{}{}:
		return true
	case <-t.C:
		return false
	}
}

func (p *poll) wait(waiting bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting, p.heardAt = waiting, time.Now()
}

// pollSend takes messages. What is long is read only for a connection that there is, once at a time.
func (h *Hub) pollSend(w http.ResponseWriter, r *http.Request, room string) {
	in := bufio.NewReaderSize(http.MaxBytesReader(w, r.Body, maxSend), maxHead)
	first, err := in.ReadSlice('\n')
	status, refusal := incomplete(err, maxHead)
	var p *poll
	var head pollHead
	if refusal == nil {
		status, p, head, refusal = h.poll(room, first)
	}
	if refusal != nil {
		h.refuse(w, r, status, refusal)
		return
	}
	select {
	case p.sending <- struct{}{}:
		defer func() { <-p.sending }()
	default:
		rest, _ := io.ReadAll(io.LimitReader(in, maxHead+1))
		p.outOfTurn(w, r, rest)
		return
	}
	status, rest, refusal := body(w, in, maxSend)
	if refusal != nil {
		h.refuse(w, r, status, refusal)
		return
	}
	if !p.inOrder(&p.sent, head.N) {
		p.outOfTurn(w, r, rest)
		return
	}
	p.take(rest)
	w.WriteHeader(http.StatusNoContent)
}

// outOfTurn takes a send that isn't the next one, or comes while another is under way. If it closes, that is taken all the
// same: browsers cut what is under way when a page goes, and say bye after it. What else it holds isn't.
func (p *poll) outOfTurn(w http.ResponseWriter, r *http.Request, rest []byte) {
	text := bytes.TrimSpace(rest)
	if last := text[bytes.LastIndexByte(text, '\n')+1:]; len(rest) <= maxHead && p.closes(last) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	p.disorder(w, r)
}

// refuse answers a request with why it was refused.
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, status int, refusal *Error) {
	h.counters.refused(refusal)
	explain(w, r, status, refusal)
}

// take gives each line to the connection, until that is closed.
func (p *poll) take(data []byte) {
	p.giving.Lock()
	defer p.giving.Unlock()
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if p.isClosed() {
			break
		}
		switch limit := p.connection.limit(); {
		case len(bytes.TrimSpace(line)) == 0:
		case p.closes(line):
		case len(line) > limit:
			p.connection.refuse(refusef(CodeTooBig, "That message is too long; %d bytes are allowed.", limit))
		default:
			p.connection.message(line)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heardAt = time.Now()
}

// closes tells whether a line is the client's close, which ends p.
func (p *poll) closes(line []byte) bool {
	var m closeLine
	if !bytes.Contains(line, []byte(`"close"`)) || json.Unmarshal(line, &m) != nil || m.Type != "close" {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bye = m.Code == 1000 || m.Code == 1001
	p.finish()
	return true
}

// isOver tells whether p has ended, which the hub takes note of a moment later.
func (p *poll) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over
}

func (p *poll) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// pollHead is the first line of a request after the first.
type pollHead struct {
	Connection string `json:"connection"`
	N          uint64 `json:"n"`
}

// poll finds the connection of a request to a room.
func (h *Hub) poll(room string, line []byte) (status int, p *poll, head pollHead, refusal *Error) {
	if err := json.Unmarshal(line, &head); err != nil {
		return http.StatusBadRequest, nil, head, malformed(fmt.Errorf("the first line names no connection: %w", err))
	}
	h.mu.Lock()
	p = h.polls[head.Connection]
	h.mu.Unlock()
	if p == nil || p.connection.roomName != room || p.isOver() {
		return http.StatusGone, nil, head, refusef(CodeConnection, "This connection has ended. Connect again.")
	}
	return 0, p, head, nil
}

func (p *poll) inOrder(count *uint64, n uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n != *count+1 {
		return false
	}
	*count = n
	return true
}

// disorder ends p: a request was lost, repeated or overtaken.
func (p *poll) disorder(w http.ResponseWriter, r *http.Request) {
	e := refusef(CodeOrder, "That request isn't the next of this connection. Connect again.")
	p.hub.counters.refused(e)
	p.abort()
	explain(w, r, http.StatusConflict, e)
}

// line reads a request's body that is one line of at most limit bytes.
func line(w http.ResponseWriter, r *http.Request, limit int) (status int, data []byte, refusal *Error) {
	status, data, refusal = body(w, http.MaxBytesReader(w, r.Body, int64(limit+len("\r\n"))), limit)
	if data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r")); refusal == nil && len(data) > limit {
		return http.StatusRequestEntityTooLarge, nil, refusef(CodeTooBig, "That message is too long; %d bytes are allowed.", limit)
	}
	return status, data, refusal
}

// body reads all that is left of a request's, which is bounded by limit.
func body(w http.ResponseWriter, in io.Reader, limit int) (status int, data []byte, refusal *Error) {
	data, err := io.ReadAll(in)
	if status, refusal = incomplete(err, limit); refusal != nil {
		return status, nil, refusal
	}
	// The server reads on, to notice if the client goes: that has no deadline.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	return 0, data, nil
}

// incomplete says why a request, or its first line, didn't come as it should; nil if it did.
func incomplete(err error, limit int) (status int, refusal *Error) {
	var tooBig *http.MaxBytesError
	switch {
	case err == nil, err == io.EOF:
		return 0, nil
	case errors.As(err, &tooBig), errors.Is(err, bufio.ErrBufferFull):
		return http.StatusRequestEntityTooLarge, refusef(CodeTooBig, "That request is too long; %d bytes are allowed.", limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, refusef(CodeTimeout, "That request took too long to come; %v are allowed.", requestWait)
	}
	return http.StatusBadRequest, malformed(err)
}
