package signaling

import (
	"io"
	"net"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

func FuzzDecodeToHub(f *testing.F) {
	for _, c := range goldens(f, "to-hub.json") {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, refusal := decodeToHub(data)
		if refusal != nil {
			if refusal.Code != CodeMalformed && refusal.Code != CodeUnknownType {
				t.Errorf("refused with %s", refusal.Code)
			}
			messageFrame(refusal) // whatever the input was, it can be said
			return
		}
		again(t, m, func(text []byte) (Message, error) {
			if m, refusal := decodeToHub(text); refusal == nil {
				return m, nil
			} else {
				return nil, refusal
			}
		})
	})
}

func FuzzDecodeFromHub(f *testing.F) {
	for _, c := range goldens(f, "from-hub.json") {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeFromHub(data)
		if err != nil {
			return
		}
		if c, ok := m.(RosterChange); ok {
			(&Roster{Epoch: c.Epoch}).Apply(c)
		}
		again(t, m, decodeFromHub)
	})
}

// again fails unless m survives being encoded and decoded.
func again(t *testing.T, m Message, decode func([]byte) (Message, error)) {
	t.Helper()
	text, err := encode(m)
	if err != nil {
		t.Fatalf("%#v can't be encoded: %v", m, err)
	}
	back, err := decode(text)
	if err != nil {
		t.Fatalf("%s can't be decoded: %v", text, err)
	}
	twice, err := encode(back)
	if err != nil || string(twice) != string(text) || reflect.TypeOf(back) != reflect.TypeOf(m) {
		t.Errorf("%s became %s, %v", text, twice, err)
	}
}

func FuzzParseInvite(f *testing.F) {
	f.Add("http://localhost:8080/r/lobby")
	f.Add("https://[::1]/a/r/b?c")
	f.Add("https://hub.example/r/~UxqjsbdFn9szANNVOkOtRA#KnzdhQ6NS79-S0-DenF82HpppsLDEgBBws95Nnz4EYg")
	f.Fuzz(func(t *testing.T, s string) {
		i, err := ParseInvite(s)
		if err != nil {
			return
		}
		if again, err := ParseInvite(i.String()); err != nil || again.String() != i.String() || again.Room != i.Room || again.Key != i.Key {
			t.Errorf("%q gave %v, which gave %v, %v", s, i, again, err)
		}
	})
}

// FuzzConnection sends anything behind the upgrade. It may only ever end the
// connection that it came on.
func FuzzConnection(f *testing.F) {
	f.Add([]byte{0x81, 0x80, 0, 0, 0, 0})
	f.Add([]byte{0x88, 0x82, 0, 0, 0, 0, 3, 232})
	f.Add([]byte("\x01\x80\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00"))
	f.Add(append([]byte{0x81, 0x80 | 87, 0, 0, 0, 0}, goodHello...))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			l := newBubbleLab(t, nil)
			ann := l.join("Ann")
			conn := l.upgraded(t)
			go io.Copy(io.Discard, conn)
			conn.SetWriteDeadline(time.Now().Add(time.Minute))
			conn.Write(data)
			conn.Close()
			for range 2 {
				if err := ann.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				for {
					m, err := ann.Receive(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if _, ok := m.(Pong); ok {
						break
					}
				}
			}
		})
	})
}

// upgraded is a connection to the lab's hub, behind the upgrade.
func (l *lab) upgraded(t *testing.T) net.Conn {
	conn, err := l.dial.NetDialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest("GET", "http://hub.test/v1/rooms/lobby", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": Subprotocol,
	} {
		r.Header.Set(name, value)
	}
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	for tail := ""; tail != "\r\n\r\n"; {
		var b [1]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			t.Fatal(err)
		}
		tail += string(b[:])
		tail = tail[max(0, len(tail)-4):]
	}
	return conn
}
