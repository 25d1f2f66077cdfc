package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

const (
	variablePrefix = "SNUG_"
	fileVariable   = "SNUG_CONFIG" // names the file: no key
)

// Sources are where a configuration comes from.
type Sources struct {
	File        string   // path of the YAML file; empty: none
	Environment []string // as os.Environ gives it; of that, what begins with SNUG_
	Flags       []Flag   // those that were given
	LAN         bool     // --lan was given
	Data        string   // the directory for what snug keeps; empty: there is none
}

// Flag is a flag that sets a key.
type Flag struct {
	Name   string // as it was written, such as "--listen"
	Key    string
	Values []string
}

// FileFrom is the file that flag names or, if it is empty, that the environment does.
func FileFrom(flag string, environment []string) string {
	for _, variable := range environment {
		if name, value, _ := strings.Cut(variable, "="); name == fileVariable && flag == "" {
			return value
		}
	}
	return flag
}

// Load reads all sources. Its error is [Problems]: everything that is wrong, with where it is. The
// configuration is returned with it, as far as it was understood. Whether the files that it names are there is not looked at.
func Load(s Sources) (*Config, error) {
	c := Default()
	c.LAN = s.LAN
	l := loader{config: c, keys: c.keys()}
	l.file(s.File)
	l.environment(s.Environment)
	l.flags(s.Flags)
	if a := &c.TLS.ACME; len(a.Domains) > 0 && a.Storage == "" && s.Data != "" {
		a.Storage = filepath.Join(s.Data, "acme")
	}
	if len(l.problems) == 0 {
		l.problems = c.Check() // of values that are wrong, these would only confuse
	}
	return c, l.problems.Err()
}

// loader sets keys, one layer after the other.
type loader struct {
	config   *Config
	keys     []key
	problems Problems
}

func (l *loader) report(where, key, format string, args ...any) {
	l.problems = append(l.problems, newProblem(where, key, fmt.Sprintf(format, args...)))
}

// set sets k, and remembers where.
func (l *loader) set(k *key, where string, texts []string) {
	if err := k.set(texts); err != nil {
		l.report(where, k.name, "%v", err)
		return
	}
	l.config.origins[k.name] = where
}

// environment sets from variables. An empty one is as good as none: that is how compose files and units pass on what isn't set.
func (l *loader) environment(variables []string) {
	for _, variable := range slices.Sorted(slices.Values(variables)) {
		name, text, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, variablePrefix) || name == fileVariable || text == "" {
			continue
		}
		i := slices.IndexFunc(l.keys, func(k key) bool { return k.variable() == name })
		if i < 0 {
			l.report(name, "", "there is no such setting%s", didYouMean(name, l.variables()))
			continue
		}
		l.set(&l.keys[i], name, split(&l.keys[i], text))
	}
}

func (l *loader) variables() []string {
	names := []string{fileVariable}
	for _, k := range l.keys {
		names = append(names, k.variable())
	}
	return names
}

func (l *loader) all() (names []string) {
	for _, k := range l.keys {
		names = append(names, k.name)
	}
	return names
}

// Split is what text sets a key to: if it has a list, text is cut at its commas.
func Split(key, text string) []string {
	if k := find(Default().keys(), key); k != nil {
		return split(k, text)
	}
	return []string{text}
}

// split cuts a list at its commas.
func split(k *key, text string) []string {
	if !k.list() {
		return []string{text}
	}
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// flags sets from flags; later ones win.
func (l *loader) flags(flags []Flag) {
	for _, f := range flags {
		k := find(l.keys, f.Key)
		switch {
		case k == nil:
			l.report(f.Name, "", "there is no such setting%s", didYouMean(f.Key, l.all()))
		case k.list():
			l.set(k, f.Name, f.Values)
		default:
			l.set(k, f.Name, f.Values[len(f.Values)-1:])
		}
	}
}

// names are those of keys and sections right below a section; prefix is its name and a dot, or empty.
func (l *loader) names(prefix string) (names []string) {
	for _, k := range l.keys {
		if below, ok := strings.CutPrefix(k.name, prefix); ok {
			first, _, _ := strings.Cut(below, ".")
			names = append(names, first)
		}
	}
	return names
}
