package signaling

import (
	"errors"
	"fmt"
	"time"
)

// Codes of [Error]. Each is documented in PROTOCOL.md, section 6.
const (
	CodeGoingAway   = "going-away"
	CodeSlow        = "slow"
	CodeFull        = "full"
	CodeTimeout     = "timeout"
	CodeExpired     = "expired"
	CodeLocked      = "locked"
	CodeLimit       = "limit"
	CodeDuplicate   = "duplicate"
	CodeUnavailable = "unavailable"
	CodeMalformed   = "malformed"
	CodeVersion     = "version"
	CodeRoom        = "room"
	CodeSuperseded  = "superseded"
	CodeOrder       = "order"
	CodeTooBig      = "too-big"
	CodeToken       = "token"
	CodeKicked      = "kicked"
	CodeForbidden   = "forbidden"
	CodeUnknownType = "unknown-type"
	CodeOrigin      = "origin"     // HTTP only
	CodeHost        = "host"       // HTTP only
	CodeUpgrade     = "upgrade"    // HTTP only
	CodeConnection  = "connection" // HTTP only
)

// closeCodes gives each code that ends a connection its WebSocket close code:
// 4000–4499 mean try again, 4500–4999 mean don't.
var closeCodes = map[string]int{
	CodeGoingAway:   4000,
	CodeSlow:        4001,
	CodeFull:        4002,
	CodeTimeout:     4003,
	CodeExpired:     4004,
	CodeLocked:      4005,
	CodeLimit:       4006,
	CodeDuplicate:   4007,
	CodeUnavailable: 4008,
	CodeMalformed:   4500,
	CodeVersion:     4501,
	CodeRoom:        4502,
	CodeSuperseded:  4503,
	CodeOrder:       4504,
	CodeTooBig:      4505,
	CodeToken:       4506,
	CodeKicked:      4507,
	CodeForbidden:   4508,
}

// Names of limits, for [Error.Limit].
const (
	LimitConnections = "connections"
	LimitJoins       = "joins"
	LimitMessages    = "messages"
	LimitRooms       = "rooms"
	LimitBytes       = "bytes"
)

const (
	againCloseMax = 4499
	finalCloseMin = 4500
	finalCloseMax = 4999
	maxRetry      = 10 * time.Minute
)

var (
	// ErrNotHub means that something answers at the address, but not a hub.
	ErrNotHub = errors.New("signaling: this address answers, but it is no snug hub")
	// ErrUnreachable means that nothing answers at the address.
	ErrUnreachable = errors.New("signaling: the hub can't be reached")
	// ErrClosed is returned once a Conn or Hub was closed by its owner.
	ErrClosed = errors.New("signaling: closed")
)

// Error is what a hub says when it refuses something. A client gets it from
// [Dial] and [Conn.Receive].
type Error struct {
	Code    string        // for programs: CodeFull, …
	Message string        // for people
	Retry   time.Duration // how long to wait before trying again; 0: not said
	Limit   string        // which, with CodeLimit: LimitConnections, …
	// Final means that trying again won't help: the close code was 4500–4999,
	// or the origin or the host was refused.
	Final bool
}

func (e *Error) Error() string { return fmt.Sprintf("signaling: %s (%s)", e.Message, e.Code) }

func (*Error) messageType() string { return "error" }

// wireError is an Error as it travels.
type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Retry   int64  `json:"retry,omitzero"` // ms
	Limit   string `json:"limit,omitzero"`
}

func (e *Error) wire() wireError {
	return wireError{e.Code, e.Message, e.Retry.Milliseconds(), e.Limit}
}

// unwire bounds what a hub asks for, so that none can make a client wait for ever.
func (w wireError) unwire() *Error {
	retry := min(max(w.Retry, 0), maxRetry.Milliseconds())
	return &Error{Code: w.Code, Message: w.Message, Retry: time.Duration(retry) * time.Millisecond, Limit: w.Limit}
}

// closeCode is the one that goes with e. A code that isn't the protocol's own goes by its range.
func (e *Error) closeCode() int {
	code, known := closeCodes[e.Code]
	switch {
	case known:
		return code
	case e.Final:
		return finalCloseMax
	}
	return againCloseMax
}

// refusef makes an Error that ends a connection, or answers a request.
func refusef(code, format string, args ...any) *Error {
	closeCode := closeCodes[code]
	return &Error{
		Code:    code,
		Message: fmt.Sprintf(format, args...),
		Final:   closeCode >= finalCloseMin || code == CodeOrigin || code == CodeHost,
	}
}

// after is e, with how long to wait before trying again.
func (e *Error) after(retry time.Duration) *Error {
	e.Retry = retry
	return e
}

// limited makes the Error of a limit that will have room again after retry.
func limited(limit string, retry time.Duration, format string, args ...any) *Error {
	e := refusef(CodeLimit, format, args...)
	e.Limit, e.Retry = limit, max(retry, time.Millisecond)
	return e
}
