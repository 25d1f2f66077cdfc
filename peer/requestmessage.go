package peer

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// requestsChannel carries requests and answers.
const requestsChannel = reservedNames + "requests"

// Limits of LINK.md, section 5.
const (
	maxRequestMessage = 256 << 10 // bytes, of a request or an answer with all that is around its body
	maxWaiting        = 32        // requests of one member that wait for their answers at another
	maxUnanswered     = 64        // and as many are borne
	maxTimeout        = 10 * time.Minute
	maxErrorCode      = 64   // bytes
	maxErrorMessage   = 1024 // bytes
	maxCount          = 1<<53 - 1
)

// Types of what is said on the channel.
const (
	typeRequest = "request"
	typeCancel  = "cancel"
	typeAnswer  = "answer"
)

// requestMessage is what is said on the channel of requests: LINK.md, section 5.
type requestMessage struct {
	Type    string         `json:"type"`
	ID      uint64         `json:"id"`
	Name    string         `json:"name,omitzero"`    // request
	Timeout int64          `json:"timeout,omitzero"` // request: how long an answer is waited for, in ms
	Body    jsontext.Value `json:"body,omitzero"`    // request, answer; none is null
	Error   *RequestError  `json:"error,omitzero"`   // answer
}

func (m requestMessage) encode() ([]byte, error) {
	text, err := json.Marshal(m)
	if err == nil && len(text) > maxRequestMessage {
		return nil, tooLong(len(text), maxRequestMessage)
	}
	return text, err
}

// decodeRequest returns errIgnored for types of later versions, and errFrame for what breaks the protocol. That a
// text of the body is no Unicode is for whoever takes the body.
func decodeRequest(data []byte) (requestMessage, error) {
	lenient := jsontext.AllowInvalidUTF8(true)
	var head struct {
		Type string `json:"type"`
	}
	if len(data) > maxRequestMessage || jsontext.Value(data).Kind() != '{' || json.Unmarshal(data, &head, lenient) != nil || head.Type == "" {
		return requestMessage{}, errFrame
	}
	m, err := requestMessage{Type: head.Type}, error(nil)
	switch m.Type {
	case typeRequest:
		var is struct {
			ID      uint64         `json:"id"`
			Name    string         `json:"name"`
			Timeout int64          `json:"timeout"`
			Body    jsontext.Value `json:"body"`
		}
		err = json.Unmarshal(data, &is, lenient)
		m.ID, m.Name, m.Timeout, m.Body = is.ID, is.Name, is.Timeout, is.Body
	case typeAnswer:
		var is struct {
			ID    uint64         `json:"id"`
			Body  jsontext.Value `json:"body"`
			Error *RequestError  `json:"error"`
		}
		err = json.Unmarshal(data, &is, lenient)
		m.ID, m.Body, m.Error = is.ID, is.Body, is.Error
	case typeCancel:
		var is struct {
			ID uint64 `json:"id"`
		}
		err = json.Unmarshal(data, &is, lenient)
		m.ID = is.ID
	default:
		return m, errIgnored
	}
	if err != nil || !m.valid() {
		return requestMessage{}, errFrame
	}
	if m.Body == nil && m.Error == nil && m.Type != typeCancel {
		m.Body = jsontext.Value("null")
	}
	return m, nil
}

func (m requestMessage) valid() bool {
	switch {
	case m.ID == 0 || m.ID > maxCount:
		return false
	case m.Type == typeRequest:
		return validName(m.Name) && m.Timeout > 0 && m.Timeout <= maxTimeout.Milliseconds()
	}
	return m.Error == nil || m.Error.valid()
}

// valid tells whether the error may travel as it is.
func (e *RequestError) valid() bool {
	return validCode(e.Code) && len(e.Message) <= maxErrorMessage && utf8.ValidString(e.Message) && !strings.ContainsFunc(e.Message, unicode.IsControl)
}

func validCode(code string) bool {
	return code != "" && len(code) <= maxErrorCode && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// told is the error as it travels: its code and sentence, as far as they may.
func (e *RequestError) told() *RequestError {
	code, message := e.Code, strings.ToValidUTF8(e.Message, "\uFFFD")
	if !validCode(code) {
		code = RequestFailed
	}
	message = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, message)
	if len(message) > maxErrorMessage {
		message = strings.ToValidUTF8(message[:maxErrorMessage], "")
	}
	return &RequestError{Code: code, Message: message}
}
