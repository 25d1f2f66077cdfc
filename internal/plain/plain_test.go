package plain

import (
	"strings"
	"testing"
	"unicode"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"words", "Hello, world.", "Hello, world."},
		{"all scripts", "你好 שלום سلام नमस्ते", "你好 שלום سلام नमस्ते"},
		{"joined emoji", "👩\u200d👩\u200d👧 👋🏽 🇩🇪", "👩\u200d👩\u200d👧 👋🏽 🇩🇪"},
		{"lines and tabs", "a\n\tb\n", "a\n\tb\n"},
		{"colour", "\x1b[31mred\x1b[0m", "[31mred[0m"},
		{"clear screen", "\x1b[2J\x1b[H", "[2J[H"},
		{"title", "\x1b]0;title\x07", "]0;title"},
		{"link", "\x1b]8;;http://evil.invalid\x1b\\here\x1b]8;;\x1b\\", "]8;;http://evil.invalid\\here]8;;\\"},
		{"clipboard", "\x1b]52;c;ZXZpbA==\x07", "]52;c;ZXZpbA=="},
		{"one-byte CSI", "\u009b2J", "2J"},
		{"other C1", "a\u0080\u0085\u0090\u009c\u009d\u009fb", "ab"},
		{"over the line", "safe\rSAFE", "safeSAFE"},
		{"backspace, delete, bell, NUL", "a\b\x7f\a\x00b", "ab"},
		{"form feed and vertical tab", "a\f\vb", "ab"},
		{"turned around", "\u202eevil\u202c \u202a\u202b\u202d", "evil "},
		{"isolated", "\u2066a\u2067b\u2068c\u2069", "abc"},
		{"line separators", "a\u2028b\u2029c", "abc"},
		{"not UTF-8", "a\xffb\x9b2J", "a\ufffdb\ufffd2J"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Text(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"Ann":                "Ann",
		"  Ann \n":           "Ann",
		"Ann\nBob: hi":       "Ann Bob: hi",
		"Ann\tBob":           "Ann Bob",
		"\u3000\u00a0 \x1b ": "",
		"\u202e\n\u2066":     "",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[2J\u009b\u202e\n\t\xff")
	f.Fuzz(func(t *testing.T, in string) {
		once := Text(in)
		for _, r := range once {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) && r != '\u061c' && r != '\u200e' && r != '\u200f' {
				t.Errorf("%U is left of %q", r, in)
			}
		}
		if Text(once) != once {
			t.Errorf("%q isn't clean the first time", in)
		}
		if strings.ContainsAny(Line(in), "\n\t") {
			t.Errorf("%q has more than a line", in)
		}
	})
}
