package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is how large a configuration file may be. The commented defaults have 6 KiB.
const maxFile = 256 << 10

// file sets what a file says. Without a name there is nothing to set.
func (l *loader) file(name string) {
	if name == "" {
		return
	}
	text, err := read(name)
	if err != nil {
		l.report(name, "", "%v", err)
		return
	}
	l.yaml(name, text)
}

func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(f, maxFile+1)); len(text) > maxFile {
			return nil, problemf("is larger than %s, and no configuration", formatSize(maxFile))
		}
		if err == nil {
			return text, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file")
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return nil, problemf("can't be read: %v", err)
}

// yaml sets what text says.
func (l *loader) yaml(name string, text []byte) {
	d := document{loader: l, name: name}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root, more yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return // nothing but comments
	case err != nil:
		d.syntax(err)
		return
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		l.report(d.at(&more), "", "a second document begins here: write one only, and leave out the line ---")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	if content := root.Content[0]; content.Kind == yaml.MappingNode {
		d.section(content, "")
	} else if content.ShortTag() != tagNone {
		l.report(d.at(content), "", "this is %s: write keys with their values, such as listen: %s", describe(content), defaultListen)
	}
}

// document is a file that is being read.
type document struct {
	*loader
	name string
}

// at is where a node is: editors and terminals find FILE:LINE.
func (d *document) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", d.name, n.Line) }

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax reports what the YAML parser has to say.
func (d *document) syntax(err error) {
	where := d.name
	text := syntaxLine.ReplaceAllStringFunc(err.Error(), func(s string) string {
		if found := syntaxLine.FindStringSubmatch(s); found[1] != "" {
			where += ":" + found[1]
		}
		return ""
	})
	d.report(where, "", "this is no YAML: %s", text)
}

// section sets the keys in n, whose names begin with prefix.
func (d *document) section(n *yaml.Node, prefix string) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i], n.Content[i+1]
		full := prefix + name.Value
		if name.Kind != yaml.ScalarNode {
			d.report(d.at(name), "", "this is no key: write a word")
			continue
		}
		if line := seen[name.Value]; line != 0 {
			d.report(d.at(name), full, "is here a second time; the first is in line %d", line)
			continue
		}
		seen[name.Value] = name.Line
		k := find(d.keys, full)
		switch {
		case k != nil && !strings.Contains(name.Value, "."):
			d.key(k, name, v)
		case isSection(d.keys, full) && !strings.Contains(name.Value, "."):
			d.below(full, v)
		default:
			d.unknown(prefix, name)
		}
	}
}

// below is a section in a section. One without anything in it is fine: all its keys may be comments.
func (d *document) below(full string, n *yaml.Node) {
	switch {
	case n.Kind == yaml.MappingNode:
		d.section(n, full+".")
	case n.Kind == yaml.AliasNode || n.ShortTag() != tagNone:
		d.report(d.at(n), full, "is %s, and has to be a section: write its keys below it, indented", describe(n))
	}
}

func (d *document) unknown(prefix string, name *yaml.Node) {
	hint := d.nested(prefix + name.Value)
	if hint == "" {
		hint = didYouMean(name.Value, d.names(prefix))
	}
	if hint == "" {
		hint = d.elsewhere(name.Value)
	}
	d.report(d.at(name), prefix+name.Value, "is no key%s", hint)
}

// nested says how a key is written that was written with its dots.
func (d *document) nested(full string) string {
	if k := find(d.keys, full); k != nil {
		return fmt.Sprintf(": write %s: below %s:", k.base(), strings.ReplaceAll(k.section(), ".", ": and "))
	}
	return ""
}

// elsewhere names a key or section of this name in another section.
func (d *document) elsewhere(name string) string {
	for _, k := range d.keys {
		for full := k.name; full != ""; full = full[:max(0, strings.LastIndexByte(full, '.'))] {
			if strings.HasSuffix(full, "."+name) {
				return ": did you mean " + full + "?"
			}
		}
	}
	return ""
}

// key sets k to what v says.
func (d *document) key(k *key, name, v *yaml.Node) {
	items := []*yaml.Node{v}
	switch {
	case v.Kind == yaml.ScalarNode && v.ShortTag() == tagNone:
		d.report(d.at(name), k.name, "has no value: write %s, or leave the key out", k.expects())
		return
	case k.list() && v.Kind != yaml.SequenceNode:
		d.report(d.at(v), k.name, "is %s, and has to be a list: write it in brackets, such as [one, another]", describe(v))
		return
	case k.list():
		items = v.Content
	}
	before := len(d.problems)
	var texts []string
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || !k.accepts(item.ShortTag()) {
			d.report(d.at(item), k.name, "is %s, and has to be %s%s", describe(item), k.expects(), quoting(k, item))
		}
		texts = append(texts, item.Value)
	}
	if len(d.problems) > before {
		return
	}
	d.set(k, d.at(name), texts)
	if f, ok := k.value.(*file); ok {
		f.below(filepath.Dir(d.name))
	}
}

// describe says what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*" + n.Value + ")"
	}
	switch n.ShortTag() {
	case tagNone:
		return "empty"
	case tagBool:
		return n.Value
	case tagInt, tagFloat:
		return "the number " + n.Value
	case tagText:
		return fmt.Sprintf("the text %q", n.Value)
	}
	return fmt.Sprintf("%q of the type %s", n.Value, n.ShortTag())
}

// quoting says how text is written that YAML takes for something else, and the other way round.
func quoting(k *key, n *yaml.Node) string {
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == tagNone && n.Value != "" && k.accepts(tagText):
		return ": write " + n.Value + " in quotes if that is meant"
	case n.Kind != yaml.ScalarNode || n.ShortTag() == tagNone:
		return ""
	case strings.HasPrefix(n.ShortTag(), "!!") && n.ShortTag() != tagText && k.accepts(tagText) && !k.accepts(tagInt):
		return ": write it in quotes if that is meant"
	case n.ShortTag() == tagText && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return ", without quotes"
	}
	return ""
}
