package config

import (
	"slices"
	"strings"
)

// Change is a key that has another value than before.
type Change struct {
	Key      string
	From, To string // values of a list with commas between
	Restart  bool   // it takes effect at the next start only
}

// Changes are what differs between two configurations, in the order in which keys are printed.
func Changes(from, to *Config) (all []Change) {
	before, after := from.keys(), to.keys()
	for i := range before {
		a, b := before[i].texts(), after[i].texts()
		if slices.Equal(a, b) {
			continue
		}
		c := Change{before[i].name, strings.Join(a, ", "), strings.Join(b, ", "), before[i].restart}
		if strings.HasPrefix(c.Key, "tls.") && from.TLS.On() != to.TLS.On() {
			c.Restart = true // a listener speaks TLS or doesn't
		}
		all = append(all, c)
	}
	return all
}
