package signalingtest

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/snug-chat/snug/signaling"
)

// What hostile hubs do, for [HostileHub.Meddle]. Each begins anew with each call.

// Relayed is a signal on its way to a member, as that hears it.
type Relayed struct {
	From, To string
	Body     jsontext.Value
}

// Signals has f say what becomes of signals, when they have come to the hub and before they go to a member.
func Signals(f func(Relayed) []Relayed) func(Passing) []Passing {
	return func(p Passing) (all []Passing) {
		var m struct {
			Type string         `json:"type"`
			From string         `json:"from"`
			Body jsontext.Value `json:"body"`
		}
		if p.Way != ToClient || json.Unmarshal(p.Text, &m) != nil || m.Type != "signal" {
			return []Passing{p}
		}
		for _, r := range f(Relayed{m.From, p.Member, m.Body}) {
			all = append(all, r.Passing())
		}
		return all
	}
}

// Passing is the signal as it is said to its receiver.
func (r Relayed) Passing() Passing {
	text, err := json.Marshal(struct {
		Type string         `json:"type"`
		From string         `json:"from"`
		Body jsontext.Value `json:"body"`
	}{"signal", r.From, r.Body})
	if err != nil {
		panic("signalingtest: " + err.Error()) // a body that is no JSON
	}
	return Passing{ToClient, r.To, text}
}

// SwapBodies gives each signal the body of the one before it, and that one its own.
func SwapBodies() func(Passing) []Passing {
	var held *Relayed
	return Signals(func(r Relayed) []Relayed {
		if held == nil {
			held = &r
			return nil
		}
		first := *held
		held = nil
		first.Body, r.Body = r.Body, first.Body
		return []Relayed{first, r}
	})
}

// RepeatAll repeats, with each signal, all those before it, up to 64.
func RepeatAll() func(Passing) []Passing {
	var all []Relayed
	return Signals(func(r Relayed) []Relayed {
		all = append(all, r)
		all = all[max(0, len(all)-64):]
		return append([]Relayed{r}, all...)
	})
}

// Reverse delivers signals by so many, the last first.
func Reverse(n int) func(Passing) []Passing {
	var held []Relayed
	return Signals(func(r Relayed) []Relayed {
		if held = append(held, r); len(held) < n {
			return nil
		}
		out := held
		held = nil
		slices.Reverse(out)
		return out
	})
}

// DropEvery loses every nth signal.
func DropEvery(n int) func(Passing) []Passing {
	count := 0
	return Signals(func(r Relayed) []Relayed {
		if count++; count%n == 0 {
			return nil
		}
		return []Relayed{r}
	})
}

// Redirect sends each signal to whom way says, in the name of whom it says.
func Redirect(way func(from, to string) (newFrom, newTo string)) func(Passing) []Passing {
	return Signals(func(r Relayed) []Relayed {
		r.From, r.To = way(r.From, r.To)
		return []Relayed{r}
	})
}

// Invent adds signals with these bodies before and behind each true one, in its sender's name.
func Invent(bodies ...string) func(Passing) []Passing {
	return Signals(func(r Relayed) (all []Relayed) {
		for _, body := range bodies {
			all = append(all, Relayed{r.From, r.To, jsontext.Value(body)})
		}
		return slices.Concat(all, []Relayed{r}, all)
	})
}

// Members has f say what members are told of who is there, in rosters and when somebody comes.
func Members(f func([]signaling.Member) []signaling.Member) func(Passing) []Passing {
	return func(p Passing) []Passing {
		var m map[string]jsontext.Value
		if p.Way != ToClient || json.Unmarshal(p.Text, &m) != nil {
			return []Passing{p}
		}
		switch string(m["type"]) {
		case `"welcome"`:
			var roster map[string]jsontext.Value
			json.Unmarshal(m["roster"], &roster)
			roster["members"] = told(roster["members"], f)
			m["roster"], _ = json.Marshal(roster)
		case `"roster"`:
			if m["joined"] != nil {
				m["joined"] = told(m["joined"], f)
			}
		}
		p.Text, _ = json.Marshal(m, json.Deterministic(true))
		return []Passing{p}
	}
}

func told(list jsontext.Value, f func([]signaling.Member) []signaling.Member) jsontext.Value {
	var members []signaling.Member
	json.Unmarshal(list, &members)
	again, err := json.Marshal(f(members))
	if err != nil {
		panic("signalingtest: " + err.Error()) // metadata that is no JSON
	}
	return again
}
