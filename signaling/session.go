package signaling

// transport carries messages to a member. A [socket] is one.
type transport interface {
	// send queues a frame; the error is errSlow or errEnding.
	send(frame) error
	// close says why and ends.
	close(*Error)
}

// session is a member's standing with the hub, over one connection. Its methods,
// but send and close, are called by the connection's goroutine only.
type session struct {
	transport
	// Set at construction.
	hub      *Hub
	roomName string
	admitted func() // to call when the hello has come

	// Owned by the connection's goroutine.
	id      string // empty before hello
	room    *room  // nil before hello and after leaving
	signals uint64 // received so far
}

func (s *session) limit() int {
	if s.id == "" {
		return maxHello
	}
	return s.hub.options.MaxFrame
}

func (s *session) message(data []byte) {
	m, refusal := decodeToHub(data)
	if refusal != nil {
		if refusal.Code == CodeUnknownType && s.id != "" {
			s.send(messageFrame(refusal))
			return
		}
		if refusal.Code == CodeUnknownType {
			refusal = errHelloFirst()
		}
		s.refuse(refusal)
		return
	}
	if s.id == "" {
		s.first(m)
		return
	}
	switch m := m.(type) {
	case Signal:
		s.signals++
		s.relay(m)
	case Ping:
		s.send(pongFrame)
	case Hello:
		s.refuse(refusef(CodeOrder, "You said hello already."))
	}
}

func errHelloFirst() *Error { return refusef(CodeOrder, "Say hello first.") }

func (s *session) first(m Message) {
	hello, ok := m.(Hello)
	if !ok {
		s.refuse(errHelloFirst())
		return
	}
	s.admitted()
	id := hello.Secret.MemberID()
	room, refusal := s.hub.join(s, id, hello)
	if refusal != nil {
		s.refuse(refusal)
		return
	}
	s.id, s.room = id, room
}

func (s *session) relay(m Signal) {
	reason := UndeliverableUnknown
	if CheckMemberID(m.To) == nil && m.To != s.id {
		reason = s.room.relay(s, m)
	}
	if reason != "" {
		s.send(messageFrame(Undeliverable{To: m.To, Signal: s.signals, Reason: reason}))
	}
}

// refuse ends the connection for what its other side did.
func (s *session) refuse(e *Error) {
	s.close(e)
	s.leave(ReasonTimeout)
}

func (s *session) ended(bye bool) {
	if bye {
		s.leave(ReasonBye)
	} else {
		s.leave(ReasonTimeout)
	}
}

func (s *session) leave(reason string) {
	if s.room != nil {
		s.room.leave(s, reason)
		s.room = nil
	}
}
