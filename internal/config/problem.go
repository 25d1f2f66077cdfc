package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Where string // "FILE:LINE", "FILE", a variable or a flag; empty if nobody set what is wrong
	Key   string // empty if it is none's
	Text  string // a sentence, which goes on after the key
}

func (p *Problem) Error() string {
	text := p.Text
	if p.Key != "" {
		text = p.Key + ": " + text
	}
	if p.Where != "" {
		text = p.Where + ": " + text
	}
	return text
}

// Problems are all that is wrong, in the order in which it stands.
type Problems []*Problem

func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, one := range p {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// Err is p as an error; nil if nothing is wrong.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Problem is one with the value of a key. Of several keys that don't fit together, the first one that was set is named.
func (c *Config) Problem(format string, args []any, keys ...string) *Problem {
	blamed := keys[max(0, slices.IndexFunc(keys, func(k string) bool { return c.origins[k] != "" }))]
	return newProblem(c.origins[blamed], blamed, fmt.Sprintf(format, args...))
}

// newProblem makes text a sentence. A variable's or a flag's name says which key it is.
func newProblem(where, key, text string) *Problem {
	if strings.HasPrefix(where, "--") || strings.HasPrefix(where, variablePrefix) {
		key = ""
	}
	if !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, ".") {
		text += "."
	}
	return &Problem{where, key, text}
}
