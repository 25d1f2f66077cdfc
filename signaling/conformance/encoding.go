package conformance

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// bad is a message that ends its connection with a code.
type bad struct {
	name string
	text string // $HELLO stands for a good hello's members, without the braces
	code string
}

// badFirst are refused as first messages.
var badFirst = []bad{
	{"not JSON", `hello`, "malformed"},
	{"not an object", `["hello"]`, "malformed"},
	{"null", `null`, "malformed"},
	{"cut off", `{$HELLO`, "malformed"},
	{"data after the object", `{$HELLO} {}`, "malformed"},
	{"a duplicate name", `{$HELLO,"type":"hello"}`, "malformed"},
	{"a duplicate name, deep down", `{$HELLO,"meta":{"a":[{"b":1,"b":1}]}}`, "malformed"},
	{"a duplicate name, escaped", `{$HELLO,"\u0074ype":"hello"}`, "malformed"},
	{"a duplicate name in what is ignored", `{$HELLO,"later":{"a":1,"a":1}}`, "malformed"},
	{"a comment", `{$HELLO/**/}`, "malformed"},
	{"a trailing comma", `{$HELLO,}`, "malformed"},
	{"invalid UTF-8", "{$HELLO,\"name\":\"\xff\"}", "malformed"},
	{"a lone surrogate", `{$HELLO,"name":"\ud800"}`, "malformed"},
	{"a control character", "{$HELLO,\"later\":\"\x01\"}", "malformed"},
	{"no type", `{"secret":1}`, "malformed"},
	{"a type that is a number", `{"type":1}`, "malformed"},
	{"a type in capitals", `{"TYPE":"hello"}`, "malformed"},
	{"no secret", `{"type":"hello","kind":"test"}`, "malformed"},
	{"a secret of 42 characters", `{"type":"hello","kind":"test","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh"}`, "malformed"},
	{"a secret with padding", `{"type":"hello","kind":"test","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}`, "malformed"},
	{"a secret out of the alphabet", `{"type":"hello","kind":"test","secret":"+AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}`, "malformed"},
	{"a secret with stray bits", `{"type":"hello","kind":"test","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9"}`, "malformed"},
	{"no kind", `{$SECRET}`, "malformed"},
	{"an empty kind", `{$SECRET,"kind":""}`, "malformed"},
	{"a kind of 17 characters", `{$SECRET,"kind":"aaaaaaaaaaaaaaaaa"}`, "malformed"},
	{"a kind out of the alphabet", `{$SECRET,"kind":"Go"}`, "malformed"},
	{"a name of 129 bytes", `{$HELLO,"name":"` + strings.Repeat("é", 64) + `x"}`, "malformed"},
	{"a name with a C0 control", `{$HELLO,"name":"a\u001fb"}`, "malformed"},
	{"a name with DEL", `{$HELLO,"name":"a\u007fb"}`, "malformed"},
	{"a name with a C1 control", `{$HELLO,"name":"a\u009fb"}`, "malformed"},
	{"a name that is a number", `{$HELLO,"name":1}`, "malformed"},
	{"a name that is null", `{$HELLO,"name":null}`, "malformed"},
	{"meta that is a list", `{$HELLO,"meta":[]}`, "malformed"},
	{"meta that is null", `{$HELLO,"meta":null}`, "malformed"},
	{"meta of 1,025 bytes", `{$HELLO,"meta":{"a":"` + strings.Repeat("x", 1025-8) + `"}}`, "malformed"},
	{"a token of 4,097 bytes", `{$HELLO,"token":"` + strings.Repeat("x", 4097) + `"}`, "malformed"},
	{"a token that is a number", `{$HELLO,"token":1}`, "malformed"},
	{"session without received", `{$HELLO,"session":"abc"}`, "malformed"},
	{"received without session", `{$HELLO,"received":0}`, "malformed"},
	{"received below zero", `{$HELLO,"session":"abc","received":-1}`, "malformed"},
	{"received that is a fraction", `{$HELLO,"session":"abc","received":1.5}`, "malformed"},
	{"received that is a string", `{$HELLO,"session":"abc","received":"1"}`, "malformed"},
	{"a hello of 8,193 bytes", `{$HELLO$PAD8193}`, "too-big"},
	{"a signal first", `{"type":"signal","to":"x","body":1}`, "order"},
	{"a ping first", `{"type":"ping"}`, "order"},
	{"an unknown type first", `{"type":"sing"}`, "order"},
}

