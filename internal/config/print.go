package config

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print writes c as YAML that sets the same again, read in the same directory. Beside each value that isn't a default stands where it is from.
func (c *Config) Print(out io.Writer) error {
	keys := c.keys()
	root := &yaml.Node{Kind: yaml.MappingNode}
	for i := range keys {
		k := &keys[i]
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: k.base()}
		v := k.node()
		if from := c.origins[k.name]; from != "" {
			v.LineComment = "# " + fmt.Sprintf("%.200s", strings.Trim(fmt.Sprintf("%q", from), `"`))
		}
		parent := section(root, k.section())
		parent.Content = append(parent.Content, name, v)
	}
	e := yaml.NewEncoder(out)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return err
	}
	return e.Close()
}

// section is the node of a section, which is made if need be.
func section(n *yaml.Node, name string) *yaml.Node {
	if name == "" {
		return n
	}
	first, rest, _ := strings.Cut(name, ".")
	i := slices.IndexFunc(n.Content, func(child *yaml.Node) bool { return child.Kind == yaml.ScalarNode && child.Value == first })
	if i < 0 {
		i = len(n.Content)
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: first}, &yaml.Node{Kind: yaml.MappingNode})
	}
	return section(n.Content[i+1], rest)
}

// node is k's value in YAML.
func (k *key) node() *yaml.Node {
	if !k.list() {
		return k.scalar(k.texts()[0])
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range k.texts() {
		list.Content = append(list.Content, k.scalar(text))
	}
	return list
}

// scalar is text in YAML, in quotes where it would be read as something else.
func (k *key) scalar(text string) *yaml.Node {
	if k.accepts(tagInt) || k.accepts(tagBool) {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagText, Value: text}
}

// PrintDefaults writes a configuration file that says what each key means, and sets none.
func PrintDefaults(out io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# snug's configuration. Each key stands here with its default, behind a #.\n" +
		"# The same may stand in the environment, which goes above the file: SNUG_ and the key's name in capitals, such as SNUG_LIMITS_FRAME.\n")
	keys := Default().keys()
	last := ""
	for i := range keys {
		k := &keys[i]
		indent := headings(&b, last, k.section())
		last = k.section()
		text, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: k.base()}, k.node()}})
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n%s# %s%s\n%s# %s", indent, k.doc, restarts(k), indent, text)
	}
	_, err := out.Write(b.Bytes())
	return err
}

func restarts(k *key) string {
	if k.restart {
		return " Needs a restart."
	}
	return ""
}

// headings writes the sections that begin between a key in last and one in now, and returns the indent of the latter.
func headings(b *bytes.Buffer, last, now string) (indent string) {
	same := true
	before := strings.Split(last, ".")
	if now == "" {
		return ""
	}
	for i, part := range strings.Split(now, ".") {
		same = same && i < len(before) && before[i] == part
		if !same {
			if i == 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(b, "%s%s:\n", indent, part)
		}
		indent += "  "
	}
	return indent
}
