package doctor

import (
	_ "embed"
	"github.com/go-json-experiment/json"
	"slices"
	"strings"
	"sync"

	"github.com/snug-chat/snug/internal/plain"
)

// Status is how a check came out.
type Status string

// Statuses.
const (
	Fine    Status = "ok"
	Warning Status = "warn"    // works, but not as it should, or not for long
	Failed  Status = "fail"    // something is wrong
	Skipped Status = "skipped" // not tried; what it says why
)

// Result is what one check found.
type Result struct {
	ID     string `json:"id"` // one of Checks
	Title  string `json:"title"`
	Status Status `json:"status"`
	Kind   string `json:"kind"` // which case of the check it is: "closed", "silent", …; for programs
	What   string `json:"what"`
	Means  string `json:"means,omitzero"` // for members
	Mend   string `json:"mend,omitzero"`  // what the operator, or whoever runs the network, can do
}

// Report is all that was found.
type Report struct {
	Hub     string   `json:"hub"`
	OK      bool     `json:"ok"` // nothing failed
	Results []Result `json:"results"`
}

// Count is how many results have a status.
func (r Report) Count(s Status) (n int) {
	for _, one := range r.Results {
		if one.Status == s {
			n++
		}
	}
	return n
}

// Ways are the transports to a TURN server.
const (
	overUDP = "udp"
	overTCP = "tcp"
	overTLS = "tls"
)

var ways = []string{overUDP, overTCP, overTLS}

// Checks are the ids of all checks, in the order in which they are shown: what waits longest comes last.
func Checks() []string {
	return []string{"hub", "https", "clock", "websocket", "http", "join", "stun", "nat", "turn", "turn-udp", "turn-tcp", "turn-tls",
		"range", "firewall", "ipv6", "server-files", "server-certificate", "server-address", "idle"}
}

// Title is what a check is called.
func Title(id string) string { return render(id, "", nil).Title }

//go:embed words.json
var words []byte

// text is what is said in one case. The page at /doctor reads the same file.
type text struct {
	Status Status `json:"status"`
	What   string `json:"what"`
	Means  string `json:"means"`
	Mend   string `json:"mend"`
}

// texts are the cases of each check; the title is one of them.
var texts = sync.OnceValue(func() map[string]cases {
	all := make(map[string]cases)
	if err := json.Unmarshal(words, &all); err != nil {
		panic("doctor: " + err.Error()) // it is embedded
	}
	return all
})

type cases struct {
	Title string          `json:"title"`
	Kinds map[string]text `json:",embed"`
}

// values fill the places of a text that stand in braces.
type values map[string]string

// render makes the result of a check in a case.
func render(id, kind string, with values) Result {
	name := id
	with = safe(with)
	if way, ok := strings.CutPrefix(id, "turn-"); ok {
		name, with["way"], with["without"] = "relay", strings.ToUpper(way), texts()["without"].Kinds[way].What
	}
	check := texts()[name]
	t := check.Kinds[kind]
	return Result{
		ID: id, Title: fill(check.Title, with), Status: t.Status, Kind: kind,
		What: fill(t.What, with), Means: fill(t.Means, with), Mend: fill(t.Mend, with),
	}
}

// safe is v, safe to print, in a copy.
func safe(v values) values {
	all := make(values, len(v)+2)
	for key, value := range v {
		all[key] = plain.Line(value) // some of it comes from servers
	}
	return all
}

func fill(template string, with values) string {
	pairs := make([]string, 0, 2*len(with))
	for key, value := range with {
		pairs = append(pairs, "{"+key+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// listed names a few things: "a, b and c".
func listed(all []string) string {
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}