// badLater are refused after the hello.
var badLater = []bad{
	{"not JSON", `{"type":"signal"`, "malformed"},
	{"a duplicate name", `{"type":"ping","type":"ping"}`, "malformed"},
	{"a duplicate name in a body", `{"type":"signal","to":"x","body":{"a":1,"a":1}}`, "malformed"},
	{"invalid UTF-8 in a body", "{\"type\":\"signal\",\"to\":\"x\",\"body\":\"\xc3\x28\"}", "malformed"},
	{"a lone surrogate in a body", `{"type":"signal","to":"x","body":"\udc00"}`, "malformed"},
	{"data after the object", `{"type":"ping"}{"type":"ping"}`, "malformed"},
	{"more than 10,000 levels", `{"type":"signal","to":"x","body":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`, "malformed"},
	{"no body", `{"type":"signal","to":"x"}`, "malformed"},
	{"no to", `{"type":"signal","body":1}`, "malformed"},
	{"to that is a number", `{"type":"signal","to":1,"body":1}`, "malformed"},
	{"an ack without received", `{"type":"ack"}`, "malformed"},
	{"an ack below zero", `{"type":"ack","received":-1}`, "malformed"},
	{"an ack of a string", `{"type":"ack","received":"1"}`, "malformed"},
	{"a token that is none", `{"type":"token"}`, "malformed"},
	{"a token of 4,097 bytes", `{"type":"token","token":"` + strings.Repeat("x", 4097) + `"}`, "malformed"},
	{"a kick of nobody", `{"type":"kick"}`, "malformed"},
	{"a lock without locked", `{"type":"lock"}`, "malformed"},
	{"a lock of a string", `{"type":"lock","locked":"yes"}`, "malformed"},
	{"a hello again", `{$HELLO}`, "order"},
	{"a message longer than limits.frame", `{"type":"ping"$PADFRAME}`, "too-big"},
}

// Section 2, its text.
var encoding = []rule{
	{"bad first messages are refused", 0, func(t *testing.T, s *suite) {
		for _, b := range badFirst {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				c := s.connect(t, newRoom())
				c.say(c.fill(b.text))
				c.isRefused(b.code, answerWait)
			})
		}
	}},
	{"bad later messages are refused", 0, func(t *testing.T, s *suite) {
		for _, b := range badLater {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				c := s.join(t, newRoom(), "Ann")
				c.say(c.fill(b.text))
				c.isRefused(b.code, answerWait)
			})
		}
	}},
	{"an empty message is refused", needsWebSocket, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		c.say("")
		c.isRefused("malformed", answerWait)
	}},
	{"binary messages are refused", needsWebSocket, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		c.wire.(*webSocket).WriteMessage(websocket.BinaryMessage, []byte(c.hello(nil)))
		c.isRefused("malformed", answerWait)
		c = s.join(t, newRoom(), "Ann")
		c.wire.(*webSocket).WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`))
		c.isRefused("malformed", answerWait)
	}},
	{"white space and escapes are JSON's", 0, func(t *testing.T, s *suite) {
		c := s.join(t, newRoom(), "Ann")
		c.say(" \t{ \"\\u0074ype\" : \"p\\u0069ng\" } ")
		c.expect("pong")
	}},
	{"unknown members are ignored", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		c.enter(fields{"later": []any{1, nil, map[string]any{"type": "x"}}})
		c.say(`{"type":"ping","later":{"type":"hello"}}`)
		c.expect("pong")
	}},
	{"names are case-sensitive", 0, func(t *testing.T, s *suite) {
		c := s.connect(t, newRoom())
		w := c.enter(fields{"name": nil, "NAME": "Eve"})
		if name := w.Roster.Members[0].Name; name == nil || *name != "" {
			t.Errorf("the member's name is %q", *name)
		}
	}},
	{"unknown types are answered, and nothing else is lost", 0, func(t *testing.T, s *suite) {
		c := s.join(t, newRoom(), "Ann")
		c.say(`{"type":"sing","song":[1]}`)
		if e := c.expect("error"); e.code() != "unknown-type" || e.Message == "" {
			t.Errorf("got %v", e)
		}
		c.isFine()
	}},
	{"compression isn't negotiated", needsWebSocket, func(t *testing.T, s *suite) {
		d := websocket.Dialer{Subprotocols: []string{subprotocol}, EnableCompression: true}
		w, answer, err := s.tryDial(t, newRoom(), d, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer w.lose()
		if got := answer.Header.Get("Sec-WebSocket-Extensions"); got != "" {
			t.Errorf("the hub negotiated %s", got)
		}
	}},
}

// fill puts in what stands for something in the text of a bad message.
func (c *client) fill(text string) string {
	hello := strings.Trim(c.hello(fields{"name": nil}), "{}")
	if strings.Contains(text, `"token":`) {
		hello = strings.Trim(c.hello(fields{"name": nil, "token": nil}), "{}")
	}
	secret := strings.Trim(c.hello(fields{"name": nil, "kind": nil}), "{}")
	text = strings.NewReplacer("$HELLO", hello, "$SECRET", secret).Replace(text)
	text = pad(text, "$PAD8193", 8193)
	return pad(text, "$PADFRAME", c.welcome.Limits.Frame+1)
}

// pad makes text size bytes long, with spaces where mark is.
func pad(text, mark string, size int) string {
	return strings.Replace(text, mark, strings.Repeat(" ", max(0, size-len(text)+len(mark))), 1)
}
