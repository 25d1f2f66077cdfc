package peer

import (
	"bytes"
	"testing"
)

// linesOf is a file of traces, a step in each line, so that differences can be read.
func linesOf(t *testing.T, about string, cases int, each func(i int) (head string, steps []any, tail string)) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("{\n  \"about\": " + jsonText(t, about) + ",\n  \"cases\": [")
	for i := range cases {
		head, steps, tail := each(i)
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    {" + head + ", \"steps\": [")
		for j, s := range steps {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n      " + jsonText(t, s))
		}
		b.WriteString("\n    ]" + tail + "}")
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes()
}
